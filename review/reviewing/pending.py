"""Judgements that may be taken back for a while: given, counted once that is over, or dropped and told of."""

import json
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import TIMER, Action
from review.configuration.rules import ProjectConfig
from review.identity.rules import Principal
from review.kernel.db import UNREACHABLE, Database, driver_of
from review.kernel.sentences import say
from review.queueing import queries as queue_queries
from review.queueing import service as queueing
from review.queueing.ahead import Reserved
from review.queueing.errors import LeaseLost, PoolNotFound
from review.queueing.rules import AssignmentState, Seat, reason_lost
from review.reviewing import pending_queries as queries
from review.reviewing import service as reviewing
from review.reviewing.deciding import Bench, Standing, lock_item, stand
from review.reviewing.errors import ConflictOfInterest, UndoTooLate
from review.reviewing.models import PendingJudgement
from review.reviewing.pending_queries import Due, Following
from review.reviewing.schemas import JudgementIn
from review.reviewing.service import Judged

log = logging.getLogger(__name__)

Filled = Sequence[tuple[str, str]]


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """A judgement as it was taken: for `seconds` it may be taken back under `fence`, and 0 means that it counts.

    `pool` is that of its seat, `is_last` tells whether it decides its item, as far as can be told, `needs_lead` that a
    lead must confirm it first, and `is_again` that it was taken before. `has_next` tells whether what its page shows
    already is in hand now, None where that was not tried.
    """

    assignment_id: UUID
    fence: int
    pool: str
    seconds: float
    is_last: bool
    needs_lead: bool = False
    is_again: bool = False
    has_next: bool | None = None


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """One of somebody's judgements that does not count: not yet, or, where `dropped_because` says why, not at all."""

    assignment_id: UUID
    fence: int
    item_id: UUID
    external_id: str | None
    verdict: str
    seconds_left: float
    dropped_because: str | None


async def hold(
    tx: AsyncSession, bench: Bench, *, who: Principal, assignment_id: UUID, fence: int, verdict: str, filled: Filled
) -> Judged | Given:
    """Lock what a judgement is about; where this very form was taken already, tell that instead.

    `filled` is the form as it was sent; sent twice, because the answer was lost, it is taken once.

    Raises:
        As `reviewing.hold` does.
    """
    try:
        return await reviewing.hold(tx, bench, who=who, assignment_id=assignment_id, fence=fence)
    except LeaseLost:
        pool = await _find_taken(tx, who, assignment_id, fence, verdict, filled)
        if pool is None:
            raise
        return Given(assignment_id=assignment_id, fence=fence + 1, pool=pool, seconds=0, is_last=True, is_again=True)


async def give(
    tx: AsyncSession,
    bench: Bench,
    *,
    who: Principal,
    judged: Judged,
    submitted: JudgementIn,
    filled: Filled,
    shown: Reserved | None = None,
) -> Given:
    """Take a judgement that counts once its reviewer may not take it back any more, as long as its item type says.

    Whatever stands in its way is said now. `shown` is what its page had claimed ahead and shows by now: that is put in
    their hands with it.

    Raises:
        As `reviewing.check` does.
    """
    reviewing.check(judged, submitted)
    length, seat = _length(judged.standing, judged.item.type), judged.seat
    asks_lead = reviewing.needs_lead(who, judged, submitted)
    is_last = reviewing.is_last(judged) and not asks_lead
    given = Given(
        assignment_id=seat.id, fence=seat.fence, pool=seat.pool, seconds=0, is_last=is_last, needs_lead=asks_lead
    )
    if not length:
        _, is_decided = await reviewing.count(tx, bench, who, judged, submitted)
        await tx.flush()
        return msgspec.structs.replace(given, is_last=is_decided)
    taken = queries.Taken(
        verdict=submitted.verdict.value,
        given_by=_json(msgspec.structs.replace(who, standing=(), pools=None)),
        judgement=_json(submitted),
        filled=_json(list(filled)),
        length=length,
    )
    following = _following(judged, shown)
    fence, has_next = await queries.give(await driver_of(tx), who, seat, taken, following)
    given = msgspec.structs.replace(given, fence=fence, seconds=length.total_seconds())
    return given if following is None else msgspec.structs.replace(given, has_next=has_next)


