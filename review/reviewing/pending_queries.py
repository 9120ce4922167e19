"""The statements on judgements that do not count yet."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit.rules import Action
from review.identity.rules import Principal
from review.kernel.db import Hot
from review.kernel.ids import new_id
from review.kernel.models import Timer
from review.kernel.timers import TimerKind
from review.queueing import ahead_queries
from review.queueing.rules import Seat
from review.reviewing.models import PendingJudgement

Following = tuple[timedelta, tuple[UUID, int]]  # a lease, and what was claimed ahead that gets it
Due = tuple[UUID, UUID, int]  # a timer: its project, seat and fence


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A judgement as it is kept until it counts: who gave it, what it says and how the form was filled, as JSON."""

    verdict: str
    given_by: str
    judgement: str
    filled: str
    length: timedelta


POSTPONED = timedelta(minutes=1)  # until one that could not be counted is tried again
KEPT = timedelta(days=7)  # what could not be counted is told of for as long, unless its reviewer has seen it

# Somebody's judgements that do not count yet or could not be counted, the newest first.
LIST_MINE = """
SELECT p.assignment_id, p.fence, p.item_id, p.judgement ->> 'verdict' AS verdict, p.dropped_because, i.external_id,
       extract(epoch FROM p.counts_at - clock_timestamp())::float8 AS seconds_left
FROM pending_judgements p JOIN items i ON i.project_id = p.project_id AND i.id = p.item_id
WHERE p.project_id = $1 AND p.reviewer_id = $2 ORDER BY p.submitted_at DESC, p.fence DESC
"""

# The seat is locked; from here on a judgement waits under a fence of its own, and its timer has it counted.
_GIVEN = f"""
given AS (
  UPDATE assignments SET fence = fence + 1, given_fence = fence + 1, lease_until = clock_timestamp() + $4::interval
  WHERE project_id = $1 AND id = $2 RETURNING id, case_id, item_id, kind, pool, fence, lease_until
), kept AS (
  INSERT INTO pending_judgements (project_id, assignment_id, fence, case_id, item_id, reviewer_id, given_by, judgement,
                                  filled, held_seconds, submitted_at, counts_at)
  SELECT $1, id, fence, case_id, item_id, $3, $11::text::json, $12::text::json, $13::text::json, $5, clock_timestamp(),
         lease_until FROM given
), timed AS (
  INSERT INTO timers (project_id, kind, subject_id, generation, fire_at)
  SELECT $1, '{TimerKind.JUDGEMENT}', id, fence, lease_until FROM given
), given_noted AS (
  INSERT INTO audit_entries (project_id, id, actor_kind, actor_id, actor_name, origin, config_version, action, item_id,
                             details)
  SELECT $1, $10::uuid, 'user', $3, $7::text, $8::text, $9::int, '{Action.JUDGEMENT_GIVEN}', item_id,
         json_build_object('assignment_id', id, 'fence', fence, 'pool', pool, 'kind', kind, 'verdict', $14::text,
                           'held_seconds', $6::float8, 'counts_at', lease_until) FROM given
)
"""
GIVE = f"WITH {_GIVEN} SELECT fence FROM given"
# The same, and the next item is put before its reviewer by the way: another seat, which is passed over if it is gone.
GIVE_AND_SHOW = (
    f"WITH {_GIVEN}, {ahead_queries.beside(14)} SELECT fence, EXISTS (SELECT FROM shown) AS shown FROM given"
)

FIND_TAKEN = """
SELECT a.pool, p.filled::text AS filled, p.judgement ->> 'verdict' AS verdict
FROM pending_judgements p JOIN assignments a ON a.project_id = p.project_id AND a.id = p.assignment_id
WHERE p.project_id = $1 AND p.reviewer_id = $2 AND p.assignment_id = $3 AND p.fence = $4 AND p.dropped_at IS NULL
  AND a.given_fence = p.fence AND a.fence = p.fence
"""


async def give(
    hot: Hot, who: Principal, seat: Seat, taken: Taken, following: Following | None = None
) -> tuple[int, bool]:
    """Mark a locked seat as judged and keep the judgement until it counts, with timer and audit; one statement.

    Gives its fence, and whether what follows, another seat, is before its reviewer now.
    """
    actor, held = who.actor, (seat.held_seconds, round(seat.held_seconds, 1))
    told = actor.name, actor.origin, actor.config_version, new_id()
    kept = taken.given_by, taken.judgement, taken.filled, taken.verdict
    own = who.project_id, seat.id, who.id, taken.length, *held, *told, *kept
    if following is None:
        return await hot.fetchval(GIVE, *own), False
    row: Any = await hot.fetchrow(GIVE_AND_SHOW, *own, *ahead_queries.shown_by(who, seat.pool, *following))
    return row["fence"], row["shown"]


