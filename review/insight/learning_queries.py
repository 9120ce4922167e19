"""Every statement by which past decisions are learned from and looked up."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from review.insight.calibration import Cell, Lesson, Tally
from review.kernel.db import Hot

BATCH = 500

LIST_BEHIND = """
SELECT f.project_id FROM feedback_feeds f LEFT JOIN lessons l USING (project_id)
WHERE f.last_position > coalesce(l.position, 0)
"""
OPEN_PLACE = "INSERT INTO lessons (project_id) VALUES ($1) ON CONFLICT DO NOTHING"
LOCK_PLACE = "SELECT position FROM lessons WHERE project_id = $1 FOR UPDATE SKIP LOCKED"
MOVE_PLACE = "UPDATE lessons SET position = $2 WHERE project_id = $1"

# Of a large record only what is learned from leaves the database.
LIST_TOLD = """
SELECT position, item_id, revision, type, verdict, decided_at, withdrawn_at IS NOT NULL AS is_withdrawn,
       left((record -> 'input')::text, $3) AS input,
       CASE WHEN length((record -> 'label')::text) <= $4 THEN (record -> 'label')::text END AS label,
       record -> 'model' ->> 'name' AS model, record -> 'model' ->> 'version' AS model_version,
       (record ->> 'confidence')::float8 AS confidence,
       (record -> 'route' ->> 'inclusion_probability')::float8 AS inclusion_probability
FROM feedback WHERE project_id = $1 AND position > $2 ORDER BY position LIMIT $5
"""
LIST_KNOWN = """
SELECT item_id, revision, type, model, model_version, band, verdict = 'approve' AS approved, weight, is_counted
FROM precedents WHERE project_id = $1 AND item_id = ANY($2::uuid[])
"""
SET_PRECEDENT = """
INSERT INTO precedents (project_id, item_id, type, revision, verdict, label, decided_at, brief, words, sketch, keys,
                        model, model_version, band, weight, is_counted)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, to_tsvector('simple', $9), $10, $11, $12, $13, $14, $15, $16)
ON CONFLICT (project_id, item_id) DO UPDATE SET revision = excluded.revision, verdict = excluded.verdict,
  label = excluded.label, decided_at = excluded.decided_at, is_counted = excluded.is_counted
"""
COUNT = """
INSERT INTO calibrations AS c (project_id, type, model, model_version, band, judged, approved, weight, approved_weight,
                               squares)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (project_id, type, model, model_version, band) DO UPDATE SET
  judged = c.judged + excluded.judged, approved = c.approved + excluded.approved, weight = c.weight + excluded.weight,
  approved_weight = c.approved_weight + excluded.approved_weight, squares = c.squares + excluded.squares
"""

LIST_TALLIES = """
SELECT band, judged, approved, weight, approved_weight, squares FROM calibrations
WHERE project_id = $1 AND type = $2 AND model = $3 AND model_version = $4 ORDER BY band
"""

# Three ways to candidates, each by an index and each bounded, so that neither a common word nor a thousand copies of
# one text makes it slow: where enough is as good as the same, nothing looser is looked for. Ranked by their sketches;
# the best are then compared as they are.
FIND_NEAR = """
WITH alike AS MATERIALIZED (
  SELECT item_id, sketch FROM precedents WHERE project_id = $1 AND type = $2 AND keys && $3::int[] LIMIT $7
), near AS (
  SELECT item_id, sketch FROM alike
  UNION
  (SELECT item_id, sketch FROM precedents WHERE (SELECT count(*) FROM alike) < $8 AND project_id = $1 AND type = $2
   AND words @@ to_tsquery('simple', $4) LIMIT $7)
  UNION
  (SELECT item_id, sketch FROM precedents WHERE (SELECT count(*) FROM alike) < $8 AND project_id = $1 AND type = $2
   AND keys && $5::int[] LIMIT $7)
), best AS (
  SELECT item_id, (SELECT count(*) FROM unnest(sketch, $6::int[]) AS place (a, b) WHERE a = b) AS alike
  FROM near ORDER BY alike DESC, item_id DESC LIMIT $8
)
SELECT p.item_id, p.brief, p.verdict, p.label::text AS label, p.decided_at
FROM best JOIN precedents p ON p.project_id = $1 AND p.item_id = best.item_id
"""
# Without these the planner might take a walk over the whole table for the shorter way to the first few rows; and of a
# key that very many share, some are enough. Going back to the savepoint takes the settings back too.
BOUND = """
SAVEPOINT near;
SET LOCAL enable_seqscan = off;
SET LOCAL plan_cache_mode = force_custom_plan;
SET LOCAL gin_fuzzy_search_limit = 5000
"""


async def list_behind(hot: Hot) -> list[UUID]:
    """List the projects whose feedback has grown since it was last learned from."""
    return [row["project_id"] for row in await hot.fetch(LIST_BEHIND)]


async def lock_place(hot: Hot, project_id: UUID) -> int | None:
    """Lock how far a project's feedback has been learned from; None while somebody else is at it."""
    await hot.execute(OPEN_PLACE, project_id)
    place: int | None = await hot.fetchval(LOCK_PLACE, project_id)
    return place


async def list_told(hot: Hot, project_id: UUID, after: int, *, raw: int, label: int) -> list[Any]:
    """Read the next records of the feed, as far as they are learned from."""
    return await hot.fetch(LIST_TOLD, project_id, after, raw, label, BATCH)


async def list_known(hot: Hot, project_id: UUID, item_ids: list[UUID]) -> dict[UUID, Lesson]:
    """Read what was learned of these items before."""
    rows = await hot.fetch(LIST_KNOWN, project_id, item_ids)
    return {row["item_id"]: Lesson(**dict(row)) for row in rows}


async def set_precedents(hot: Hot, rows: Sequence[tuple[Any, ...]]) -> None:
    """Store decided items, or how they stand now."""
    await hot.executemany(SET_PRECEDENT, rows)


async def count(hot: Hot, project_id: UUID, changes: Mapping[Cell, Tally]) -> None:
    """Change the counts, always in the same order of their keys."""
    rows = [
        (project_id, *cell, each.judged, each.approved, each.weight, each.approved_weight, each.squares)
        for cell, each in sorted(changes.items())
    ]
    await hot.executemany(COUNT, rows)


async def move_place(hot: Hot, project_id: UUID, position: int) -> None:
    """Note how far a project's feedback has been learned from."""
    await hot.execute(MOVE_PLACE, project_id, position)


async def list_tallies(hot: Hot, project_id: UUID, type_name: str, model: str, version: str) -> list[tuple[int, Tally]]:
    """Read the counts of a model's bands."""
    rows = await hot.fetch(LIST_TALLIES, project_id, type_name, model, version)
    return [(row["band"], Tally(*list(row)[1:])) for row in rows]


async def find_near(driver: Hot, given: tuple[Any, ...]) -> list[Any]:
    """Find decided items whose texts may be near, the most alike by their sketches; within a transaction."""
    await driver.execute(BOUND)
    found = await driver.fetch(FIND_NEAR, *given)
    await driver.execute("ROLLBACK TO SAVEPOINT near")
    return found