def _following(judged: Judged, shown: Reserved | None) -> Following | None:
    """Give what comes into the hands of a seat's reviewer with their verdict: never the seat itself."""
    pool = judged.standing.config.pools.get(judged.seat.pool)
    return None if shown is None or pool is None or shown[0] == judged.seat.id else (pool.lease, shown)


def _json(value: object) -> str:
    return json.dumps(msgspec.to_builtins(value))  # msgspec itself refuses numbers beyond 64 bits


async def _find_taken(
    tx: AsyncSession, who: Principal, assignment_id: UUID, fence: int, verdict: str, filled: Filled
) -> str | None:
    """Find whether this very form was taken already under this fence, and waits to count; gives the seat's pool."""
    row = await queries.find_taken(await driver_of(tx), who, assignment_id, fence + 1)
    if row is None or row["verdict"] != verdict:
        return None
    same = msgspec.json.decode(row["filled"], type=list[tuple[str, str]]) == list(filled)
    return str(row["pool"]) if same else None


async def take_back(
    tx: AsyncSession, *, who: Principal, assignment_id: UUID, fence: int, config: ProjectConfig
) -> list[tuple[str, str]]:
    """Take a judgement back that does not count yet; the seat is in hand again. Gives the form as it was filled.

    Raises:
        NotAPerson (403), AssignmentNotFound (404); UndoTooLate: it counts already, its item is closed, or they
            have left its pool (409).
    """
    queueing.check_person(who)
    hot = await driver_of(tx)
    known = await queueing.get_known_seat(hot, who=who, assignment_id=assignment_id)
    seat = _seat_of(await queue_queries.lock_seats(tx, who.project_id, known.item_id), assignment_id)
    pending = await queries.find(tx, who.project_id, assignment_id, fence, is_locked=True)
    if pending is None or pending.reviewer_id != who.id or not _stands(seat, pending):
        winner = await queue_queries.get_winner(hot, who.project_id, assignment_id)
        why = reason_lost(seat, who.id, fence, winner)
        counts = seat.state is AssignmentState.DONE and winner.reviewer_id == who.id
        message = (
            say("Your verdict counts already, so it cannot be taken back. A lead may still override it.")
            if counts
            else say("There is nothing to take back: %(why)s. Nothing was changed.", why=why)
        )
        raise UndoTooLate(message)
    try:
        await queueing.check_pool(hot, who=who, pool=seat.pool, config=config, anew=True)
    except PoolNotFound:
        message = say(
            "You have left its pool, or the pool is gone, so your verdict stands. A lead may still override it."
        )
        raise UndoTooLate(message) from None
    await queries.take_back(tx, who.project_id, seat, pending.submitted_at, config.pools[seat.pool].lease)
    details = _details(seat, fence, _judgement(pending))
    audit.record(tx, who.project_id, who.actor, Action.JUDGEMENT_TAKEN_BACK, item_id=seat.item_id, details=details)
    filled = [(name, value) for name, value in pending.filled]
    await tx.delete(pending)
    await tx.flush()
    return filled


async def forget_dropped(tx: AsyncSession, *, who: Principal) -> None:
    """Take notice of what could not be counted, so that it is told no more; the audit keeps it."""
    await queries.forget_dropped(tx, who)


async def forget_old(tx: AsyncSession) -> int:
    """Forget what could not be counted a week ago; gives how many those were."""
    return await queries.forget_old(tx)


