"""Every statement on seats that are kept without being judged: put aside, pinned, sent back."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from review.identity.queries import carries
from review.identity.rules import Permission, Principal
from review.kernel.db import Hot, driver_of
from review.kernel.timers import TimerKind
from review.queueing.rules import Seat

GET_DUE = "SELECT due_at FROM assignments WHERE project_id = $1 AND id = $2"

# The fence grows, so that the page which had it in hand has it no more.
PUT_ASIDE = f"""
WITH aside AS (
  UPDATE assignments SET fence = fence + 1, aside_fence = fence + 1, lease_until = $3
  WHERE project_id = $1 AND id = $2 RETURNING project_id, id, fence
), clocks AS (
  INSERT INTO timers (project_id, kind, subject_id, generation, fire_at)
  SELECT project_id, '{TimerKind.SNOOZE}', id, fence, $3 FROM aside
)
INSERT INTO asides (project_id, assignment_id, fence, kind, user_id, put_by, note)
SELECT project_id, id, fence, 'snoozed', $4, $5, $6 FROM aside
"""

TAKE_UP = f"""
WITH taken AS (
  UPDATE assignments SET fence = fence + 1, claimed_at = now(), lease = $3, lease_until = now() + $3
  WHERE project_id = $1 AND id = $2 RETURNING project_id, id, fence, lease_until
), clocks AS (
  INSERT INTO timers (project_id, kind, subject_id, generation, fire_at)
  SELECT project_id, '{TimerKind.LEASE}', id, fence, lease_until FROM taken
)
SELECT fence, lease_until FROM taken
"""

# A seat that somebody has locked is left for the next sweep.
LOCK_RETURNS = f"""
SELECT t.project_id, t.subject_id, t.generation, a.item_id, a.pool, u.email,
       a.state = 'held' AND a.fence = t.generation AND a.aside_fence = a.fence AS stands
FROM timers t JOIN assignments a ON a.project_id = t.project_id AND a.id = t.subject_id
LEFT JOIN users u ON u.id = a.holder_id
WHERE t.kind = '{TimerKind.SNOOZE}' AND t.fire_at <= now() ORDER BY t.fire_at LIMIT $1
FOR UPDATE OF t, a SKIP LOCKED
"""

RESERVE = f"""
WITH due AS MATERIALIZED (
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::boolean[]) AS g(project_id, id, fence, stands)
), ended AS (
  DELETE FROM timers t USING due
  WHERE t.kind = '{TimerKind.SNOOZE}' AND t.project_id = due.project_id AND t.subject_id = due.id
    AND t.generation = due.fence
), kept AS (
  UPDATE assignments a SET lease_until = now() + $5 FROM due
  WHERE due.stands AND a.project_id = due.project_id AND a.id = due.id
), told AS (
  UPDATE asides s SET kind = 'reserved' FROM due
  WHERE due.stands AND s.project_id = due.project_id AND s.assignment_id = due.id AND s.fence = due.fence
)
INSERT INTO timers (project_id, kind, subject_id, generation, fire_at)
SELECT project_id, '{TimerKind.LEASE}', id, fence, now() + $5 FROM due WHERE stands
"""

# Whoever is called for finds it with them at the next sweep; nothing happens to what is not put aside.
HASTEN = f"""
UPDATE timers t SET fire_at = now() FROM assignments a LEFT JOIN users u ON u.id = a.holder_id
WHERE a.project_id = $1 AND a.item_id = $2 AND a.state = 'held' AND a.aside_fence = a.fence
  AND ($3::text[] IS NULL OR u.email = ANY ($3))
  AND t.project_id = $1 AND t.kind = '{TimerKind.SNOOZE}' AND t.subject_id = a.id AND t.generation = a.fence
  AND t.fire_at > now()
