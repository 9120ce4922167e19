"""Every statement by which rollouts follow new items and are measured.

What is known of an item is read out of tables of packages below this one, as a database view would.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from review.kernel.db import Hot
from review.kernel.events import EventKind
from review.rollout.rules import MOST_KEPT, Compared
from review.routing.rollouts import Figure

MEASURED = 5_000  # of the newest items that the candidate routed; older ones say nothing of how it goes now
KEPT = timedelta(days=90)
FORGOTTEN_AT_ONCE = 5_000
_PEOPLE = "('review', 'consensus', 'adjudication', 'override')"

LIST_BEHIND = """
SELECT r.project_id, r.id, r.version, r.from_version, r.compared, r.position, r.differed, r.started_at,
       r.flows::text AS flows
FROM rollouts r JOIN event_feeds f ON f.project_id = r.project_id
WHERE r.state IN ('shadow', 'live') AND f.last_position > r.position
"""
# Each item arrives with one event, and the feed has every event once, in the order of their commits: so none is missed
# however late it was committed, and none comes twice.
NEXT = f"""
SELECT max(position) AS upto,
       array_agg(item_id) FILTER (WHERE kind = '{EventKind.QUEUED}'
                                  OR (kind = '{EventKind.DECIDED}' AND payload ->> 'source' = 'rule')) AS items
FROM (SELECT position, item_id, kind, payload FROM events
      WHERE project_id = $1 AND position > $2 ORDER BY position LIMIT $3) AS next
"""
READ = """
SELECT i.id, i.type, i.created_at, i.config_version, CASE WHEN $4 THEN b.input::text END AS input,
       CASE WHEN $5 THEN b.output::text END AS output, b.details::text AS details, b.route::text AS route,
       (b.route -> 'measured')::text AS measured, NULL AS verdict, NULL AS chance
