"""Every statement of the assurance figures; they only read."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from review.assurance.advice import Cell
from review.assurance.estimates import Group, Stratum
from review.kernel.db import Hot
from review.routing.sampling import MOST_ELEMENTS

MOST_ITEMS = 100_000  # the newest, so that a page costs no more however large the project

# What people first made of an item counts as judged; what stands now says whether it was wrong.
_OUTCOME = """
  LEFT JOIN LATERAL (SELECT d.source FROM decisions d WHERE d.project_id = $1 AND d.item_id = b.item_id
    AND d.revision = 1 AND d.source IN ('review', 'consensus', 'adjudication', 'override')) first ON {drawn}
  LEFT JOIN LATERAL (SELECT d.verdict FROM decisions d WHERE d.project_id = $1 AND d.item_id = b.item_id
    ORDER BY d.revision DESC LIMIT 1) last ON first.source IS NOT NULL
"""
_RECENT = f"""
  SELECT i.id, i.type FROM items i WHERE i.project_id = $1 AND i.created_at > now() - make_interval(days => $2)
  ORDER BY i.id DESC LIMIT {MOST_ITEMS}
"""
_COUNTED = """
  count(*) AS items, count(*) FILTER (WHERE drawn) AS drawn, count(*) FILTER (WHERE source IS NOT NULL) AS judged,
  count(*) FILTER (WHERE verdict IN ('correct', 'reject')) AS errors
"""
_MODEL = """coalesce(b.details -> 'model' ->> 'name', '') AS model,
    coalesce(b.details -> 'model' ->> 'version', '') AS version, (b.details ->> 'confidence')::float8 AS confidence"""

AUDITED = f"""
SELECT type, model, version, rule, coalesce(width_bucket(confidence, $3::float8[]), -1) AS band, share, {_COUNTED}
FROM (
  SELECT r.type, {_MODEL}, coalesce(b.route ->> 'rule', '') AS rule, b.route ->> 'action' = 'review' AS drawn,
    (b.route -> 'audit' ->> 'share')::float8 AS share, first.source, last.verdict
  FROM ({_RECENT}) r JOIN item_bodies b ON b.project_id = $1 AND b.item_id = r.id
  {_OUTCOME.format(drawn="b.route ->> 'action' = 'review'")}
  WHERE b.route -> 'audit' ->> 'share' IS NOT NULL
) seen GROUP BY 1, 2, 3, 4, 5, 6
"""

# Here the chance is that of coming to people at all, by whichever rule; what never could tells nothing.
ALL_OF_A_MODEL = f"""
SELECT coalesce(width_bucket(confidence, $5::float8[]), 0) AS bucket, share, {_COUNTED}
FROM (
  SELECT {_MODEL}, b.route ->> 'action' = 'review' AS drawn,
    (b.route ->> 'inclusion_probability')::float8 AS share, first.source, last.verdict
  FROM ({_RECENT}) r JOIN item_bodies b ON b.project_id = $1 AND b.item_id = r.id
  {_OUTCOME.format(drawn="b.route ->> 'action' = 'review'")}
  WHERE r.type = $3 AND b.route ->> 'action' <> 'reject' AND (b.route ->> 'inclusion_probability')::float8 > 0
    AND coalesce(b.details -> 'model' ->> 'name', '') || '@' || coalesce(b.details -> 'model' ->> 'version', '') = $4
) seen GROUP BY 1, 2
"""

# How often each value stands at a path, of lists each of the first fifty elements; what is no text, number or truth
# value has no place in a table.
SEEN = f"""
SELECT value, count(*) AS times
FROM ({_RECENT}) r JOIN item_bodies b ON b.project_id = $1 AND b.item_id = r.id
CROSS JOIN LATERAL (
  SELECT CASE $4 WHEN 'input' THEN b.input WHEN 'output' THEN b.output ELSE b.details END #> $5::text[] AS found
) at
CROSS JOIN LATERAL (
  SELECT each #>> '{{}}' AS value FROM json_array_elements(
    CASE json_typeof(found) WHEN 'array' THEN found ELSE json_build_array(found) END) WITH ORDINALITY AS e(each, n)
  WHERE n <= {MOST_ELEMENTS} AND json_typeof(each) IN ('string', 'number', 'boolean')
) of
WHERE r.type = $3 AND found IS NOT NULL GROUP BY value ORDER BY times DESC, value LIMIT $6
"""


async def list_audited(hot: Hot, project_id: UUID, days: int, bands: Sequence[float]) -> list[Group]:
    """Count what rules let through and what people found in it, by stratum and by chance."""
    rows = await hot.fetch(AUDITED, project_id, days, list(bands))
    return [_group(row, Stratum(row["type"], row["model"], row["version"], row["rule"], row["band"])) for row in rows]


async def list_cells(hot: Hot, project_id: UUID, days: int, of: tuple[str, str], grid: Sequence[float]) -> list[Cell]:
    """Count a model version's items of one type by the steps of a falling grid; `of` is the type and NAME@VERSION."""
    rising = list(reversed(grid))
    rows = await hot.fetch(ALL_OF_A_MODEL, project_id, days, *of, rising)
    stratum = Stratum(of[0], of[1], "", "", 0)
    return [Cell(len(rising) - row["bucket"], _group(row, stratum)) for row in rows]


async def list_seen(hot: Hot, project_id: UUID, days: int, of: str, path: Sequence[str], limit: int) -> list[Any]:
    """Count the values at a path of a type's items, the most frequent first."""
    root, *steps = path
    inside = steps if root in {"input", "output"} else path
    return await hot.fetch(SEEN, project_id, days, of, root, list(inside), limit)


def _group(row: Any, stratum: Stratum) -> Group:
    counts = {name: row[name] for name in ("share", "items", "drawn", "judged", "errors")}
    return Group(stratum=stratum, **counts)
