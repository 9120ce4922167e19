"""Walking over the open clocks of a project, a page of them at a time."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from review.escalation.clock_queries import CLOCK, case_clock
from review.escalation.clock_rules import CaseClock
from review.kernel.db import Hot
from review.kernel.timers import TimerKind

BEGINNING = UUID(int=0)

# Of several versions applied in a row the last one counts; a walk for an earlier one ends where it is.
LOCK_WALK = f"""
SELECT t.project_id, t.generation AS version, r.passed, coalesce(r.walks, 0) AS walks,
       coalesce(r.left_over, 0) AS left_over, coalesce(r.is_forced, false) AS is_forced,
       EXISTS (SELECT FROM timers n WHERE n.project_id = t.project_id AND n.kind = t.kind
               AND n.subject_id = t.subject_id AND n.generation > t.generation) AS is_superseded
FROM timers t
LEFT JOIN clock_recomputes r ON r.project_id = t.project_id AND r.version = t.generation
WHERE t.kind = '{TimerKind.RECOMPUTE}' AND t.fire_at <= now()
ORDER BY t.fire_at LIMIT 1 FOR UPDATE OF t SKIP LOCKED
"""

KEEP_WALK = """
INSERT INTO clock_recomputes (project_id, version, started_at, passed, moved, walks, left_over, finished_at)
VALUES ($1, $2, now(), $3, $4, $5, $6, CASE WHEN $7 THEN now() END)
ON CONFLICT (project_id, version) DO UPDATE
SET passed = excluded.passed, moved = clock_recomputes.moved + excluded.moved, walks = excluded.walks,
    left_over = excluded.left_over, finished_at = excluded.finished_at,
    is_forced = clock_recomputes.is_forced AND excluded.finished_at IS NULL
"""
FORCE_WALK = """
INSERT INTO clock_recomputes (project_id, version, is_forced) VALUES ($1, $2, true)
ON CONFLICT (project_id, version) DO UPDATE
SET passed = NULL, walks = 0, left_over = 0, finished_at = NULL, is_forced = true
"""
START_WALK = f"""
INSERT INTO timers (project_id, kind, subject_id, generation, fire_at)
VALUES ($1, '{TimerKind.RECOMPUTE}', $1, $2, now())
ON CONFLICT (project_id, kind, subject_id, generation) DO UPDATE SET fire_at = excluded.fire_at
"""

LIST_CONFIGURED = """
SELECT id AS project_id, config_version AS version, extract(year FROM now())::int AS year
FROM projects WHERE config_version > 0 ORDER BY id
"""
# Gives what was remembered before, if it was of the same configuration; the row is locked from here on.
REMEMBER = """
WITH before AS (SELECT version, fingerprint FROM clock_calendars WHERE project_id = $1 FOR UPDATE), kept AS (
  INSERT INTO clock_calendars (project_id, version, fingerprint) VALUES ($1, $2, $3)
  ON CONFLICT (project_id) DO UPDATE SET version = excluded.version, fingerprint = excluded.fingerprint
)
SELECT fingerprint FROM before WHERE version = $2
"""
_THIS_WALK = f"WHERE project_id = $1 AND kind = '{TimerKind.RECOMPUTE}' AND subject_id = $1 AND generation = $2"
END_WALK = f"DELETE FROM timers {_THIS_WALK}"
WALK_AGAIN = f"UPDATE timers SET fire_at = now() + $3 {_THIS_WALK}"

# By the key of the timers: open clocks are what they are about, and closed cases, however many, are not looked at.
LIST_PAGE = f"""
SELECT DISTINCT subject_id FROM timers
WHERE project_id = $1 AND kind = '{TimerKind.DUE}' AND subject_id > $2 ORDER BY subject_id LIMIT $3
"""

_BEHIND = """
c.project_id = $1 AND c.id = ANY($2::uuid[]) AND c.state = 'open' AND c.paused_at IS NULL AND c.due_at IS NOT NULL
AND coalesce(c.clock_version, 0) < $3
"""
LIST_BEHIND = f"SELECT c.id, c.item_id FROM cases c WHERE {_BEHIND}"
LOCK_SEATS = """
SELECT id FROM assignments WHERE project_id = $1 AND item_id = ANY($2::uuid[]) AND state IN ('open', 'held')
ORDER BY id FOR UPDATE SKIP LOCKED
"""
LIST_SEATS = """
SELECT id, case_id FROM assignments
WHERE project_id = $1 AND item_id = ANY($2::uuid[]) AND state IN ('open', 'held')
"""
LOCK_BEHIND = f"SELECT {CLOCK} WHERE {_BEHIND} ORDER BY c.id FOR UPDATE OF c SKIP LOCKED"

LIST_TIMERS = f"""
SELECT t.subject_id, t.fire_at FROM timers t JOIN cases c ON c.project_id = t.project_id AND c.id = t.subject_id
WHERE t.project_id = $1 AND t.kind = '{TimerKind.DUE}' AND t.subject_id = ANY($2::uuid[])
  AND t.generation = c.clock_generation