async def sweep(db: Database, bench: Bench) -> int:
    """Count every judgement whose time to be taken back is over, each in a transaction of its own; gives how many.

    Any number may run at once, and a crash repeats or keeps both effect and timer. One that cannot be counted for a
    reason that nobody foresaw is put off by a minute and holds up no other.
    """
    dealt_with = 0
    while True:
        due: Due | None = None
        try:
            async with db.transaction() as tx:
                due = await queries.lock_due(tx)
                if due is None:
                    return dealt_with
                await _settle(tx, bench, due)
        except UNREACHABLE:
            raise
        except Exception:
            if due is None:
                raise
            log.exception("the judgement of assignment %s could not be counted; it is tried again in a minute", due[1])
            async with db.transaction() as tx:
                await queries.put_off(tx, due)
        dealt_with += 1


async def _settle(tx: AsyncSession, bench: Bench, due: Due) -> None:
    """Count or drop what a locked timer stands for, or nothing where it was taken back; the timer ends with it."""
    known = await queries.find(tx, *due)
    if known is not None and known.dropped_at is None:
        seats = await queue_queries.lock_seats(tx, known.project_id, known.item_id)
        pending = await queries.find(tx, *due, is_locked=True)
        if pending is not None:
            await _count_or_drop(tx, bench, pending, _seat_of(seats, pending.assignment_id))
    await queries.end_timer(tx, due)


async def _count_or_drop(tx: AsyncSession, bench: Bench, pending: PendingJudgement, seat: Seat) -> None:
    who = msgspec.convert(pending.given_by, Principal)
    if not _stands(seat, pending):
        winner = await queue_queries.get_winner(await driver_of(tx), pending.project_id, seat.id)
        await _drop(tx, who, pending, seat, str(reason_lost(seat, who.id, pending.fence, winner)))
        return
    item = await lock_item(tx, who, pending.item_id)
    try:
        standing = await stand(tx, bench, who, item)
    except ConflictOfInterest:
        await queue_queries.settle(tx, pending.project_id, seat, AssignmentState.OPEN, part=queueing.CONFLICT)
        await _drop(tx, who, pending, seat, "by the configuration of now the item concerns its reviewer")
        return
    judged = Judged(seat, item, standing, pending.held_seconds, pending.submitted_at)
    await reviewing.count(tx, bench, who, judged, _judgement(pending))
    await tx.delete(pending)


async def _drop(tx: AsyncSession, who: Principal, pending: PendingJudgement, seat: Seat, why: str) -> None:
    """Keep a judgement that cannot be counted, with the reason, for its reviewer to see."""
    await queries.drop(tx, pending, why)
    submitted = _judgement(pending)
    more = {"holder": who.actor.name, "reasons": list(submitted.reasons), "comment": submitted.comment}
    details = _details(seat, pending.fence, submitted, because=why, **more)
    audit.record(tx, pending.project_id, TIMER, Action.JUDGEMENT_DROPPED, item_id=pending.item_id, details=details)


def _length(standing: Standing, name: str) -> timedelta:
    """Give for how long a type's verdicts may be taken back, by the configuration of now where it has the type."""
    return (standing.config.item_types.get(name) or standing.item_type).undo


def _stands(seat: Seat, pending: PendingJudgement) -> bool:
    return (
        pending.dropped_at is None
        and seat.is_given
        and seat.fence == pending.fence
        and seat.holder_id == pending.reviewer_id
    )


def _judgement(pending: PendingJudgement) -> JudgementIn:
    return msgspec.convert(pending.judgement, JudgementIn)


def _seat_of(seats: Sequence[Seat], assignment_id: UUID) -> Seat:
    return next(seat for seat in seats if seat.id == assignment_id)  # rows are never deleted, so it is there


def _details(seat: Seat, fence: int, submitted: JudgementIn, **more: Any) -> dict[str, Any]:
    named = {"assignment_id": str(seat.id), "fence": fence, "pool": seat.pool, "kind": seat.kind}
    return {**named, "verdict": submitted.verdict.value, **more}