FROM items i JOIN item_bodies b ON b.project_id = i.project_id AND b.item_id = i.id
WHERE i.project_id = $1 AND i.id = ANY($2::uuid[]) AND i.created_at >= $3 ORDER BY i.id
"""
# Where another worker has moved on meanwhile, or the rollout has ended, nothing is counted.
MOVE_ON = f"""
WITH moved AS (
  UPDATE rollouts SET position = $4, seen = seen + $5, taken = taken + $6, differed = differed + $7,
         flows = $8::text::json
  WHERE project_id = $1 AND id = $2 AND position = $3 AND state IN ('shadow', 'live') RETURNING differed
), kept AS (
  INSERT INTO rollout_items (project_id, rollout_id, item_id, is_taken, old, new, old_rule, new_rule, parts)
  SELECT $1, $2, g.item_id, g.is_taken, g.old, g.new, g.old_rule, g.new_rule, g.parts::json
  FROM unnest($9::uuid[], $10::bool[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[])
    AS g(item_id, is_taken, old, new, old_rule, new_rule, parts), moved
  WHERE g.is_taken OR moved.differed <= {MOST_KEPT}
  ON CONFLICT DO NOTHING
)
SELECT count(*) FROM moved
"""

LIST_DUE = """
SELECT project_id, id FROM rollouts
WHERE state = 'live' AND (checked_at IS NULL OR checked_at <= now() - $1::interval) ORDER BY checked_at NULLS FIRST
"""
LOCK_PROJECT = "SELECT slug FROM projects WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED"
# What the candidate's rules decided by themselves and people found wrong; what people judged and did not approve; what
# had a clock that has come to its end, and was late.
MEASURE = f"""
WITH taken AS (
  SELECT item_id, new FROM rollout_items WHERE project_id = $1 AND rollout_id = $2 AND is_taken
  ORDER BY item_id DESC LIMIT {MEASURED}
), known AS (
  SELECT t.new, t.new IN ('approve', 'reject') AS is_ruled, d.verdict,
         c.due_at IS NOT NULL AND c.paused_at IS NULL AND (c.closed_at IS NOT NULL OR c.due_at <= now()) AS is_timed,
         c.due_at < coalesce(c.closed_at, now()) AS is_late
  FROM taken t
  LEFT JOIN LATERAL (SELECT CASE WHEN source IN {_PEOPLE} THEN verdict END AS verdict FROM decisions
                     WHERE project_id = $1 AND item_id = t.item_id ORDER BY revision DESC LIMIT 1) d ON true
  LEFT JOIN cases c ON c.project_id = $1 AND c.item_id = t.item_id
)
SELECT count(*) FILTER (WHERE is_ruled) AS ruled,
       count(*) FILTER (WHERE is_ruled AND verdict <> new) AS overridden,
       count(*) FILTER (WHERE NOT is_ruled AND verdict IS NOT NULL) AS judged,
       count(*) FILTER (WHERE NOT is_ruled AND verdict <> 'approve') AS corrected,
       count(*) FILTER (WHERE is_timed) AS timed,
       count(*) FILTER (WHERE is_timed AND is_late) AS late
FROM known
"""
# Everybody's, since the rollout went live: the queue is one, whoever fills it. What a stop held has waited in it only
# since it was let go and got its seats.
OLDEST = """
SELECT coalesce(extract(epoch FROM now() - min(a.created_at)), 0)::float8 AS seconds, count(*) AS waiting
FROM assignments a JOIN cases c ON c.project_id = a.project_id AND c.id = a.case_id
WHERE a.project_id = $1 AND a.state = 'open' AND c.opened_at >= (
  SELECT live_at FROM rollouts WHERE project_id = $1 AND id = $2)
"""

_DIFFERED = f"""
FROM rollout_items r LEFT JOIN LATERAL (
  SELECT CASE WHEN source IN {_PEOPLE} THEN verdict END AS verdict FROM decisions
  WHERE project_id = $1 AND item_id = r.item_id ORDER BY revision DESC LIMIT 1) d ON true
WHERE r.project_id = $1 AND r.rollout_id = $2 AND NOT r.is_taken
"""
COUNT_JUDGED = f"""
SELECT r.old, r.new, d.verdict, count(*) AS items {_DIFFERED} AND d.verdict IS NOT NULL GROUP BY 1, 2, 3
"""
EXAMPLES = f"""
SELECT item_id, old, new, old_rule, new_rule, parts::text AS parts, verdict FROM (
  SELECT r.item_id, r.old, r.new, r.old_rule, r.new_rule, r.parts, d.verdict,
         row_number() OVER (PARTITION BY r.old, r.new ORDER BY r.item_id DESC) AS place {_DIFFERED}
) AS ranked WHERE place <= $3 ORDER BY old, new, item_id DESC
"""
LIST_DIFFERED = f"""
SELECT r.item_id, r.old, r.new, r.old_rule, r.new_rule, r.parts::text AS parts, d.verdict {_DIFFERED}
  AND ($3::uuid IS NULL OR r.item_id < $3) ORDER BY r.item_id DESC LIMIT $4
"""
FORGET = f"""
DELETE FROM rollout_items USING (
  SELECT i.project_id, i.rollout_id, i.item_id FROM rollouts r
  JOIN rollout_items i ON i.project_id = r.project_id AND i.rollout_id = r.id
  WHERE r.ended_at < now() - $1::interval LIMIT {FORGOTTEN_AT_ONCE}
) AS old
WHERE rollout_items.project_id = old.project_id AND rollout_items.rollout_id = old.rollout_id
  AND rollout_items.item_id = old.item_id
"""


async def list_behind(hot: Hot) -> Sequence[Any]:
    """List the running rollouts whose project's feed has grown."""
    return await hot.fetch(LIST_BEHIND)


async def read_next(hot: Hot, project_id: UUID, after: int, limit: int) -> tuple[int | None, list[UUID]]:
    """Give how far the next events of the feed reach, and which items arrived with them."""
    row = await hot.fetchrow(NEXT, project_id, after, limit)
    return (None, []) if row is None else (row["upto"], row["items"] or [])


async def read_items(hot: Hot, project_id: UUID, *given: Any) -> Sequence[Any]:
    """Read items with their routes: ids, since when, and whether input and output are needed."""
    return await hot.fetch(READ, project_id, *given)


async def move_on(hot: Hot, mine: tuple[UUID, UUID], before: int, upto: int, found: Compared) -> bool:
    """Count a batch and keep what differs, all in one statement; False where somebody else did, or it has ended."""
    kept = found.kept
    flows = msgspec.json.encode(found.flows).decode()
    columns = [
        [each.item_id for each in kept],
        [each.is_taken for each in kept],
        [each.old for each in kept],
        [each.new for each in kept],
        [each.old_rule for each in kept],
        [each.new_rule for each in kept],
        [msgspec.json.encode(each.parts).decode() for each in kept],
    ]
    counts = (found.seen, found.taken, found.differed)
    return bool(await hot.fetchval(MOVE_ON, *mine, before, upto, *counts, flows, *columns))


async def list_due(hot: Hot, every: timedelta) -> list[tuple[UUID, UUID]]:
    """List the live rollouts that nobody has looked at for so long."""
    return [(row["project_id"], row["id"]) for row in await hot.fetch(LIST_DUE, every)]


async def lock_project(hot: Hot, project_id: UUID) -> str | None:
    """Lock a project and give its name; None while somebody else has it."""
    slug: str | None = await hot.fetchval(LOCK_PROJECT, project_id)
    return slug


async def measure(hot: Hot, project_id: UUID, rollout_id: UUID, *, with_oldest: bool) -> dict[str, Figure]:
    """Measure a rollout; the oldest that waits only where it is asked for."""
    row = await hot.fetchrow(MEASURE, project_id, rollout_id)
    if row is None:
        raise AssertionError
    figures = {
        "override_rate": _rate(row["overridden"], row["ruled"]),
        "correction_rate": _rate(row["corrected"], row["judged"]),
        "breach_rate": _rate(row["late"], row["timed"]),
    }
    oldest = await hot.fetchrow(OLDEST, project_id, rollout_id) if with_oldest else None
    return figures if oldest is None else figures | {"oldest_waiting": Figure(oldest["seconds"], oldest["waiting"])}


def _rate(part: int, of: int) -> Figure:
    return Figure(part / of if of else 0.0, of)


async def count_judged(hot: Hot, project_id: UUID, rollout_id: UUID) -> Sequence[Any]:
    """Count what people decided of the items that differ, by both outcomes and the verdict."""
    return await hot.fetch(COUNT_JUDGED, project_id, rollout_id)


async def list_examples(hot: Hot, project_id: UUID, rollout_id: UUID, each: int) -> Sequence[Any]:
    """List the newest items of each two outcomes that differ."""
    return await hot.fetch(EXAMPLES, project_id, rollout_id, each)


async def list_differed(hot: Hot, project_id: UUID, rollout_id: UUID, before: UUID | None, limit: int) -> Sequence[Any]:
    """List the items that differ, the newest first."""
    return await hot.fetch(LIST_DIFFERED, project_id, rollout_id, before, limit)


async def forget(hot: Hot) -> int:
    """Forget a bounded number of items of rollouts that ended long ago; gives how many."""
    done: str = await hot.execute(FORGET, KEPT)
    return int(done.rpartition(" ")[2])