"""

# Who has had this seat in hand before, may still work where they had it, and does not sit elsewhere in the case.
LIST_BEFORE = f"""
SELECT * FROM (
  SELECT DISTINCT ON (e.actor_id) u.id, u.email, e.details ->> 'pool' AS pool, e.at
  FROM audit_entries e
  JOIN assignments a ON a.project_id = e.project_id AND a.id = $3
  JOIN users u ON u.id = e.actor_id AND u.disabled_at IS NULL
  JOIN memberships m ON m.project_id = e.project_id AND m.user_id = u.id AND {carries("m", Permission.WORK)}
  LEFT JOIN case_reviewers r ON r.project_id = a.project_id AND r.case_id = a.case_id AND r.user_id = u.id
  WHERE e.project_id = $1 AND e.item_id = $2 AND e.action IN ('assignment.claimed', 'assignment.taken_up')
    AND e.details ->> 'assignment_id' = $3::uuid::text AND u.id <> $4 AND e.details ->> 'pool' = ANY ($5::text[])
    AND (a.kind = 'review' OR e.details ->> 'pool' = a.pool)
    AND coalesce(r.part, 'skipped') = 'skipped' AND (a.barred IS NULL OR NOT a.barred && ARRAY[u.id::text, u.email])
    AND ({carries("m", Permission.ALL_POOLS)} OR EXISTS (SELECT FROM pool_members p
         WHERE p.project_id = e.project_id AND p.pool = e.details ->> 'pool' AND p.email = u.email))
  ORDER BY e.actor_id, e.id DESC
) before ORDER BY at DESC LIMIT 5
"""

# The pools a reviewer's seat has stood in, the last one first.
LIST_POOLS_BEFORE = """
SELECT pool FROM (
  SELECT coalesce(e.details -> 'was' ->> 'pool', e.details ->> 'pool') AS pool, max(e.id::text) AS at
  FROM audit_entries e JOIN assignments a ON a.project_id = e.project_id AND a.id = $3
  WHERE e.project_id = $1 AND e.item_id = $2 AND a.kind = 'review' AND e.action IN (
    'item.submitted', 'assignment.claimed', 'assignment.sent_back', 'case.escalated', 'escalation.step_taken')
  GROUP BY 1
) stood WHERE pool <> $4 AND pool = ANY ($5::text[]) ORDER BY at DESC LIMIT 3
"""

MOVE_CASE = """
WITH moved AS (
  UPDATE cases SET pool = $3 WHERE project_id = $1 AND id = $2 AND pool <> $3
)
UPDATE assignments SET pool = $3
WHERE project_id = $1 AND case_id = $2 AND kind = 'review' AND state = 'open' AND pool <> $3
"""

SEAT_FIRST = """
INSERT INTO case_reviewers AS r (project_id, case_id, user_id, assignment_id, part)
VALUES ($1, $2, $3, $4, 'holding')
ON CONFLICT (project_id, case_id, user_id) DO UPDATE SET part = 'holding', assignment_id = $4 WHERE r.part = 'skipped'
RETURNING 1
"""

KEEP_FOR = f"""
WITH kept AS (
  UPDATE assignments SET holder_id = $3, pool = $4, lease = $5, fence = fence + 1, aside_fence = fence + 1,
                         lease_until = now() + $6
  WHERE project_id = $1 AND id = $2 RETURNING project_id, id, fence, lease_until
), clocks AS (
  INSERT INTO timers (project_id, kind, subject_id, generation, fire_at)
  SELECT project_id, '{TimerKind.LEASE}', id, fence, lease_until FROM kept
)
SELECT fence FROM kept
"""

SET_PART = "UPDATE case_reviewers SET part = $4 WHERE project_id = $1 AND case_id = $2 AND user_id = $3"

NOTE = """
INSERT INTO asides (project_id, assignment_id, fence, kind, user_id, put_by, note) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (project_id, assignment_id, fence)
DO UPDATE SET kind = $4, user_id = $5, put_by = $6, note = $7, put_at = now()
"""
COUNT_PINNED = """
SELECT count(*) FROM assignments a
JOIN asides s ON s.project_id = a.project_id AND s.assignment_id = a.id AND s.fence = a.fence AND s.kind = 'pinned'
WHERE a.project_id = $1 AND a.holder_id = $2 AND a.state = 'held' AND a.lease_until > now() AND a.id <> ALL ($3::uuid[])
"""
KEEP_PINNED = """
UPDATE assignments a SET lease_until = now() + a.lease FROM asides s
WHERE a.project_id = $1 AND a.holder_id = $2 AND a.state = 'held' AND a.lease_until > now()
  AND s.project_id = a.project_id AND s.assignment_id = a.id AND s.fence = a.fence AND s.kind = 'pinned'
"""

# What a tab says of an input comes out of small ones only: a large one would be unpacked for a few words.
LIST_KEPT = """
SELECT a.id AS assignment_id, a.item_id, a.pool, a.fence, a.lease_until AS until, i.type, i.external_id, s.kind,
       s.note, s.put_by, CASE WHEN pg_column_size(b.input) < 4000 THEN b.input::text END AS input
FROM assignments a
JOIN asides s ON s.project_id = a.project_id AND s.assignment_id = a.id AND s.fence = a.fence
JOIN items i ON i.project_id = a.project_id AND i.id = a.item_id
JOIN item_bodies b ON b.project_id = a.project_id AND b.item_id = a.item_id
WHERE a.project_id = $1 AND a.holder_id = $2 AND a.state = 'held' AND a.lease_until > now()
ORDER BY s.put_at, a.id
"""

# The last words that were left with a seat: for whoever has it now, or for the pool they work.
LAST_NOTE = """
SELECT s.kind, s.put_by, s.note AS text, s.put_at FROM asides s
WHERE s.project_id = $1 AND s.assignment_id = {seat} AND s.note <> '' AND s.kind <> 'pinned'
  AND (s.user_id = $2 OR s.user_id IS NULL)
