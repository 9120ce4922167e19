"""Every statement on schedules: setting one, finding those that may be due, counting, and what came of it."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from review.datasets.schedules.rules import Outcome, Schedule
from review.kernel.db import Hot

LOOK_EVERY: Final = timedelta(seconds=5)  # for what is new; times of the clock are looked for at each turn

_SHOWN = """
 d.name AS dataset, c.cron, c.timezone, c.new_records, c.paused, c.next_at, c.fresh, c.last_at, c.last_outcome,
 c.last_note, c.last_number, c.set_by, c.set_at
"""
_FROM = "FROM dataset_schedules c JOIN datasets d ON d.project_id = c.project_id AND d.id = c.dataset_id"
FIND = f"SELECT {_SHOWN} {_FROM} WHERE d.project_id = $1 AND d.name = $2"
PUT = """
INSERT INTO dataset_schedules (project_id, dataset_id, cron, timezone, new_records, paused, next_at, set_by)
SELECT project_id, id, $3, $4, $5, $6, $7, $8 FROM datasets WHERE project_id = $1 AND name = $2
ON CONFLICT (project_id, dataset_id) DO UPDATE
SET cron = excluded.cron, timezone = excluded.timezone, new_records = excluded.new_records, paused = excluded.paused,
    next_at = excluded.next_at, set_by = excluded.set_by, set_at = now()
"""
REMOVE = """
DELETE FROM dataset_schedules c USING datasets d
WHERE d.project_id = c.project_id AND d.id = c.dataset_id AND d.project_id = $1 AND d.name = $2 RETURNING d.id
"""
LIST_DUE = """
SELECT project_id, dataset_id FROM dataset_schedules
WHERE NOT paused AND (next_at <= now()
                      OR (new_records IS NOT NULL AND (looked_at IS NULL OR looked_at < now() - $1::interval)))
ORDER BY looked_at NULLS FIRST LIMIT 20
"""
# The base is the end of the last snapshot that is of use: one that failed or was withdrawn is made up for.
FIND_STANDING = f"""
SELECT {_SHOWN}, c.base, c.reached, c.project_id, d.definition::text AS definition,
       coalesce(c.next_at <= now(), false) AS is_due, now() AS now, last.number AS of_number,
       last.definition::text AS of_definition, coalesce(last.cut_off, 0) AS of_base,
       EXISTS (SELECT FROM snapshots s WHERE s.project_id = c.project_id AND s.dataset_id = c.dataset_id
               AND s.state IN ('waiting', 'running')) AS is_making,
       coalesce((SELECT s.state IN ('failed', 'stopped') AND s.ended_at > now() - $3::interval FROM snapshots s
                 WHERE s.project_id = c.project_id AND s.dataset_id = c.dataset_id
                 ORDER BY s.number DESC LIMIT 1), false) AS rests
{_FROM}
LEFT JOIN LATERAL (
  SELECT s.number, s.definition, s.cut_off FROM snapshots s
  WHERE s.project_id = c.project_id AND s.dataset_id = c.dataset_id AND s.state = 'ready'
  ORDER BY s.cut_off DESC, s.number DESC LIMIT 1
) last ON true
WHERE c.project_id = $1 AND c.dataset_id = $2 AND NOT c.paused
"""
LOCK = """
SELECT FROM dataset_schedules WHERE project_id = $1 AND dataset_id = $2 FOR NO KEY UPDATE SKIP LOCKED
"""
COUNTED = """
UPDATE dataset_schedules SET base = $5, reached = $6, fresh = $7, looked_at = now()
WHERE project_id = $1 AND dataset_id = $2 AND base = $3 AND reached = $4 RETURNING fresh
"""
NOTE = """
UPDATE dataset_schedules
SET next_at = $3, last_at = now(), last_outcome = $4, last_note = $5, last_number = coalesce($6, last_number)
WHERE project_id = $1 AND dataset_id = $2
"""

Key = tuple[UUID, UUID]


async def find(hot: Hot, project_id: UUID, dataset: str) -> Any:
    """Find the schedule of a dataset."""
    return await hot.fetchrow(FIND, project_id, dataset)


async def put(
    hot: Hot, project_id: UUID, dataset: str, schedule: Schedule, next_at: datetime | None, set_by: str
) -> None:
    """Set the schedule of a dataset; what has been counted stays."""
    of = (schedule.cron, schedule.timezone, schedule.new_records, schedule.paused)
    await hot.execute(PUT, project_id, dataset, *of, next_at, set_by)


async def remove(hot: Hot, project_id: UUID, dataset: str) -> bool:
    """Remove the schedule of a dataset; False where it has none."""
    return await hot.fetchval(REMOVE, project_id, dataset) is not None


async def list_due(hot: Hot) -> list[Key]:
    """List schedules of which a time has come, or whose new records nobody has counted for a while."""
    return [(row["project_id"], row["dataset_id"]) for row in await hot.fetch(LIST_DUE, LOOK_EVERY)]


async def find_standing(hot: Hot, key: Key, rest: timedelta) -> Any:
    """Read a schedule that is not paused, with what has been made of its dataset; failures within `rest` are told."""
    return await hot.fetchrow(FIND_STANDING, *key, rest)


async def lock_standing(hot: Hot, key: Key, rest: timedelta) -> Any:
    """Read the same with the schedule locked; None where another worker has it.

    The lock is a statement of its own: only the one after it sees what was committed before the lock was given.
    """
    if await hot.fetchrow(LOCK, *key) is None:
        return None
    return await find_standing(hot, key, rest)


async def counted(hot: Hot, key: Key, was: tuple[int, int], base: int, reached: int, fresh: int) -> bool:
    """Note how far what is new has been counted; False where another worker was quicker."""
    return await hot.fetchval(COUNTED, *key, *was, base, reached, fresh) is not None


async def note(hot: Hot, key: Key, next_at: datetime | None, outcome: Outcome, why: str, number: int | None) -> None:
    """Note what came of a schedule, and when its next time is."""
    await hot.execute(NOTE, *key, next_at, outcome.value, why, number)
