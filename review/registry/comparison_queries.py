"""The statement behind the comparison of two model versions; it only reads."""

from typing import Any, Final
from uuid import UUID

from review.kernel.db import Hot
from review.registry.rules import Called

LOOKS: Final = 50_000  # the newest items of the span, whose circumstances are read
MOST_REASONS: Final = 10

# Ids begin with the time at which they were made, so a span is a stretch of the key, and a day is left for clocks that
# differ. Each item's circumstances are read once; `OFFSET 0` keeps the planner from reading
# those of all items there are. `side` is 1 or 2, by which of the two versions made it.
_SINCE = "extract(epoch FROM now() - make_interval(days => $2 + 1)) * 1000"
_FIRST = f"(lpad(to_hex(({_SINCE})::bigint), 12, '0') || repeat('0', 20))::uuid"
COMPARE = f"""
WITH looked AS MATERIALIZED (
  SELECT id, type, created_at FROM items WHERE project_id = $1 AND id >= {_FIRST} ORDER BY id DESC LIMIT {LOOKS}
), made AS MATERIALIZED (
  SELECT i.id, i.created_at, i.type, c.side, d.confidence, d.latency_ms, d.cost, b.route ->> 'action' AS action
  FROM looked i
  CROSS JOIN LATERAL (SELECT details, route FROM item_bodies WHERE project_id = $1 AND item_id = i.id OFFSET 0) b
  CROSS JOIN LATERAL json_to_record(b.details) AS d(model json, confidence float8, latency_ms float8, cost json)
  JOIN unnest($4::text[], $5::text[], $6::text[]) WITH ORDINALITY AS c(name, version, prompt_version, side)
    ON c.name = coalesce(d.model ->> 'name', '') AND c.version = coalesce(d.model ->> 'version', '')
    AND c.prompt_version = coalesce(d.model ->> 'prompt_version', '')
  WHERE b.route ->> 'imported' IS NULL
), seen AS MATERIALIZED (
  SELECT m.*, first.source, last.verdict, last.revision, last.reasons,
    first.source IN ('review', 'consensus', 'adjudication', 'override') AS is_judged
  FROM made m
  LEFT JOIN decisions first ON first.project_id = $1 AND first.item_id = m.id AND first.revision = 1
  LEFT JOIN LATERAL (
    SELECT d.verdict, d.revision, d.reasons FROM decisions d WHERE d.project_id = $1 AND d.item_id = m.id
    ORDER BY d.revision DESC LIMIT 1) last ON true
  WHERE created_at > now() - make_interval(days => $2) AND ($3::text IS NULL OR type = $3)
)
SELECT 'looked' AS what, 0 AS side, '' AS key, count(*)::float8 AS value, 0 AS of FROM looked
UNION ALL SELECT 'action', side, action, count(*), 0 FROM seen GROUP BY side, action
UNION ALL SELECT 'judged', side, verdict, count(*), 0 FROM seen WHERE is_judged GROUP BY side, verdict
UNION ALL SELECT 'by_rule', side, CASE WHEN revision > 1 THEN 'overridden' ELSE 'stands' END, count(*), 0
  FROM seen WHERE source = 'rule' GROUP BY 1, 2, 3
UNION ALL SELECT 'day', side, to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), count(*), 0
  FROM seen GROUP BY 1, 2, 3
UNION ALL SELECT 'confidence', side, coalesce(least(9, floor(confidence * 10))::int::text, ''), count(*), 0
  FROM seen GROUP BY 1, 2, 3
UNION ALL SELECT 'reason', side, reason, count(*), 0
  FROM seen CROSS JOIN LATERAL json_array_elements_text(reasons) reason WHERE is_judged OR revision > 1 GROUP BY 1, 2, 3
UNION ALL SELECT 'latency', side, share::text, percentile_cont(share) WITHIN GROUP (ORDER BY latency_ms), count(*)
  FROM seen CROSS JOIN (VALUES (0.5::float8), (0.95)) AS shares(share) WHERE latency_ms IS NOT NULL GROUP BY 1, 2, share
UNION ALL SELECT 'cost', side, cost ->> 'currency', sum((cost ->> 'amount')::numeric)::float8, count(*)
  FROM seen WHERE cost IS NOT NULL GROUP BY 1, 2, 3
"""
TODAY = "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD')"


async def compare(
    hot: Hot, project_id: UUID, days: int, item_type: str | None, sides: tuple[Called, Called]
) -> list[Any]:
    """Count what two versions made among the newest items of the last days, in every way that is shown."""
    names, versions, prompts = (list(column) for column in zip(*sides, strict=True))
    return await hot.fetch(COMPARE, project_id, days, item_type, names, versions, prompts)


async def today(hot: Hot) -> str:
    """Give the date, in UTC."""
    found: str = await hot.fetchval(TODAY)
    return found