ORDER BY s.fence DESC LIMIT 1
"""

FORGET_OLD = "DELETE FROM asides WHERE put_at < now() - $1::interval"


async def get_due(hot: Hot, project_id: UUID, assignment_id: UUID) -> datetime:
    """Read when a seat is due; infinity, the year 9999, where no clock runs."""
    due_at: datetime = await hot.fetchval(GET_DUE, project_id, assignment_id)
    return due_at


async def put_aside(tx: AsyncSession, who: Principal, seat: Seat, until: datetime, note: str) -> None:
    """Put a locked seat aside for its holder, with the timer that brings it back."""
    hot = await driver_of(tx)
    await hot.execute(PUT_ASIDE, who.project_id, seat.id, until, who.id, who.actor.name, note)


async def take_up(tx: AsyncSession, project_id: UUID, assignment_id: UUID, lease: timedelta) -> Any:
    """Put a locked seat back into its holder's hand; gives the new fence and the lease's end."""
    return await (await driver_of(tx)).fetchrow(TAKE_UP, project_id, assignment_id, lease)


async def lock_returns(tx: AsyncSession, limit: int) -> list[Any]:
    """Lock timers that bring something back and are due, with their seats."""
    return await (await driver_of(tx)).fetch(LOCK_RETURNS, limit)


async def hasten(hot: Hot, project_id: UUID, item_id: UUID, emails: Sequence[str] | None = None) -> None:
    """Let what is put aside of an item come back at once, where these people have it; without names, anybody."""
    await hot.execute(HASTEN, project_id, item_id, None if emails is None else list(emails))


async def reserve(tx: AsyncSession, rows: list[Any], span: timedelta) -> None:
    """Keep for their holders, for so long, the seats of these timers that still stand; end all of the timers."""
    columns = [[row[name] for row in rows] for name in ("project_id", "subject_id", "generation", "stands")]
    await (await driver_of(tx)).execute(RESERVE, *columns, span)


async def list_before(hot: Hot, who: Principal, seat: Seat, pools: list[str]) -> list[Any]:
    """Read who has had a seat before the caller and may have it again, the last one first."""
    return await hot.fetch(LIST_BEFORE, who.project_id, seat.item_id, seat.id, who.id, pools)


async def list_pools_before(hot: Hot, who: Principal, seat: Seat, pools: list[str]) -> list[str]:
    """Read the other pools that a reviewer's seat has stood in, the last one first."""
    rows = await hot.fetch(LIST_POOLS_BEFORE, who.project_id, seat.item_id, seat.id, seat.pool, pools)
    return [row["pool"] for row in rows]


async def move_case(tx: AsyncSession, project_id: UUID, seat: Seat, pool: str) -> None:
    """Have the case of a locked seat, and what is open of it, stand in another pool; a seat that settles stays."""
    if seat.kind == "review" and seat.pool != pool:
        await (await driver_of(tx)).execute(MOVE_CASE, project_id, seat.case_id, pool)


async def keep_for(
    tx: AsyncSession, project_id: UUID, seat: Seat, user_id: UUID, *, pool: str, lease: timedelta, span: timedelta
) -> int | None:
    """Keep a locked seat for somebody for so long; gives the new fence, None where they have a part in the case."""
    hot = await driver_of(tx)
    if await hot.fetchval(SEAT_FIRST, project_id, seat.case_id, user_id, seat.id) is None:
        return None
    await hot.execute(SET_PART, project_id, seat.case_id, seat.holder_id, "skipped")
    fence: int = await hot.fetchval(KEEP_FOR, project_id, seat.id, user_id, pool, lease, span)
    return fence


async def note(hot: Hot, who: Principal, seat: Seat, fence: int, kind: str, *, user_id: UUID | None, text: str) -> None:
    """Leave a mark of this kind with a claim, in the place of one that is there."""
    await hot.execute(NOTE, who.project_id, seat.id, fence, kind, user_id, who.actor.name, text)


async def count_pinned(hot: Hot, who: Principal, besides: list[UUID]) -> int:
    """Count what somebody has pinned, besides these."""
    return int(await hot.fetchval(COUNT_PINNED, who.project_id, who.id, besides))


async def keep_pinned(hot: Hot, who: Principal) -> None:
    """Move the leases of what somebody has pinned to a full lease from now."""
    await hot.execute(KEEP_PINNED, who.project_id, who.id)


async def list_kept(hot: Hot, who: Principal) -> list[Any]:
    """Read what somebody has pinned or put aside and what is kept for them, in the order in which that was done."""
    return await hot.fetch(LIST_KEPT, who.project_id, who.id)


async def forget_old(hot: Hot, span: timedelta) -> int:
    """Delete marks older than this; gives how many those were."""
    return int((await hot.execute(FORGET_OLD, span)).split()[-1])