async def take_back(tx: AsyncSession, project_id: UUID, seat: Seat, since: datetime, lease: timedelta) -> None:
    """Put a locked seat in its holder's hands again under a new fence; the time since then does not count as held."""
    await tx.execute(
        text(
            "WITH again AS (UPDATE assignments SET fence = fence + 1, lease = :lease,"
            " lease_until = clock_timestamp() + CAST(:lease AS interval),"
            " claimed_at = claimed_at + (clock_timestamp() - CAST(:since AS timestamptz))"
            " WHERE project_id = :project AND id = :id RETURNING id, fence, lease_until)"
            " INSERT INTO timers (project_id, kind, subject_id, generation, fire_at)"
            f" SELECT :project, '{TimerKind.LEASE}', id, fence, lease_until FROM again"
        ),
        {"project": project_id, "id": seat.id, "lease": lease, "since": since},
    )


async def find(
    tx: AsyncSession, project_id: UUID, assignment_id: UUID, fence: int, *, is_locked: bool = False
) -> PendingJudgement | None:
    """Find a judgement by its seat and fence, as it is now; the seats come before it in the order of locks."""
    statement = select(PendingJudgement).where(
        PendingJudgement.project_id == project_id,
        PendingJudgement.assignment_id == assignment_id,
        PendingJudgement.fence == fence,
    )
    if is_locked:
        statement = statement.with_for_update()
    return (await tx.scalars(statement.execution_options(populate_existing=True))).one_or_none()


async def drop(tx: AsyncSession, pending: PendingJudgement, why: str) -> None:
    """Keep a judgement as one that could not be counted."""
    await tx.execute(
        update(PendingJudgement)
        .where(
            PendingJudgement.project_id == pending.project_id,
            PendingJudgement.assignment_id == pending.assignment_id,
            PendingJudgement.fence == pending.fence,
        )
        .values(dropped_at=func.now(), dropped_because=why)
    )


async def lock_due(tx: AsyncSession) -> Due | None:
    """Lock the judgement's timer that is due the longest, of those that nobody else has."""
    statement = (
        select(Timer)
        .where(Timer.kind == TimerKind.JUDGEMENT.value, Timer.fire_at <= func.now())
        .order_by(Timer.fire_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    timer = (await tx.scalars(statement)).one_or_none()
    return None if timer is None else (timer.project_id, timer.subject_id, timer.generation)


async def end_timer(tx: AsyncSession, due: Due) -> None:
    """Delete a judgement's timer."""
    project_id, assignment_id, fence = due
    await tx.execute(
        delete(Timer).where(
            Timer.project_id == project_id,
            Timer.kind == TimerKind.JUDGEMENT.value,
            Timer.subject_id == assignment_id,
            Timer.generation == fence,
        )
    )


async def put_off(tx: AsyncSession, due: Due) -> None:
    """Have a judgement's timer fire again in a minute."""
    project_id, assignment_id, fence = due
    await tx.execute(
        text(
            "UPDATE timers SET fire_at = now() + CAST(:postponed AS interval) WHERE project_id = :project"
            f" AND kind = '{TimerKind.JUDGEMENT}' AND subject_id = :id AND generation = :fence"
        ),
        {"project": project_id, "id": assignment_id, "fence": fence, "postponed": POSTPONED},
    )


async def find_taken(hot: Hot, who: Principal, assignment_id: UUID, fence: int) -> Any:
    """Read the form of the caller's judgement under this fence, while it waits to count."""
    return await hot.fetchrow(FIND_TAKEN, who.project_id, who.id, assignment_id, fence)


async def forget_dropped(tx: AsyncSession, who: Principal) -> None:
    """Forget those of the caller's judgements that could not be counted."""
    await tx.execute(
        delete(PendingJudgement).where(
            PendingJudgement.project_id == who.project_id,
            PendingJudgement.reviewer_id == who.id,
            PendingJudgement.dropped_at.is_not(None),
        )
    )


async def forget_old(tx: AsyncSession) -> int:
    """Forget what could not be counted long ago; gives how many those were."""
    statement = delete(PendingJudgement).where(PendingJudgement.dropped_at < func.now() - KEPT)
    return len((await tx.execute(statement.returning(PendingJudgement.fence))).all())