"""


class Walk(msgspec.Struct, frozen=True):
    """Where a walk stands: it begins behind the case `passed`, and so many walks of this version came before it."""

    project_id: UUID
    version: int
    passed: UUID | None
    walks: int
    left_over: int
    is_forced: bool
    is_superseded: bool

    @property
    def before(self) -> int:
        """The version below which a clock is behind; clocks of this very version are too, where the walk is forced."""
        return self.version + self.is_forced


async def lock_walk(driver: Hot) -> Walk | None:
    """Lock the walk that has been due for longest and that nobody else is on."""
    row = await driver.fetchrow(LOCK_WALK)
    return None if row is None else Walk(**dict(row))


async def keep_walk(driver: Hot, walk: Walk, *, moved: int = 0, is_finished: bool = False) -> None:
    """Keep where a walk stands, and how many clocks its last page moved."""
    given = (walk.project_id, walk.version, walk.passed, moved, walk.walks, walk.left_over, is_finished)
    await driver.execute(KEEP_WALK, *given)
    if is_finished:
        await driver.execute(END_WALK, walk.project_id, walk.version)


async def walk_again(driver: Hot, walk: Walk, after: timedelta) -> None:
    """Have the walk begin anew after so long."""
    await driver.execute(WALK_AGAIN, walk.project_id, walk.version, after)


async def list_page(driver: Hot, walk: Walk, limit: int) -> list[UUID]:
    """Read the next cases that have a timer, in the order of their ids."""
    rows = await driver.fetch(LIST_PAGE, walk.project_id, walk.passed or BEGINNING, limit)
    return [row["subject_id"] for row in rows]


async def lock_behind(driver: Hot, walk: Walk, page: list[UUID]) -> tuple[list[CaseClock], int]:
    """Lock, of these cases, those whose clocks run by an earlier version; gives how many could not be had as well.

    Seats first, then the case, and no lock is waited for: whoever holds one may want another of this page.
    """
    given = (walk.project_id, page, walk.before)
    behind = {row["id"]: row["item_id"] for row in await driver.fetch(LIST_BEHIND, *given)}
    if not behind:
        return [], 0
    items = list(behind.values())
    ours = {row["id"] for row in await driver.fetch(LOCK_SEATS, walk.project_id, items)}
    seats = await driver.fetch(LIST_SEATS, walk.project_id, items)
    free = behind.keys() - {row["case_id"] for row in seats if row["id"] not in ours}
    rows = await driver.fetch(LOCK_BEHIND, walk.project_id, list(free), walk.before)
    return [case_clock(row) for row in rows], len(behind) - len(rows)


async def list_timers(driver: Hot, project_id: UUID, case_ids: list[UUID]) -> dict[UUID, Any]:
    """Read when the timers of these clocks fire."""
    rows = await driver.fetch(LIST_TIMERS, project_id, case_ids)
    return {row["subject_id"]: row["fire_at"] for row in rows}


async def list_configured(hot: Hot) -> list[Any]:
    """List every project that has a configuration, with its version and the year it is in the database."""
    return await hot.fetch(LIST_CONFIGURED)


async def remember(driver: Hot, project_id: UUID, version: int, fingerprint: bytes) -> bytes | None:
    """Keep what the calendars of a configuration come to; gives what they came to before, or None if it is new."""
    before: bytes | None = await driver.fetchval(REMEMBER, project_id, version, fingerprint)
    return before


async def force_walk(driver: Hot, project_id: UUID, version: int) -> None:
    """Have every open clock of a project looked at again, whatever version it runs by; waits for who is on the walk."""
    await driver.execute(START_WALK, project_id, version)  # the timer first, as `lock_walk` and `keep_walk` do
    await driver.execute(FORCE_WALK, project_id, version)
