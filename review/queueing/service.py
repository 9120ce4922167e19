"""Claiming, keeping and giving back assignments."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import TIMER, Action
from review.configuration.limits import VERDICTS
from review.configuration.rules import ProjectConfig
from review.identity import queries as identity
from review.identity.errors import NotAPerson
from review.identity.rules import Principal
from review.items import queries as item_queries
from review.items.service import detail_of
from review.kernel import outbox
from review.kernel.db import Hot, driver_of
from review.kernel.events import EventKind
from review.kernel.sentences import say
from review.queueing import exposure, floors, mentions, queries
from review.queueing.errors import AssignmentMoved, AssignmentNotFound, LeaseLost, PoolNotFound
from review.queueing.floors import Floors
from review.queueing.rules import Act, AssignmentState, LeaseFate, Seat, is_held_by, lease_fate, why_lost
from review.queueing.schemas import AnswerView, ClaimedAssignment

MAX_CLAIM = 20
MOVED_AWAY = say(
    "You no longer hold this assignment: it went to a pool that you are not in, so other people judge the item. "
    "Nothing was recorded and nothing is lost; claim the next one."
)
CONFLICT = "conflict"  # the part in a case of somebody who has declared that it concerns them

_floors = Floors()  # hints of this process; losing them costs nothing


async def check_pool(hot: Hot, *, who: Principal, pool: str, config: ProjectConfig, anew: bool = False) -> None:
    """Let pass who may work the pool.

    What came with the look-up of who is calling is taken for true unless it is to be asked `anew`, under locks.

    Raises:
        PoolNotFound: there is no such pool, or the reviewer is not in it (404; the two look alike).
    """
    known = pool in config.pools
    if known and who.is_pool_bound and not anew and who.pools is not None:
        known = pool in who.pools
    elif known and who.is_pool_bound:
        known = await identity.is_pool_member(hot, who.project_id, pool, who.email)
    if not known:
        message = say("There is no pool %(pool)s here that you are in.", pool=repr(pool))
        raise PoolNotFound(message)


async def claim(
    hot: Hot, *, who: Principal, pool: str, limit: int, config: ProjectConfig, base_url: str
) -> list[ClaimedAssignment]:
    """Claim the most urgent open assignments of a pool: by priority, then due time, then age.

    None that the caller skipped, reviewed or holds another seat of, and none of a type of which they have seen as many
    as the configuration allows for now; empty when there is nothing.

    Raises:
        PoolNotFound (404); NotAPerson: a service key claimed (403).
    """
    check_person(who)
    await check_pool(hot, who=who, pool=pool, config=config, anew=True)
    rows = await take(hot, who, pool, limit, config)
    return await present(hot, who, rows, config=config, base_url=base_url)


async def present(
    hot: Hot, who: Principal, rows: list[Any], *, config: ProjectConfig, base_url: str
) -> list[ClaimedAssignment]:
    """Give claimed assignments with their items."""
    if not rows:
        return []
    found = await item_queries.list_details(hot, who, [row["item_id"] for row in rows])
    details = {row["id"]: detail_of(row, who, base_url) for row in found}
    answers = await _answers_for(hot, who, {row["id"]: row["sees_answers"] for row in rows})
    return [
        ClaimedAssignment(
            id=row["id"],
            case_id=row["case_id"],
            kind=row["kind"],
            pool=row["pool"],
            fence=row["fence"],
            lease_expires_at=row["lease_until"],
            item=details[row["item_id"]],
            verdicts=verdicts_in(config, row["pool"]),
            answers=answers.get(row["id"]),
        )
        for row in rows
    ]


async def take(
    hot: Hot,
    who: Principal,
    pool: str,
    limit: int,
    config: ProjectConfig,
    *,
    lease: timedelta | None = None,
    is_ahead: bool = False,
) -> list[Any]:
    """Claim from the queue's floor if it has one, and from the top if that finds too little.

    `lease` is the pool's unless said. Whoever has seen enough of some types is given others, and says nothing of where
    the queue begins.
    """
    lease = config.pools[pool].lease if lease is None else lease
    resting = await exposure.list_resting_types(hot, who, config)
    if resting:
        return await queries.claim(hot, who, pool, limit, lease, is_ahead=is_ahead, resting=resting)
    began = time.monotonic()
    floor = _floors.find(who.project_id, pool, began)
    rows = await queries.claim(hot, who, pool, limit, lease, floor=floor, is_ahead=is_ahead)
    if floor is not None and len(rows) < limit:
        rows += await queries.claim(hot, who, pool, limit - len(rows), lease, is_ahead=is_ahead)
        rows.sort(key=_urgency)
        return rows
    ended = time.monotonic()
    if rows and floor is not None:
        _floors.move(who.project_id, pool, rows[-1])
    elif rows and floors.is_slow(began, ended):
        head = await queries.find_head(hot, who.project_id, pool)
        _floors.leave(who.project_id, pool, rows[-1], ended=ended, head=head)
    return rows


def _urgency(row: Any) -> tuple[int, datetime, UUID]:
    return -row["priority"], row["due_at"].replace(tzinfo=UTC), row["id"]  # infinity comes without a zone


async def get_held(
    hot: Hot, *, who: Principal, assignment_id: UUID, config: ProjectConfig, base_url: str, act: Act | None = None
) -> ClaimedAssignment:
    """Give an assignment the caller holds, with its item; `act` is what they are about to do with it.

    Raises:
        AssignmentNotFound: it is not theirs to know of (404).
        LeaseLost: they do not hold it any more (409).
    """
    seat = await get_known_seat(hot, who=who, assignment_id=assignment_id)
    await check_held(hot, who=who, seat=seat, act=act)
    return await show_held(hot, who=who, seat=seat, config=config, base_url=base_url)


async def check_held(hot: Hot, *, who: Principal, seat: Seat, act: Act | None = None) -> None:
    """Let pass whoever has a seat in hand; an `act` they were about is recorded where it is refused.

    Raises:
        LeaseLost: they do not hold it any more (409).
    """
    if seat.lease_until is None or not is_held_by(seat, who.id, seat.fence):
        if act is not None:
            await _record_refused(hot, who, seat, act, seat.fence)
        raise await _lost(hot, who, seat, seat.fence)


async def show_held(hot: Hot, *, who: Principal, seat: Seat, config: ProjectConfig, base_url: str) -> ClaimedAssignment:
    """Give a seat in hand with its item."""
    row = (await item_queries.list_details(hot, who, [seat.item_id]))[0]
    assert seat.lease_until is not None  # noqa: S101  it is held
    return ClaimedAssignment(
        id=seat.id,
        case_id=seat.case_id,
        kind=seat.kind,
        pool=seat.pool,
        fence=seat.fence,
        lease_expires_at=seat.lease_until,
        item=detail_of(row, who, base_url),
        verdicts=verdicts_in(config, seat.pool),
        answers=(await _answers_for(hot, who, {seat.id: seat.sees_answers})).get(seat.id),
    )


async def answers_of(hot: Hot, *, who: Principal, seat: Seat) -> list[AnswerView]:
    """Give what was judged before a seat, where the seat shows it."""
    return (await _answers_for(hot, who, {seat.id: seat.sees_answers})).get(seat.id, [])


async def _answers_for(hot: Hot, who: Principal, seats: Mapping[UUID, bool]) -> dict[UUID, list[AnswerView]]:
    """Give what was judged before, for those of these seats that show it."""
    found: dict[UUID, list[AnswerView]] = {seat: [] for seat, shows in seats.items() if shows}
    for row in await queries.list_answers(hot, who.project_id, list(found)) if found else []:
        found[row["id"]].append(
            AnswerView(
                reviewer=row["reviewer"],
                verdict=row["verdict"],
                output=msgspec.Raw(row["output"].encode()),
                reasons=msgspec.json.decode(row["reasons"], type=list[str]),
                comment=row["comment"],
                submitted_at=row["submitted_at"],
            )
        )
    return found


def verdicts_in(config: ProjectConfig, pool: str) -> tuple[str, ...]:
    """Give the verdicts that a pool's people may give; all of them where the pool is gone."""
    return config.pools[pool].verdicts if pool in config.pools else VERDICTS


async def extend(hot: Hot, *, who: Principal, assignment_id: UUID, fence: int) -> datetime:
    """Keep the claim for a full lease from now; gives the new end of the lease.

    Raises:
        AssignmentNotFound (404), LeaseLost (409).
    """
    check_person(who)
    until: datetime | None = await queries.extend(hot, who, assignment_id, fence)
    if until is None:
        seat = await get_known_seat(hot, who=who, assignment_id=assignment_id)
        await _record_refused(hot, who, seat, Act.EXTEND, fence)
        raise await _lost(hot, who, seat, fence)
    return until


async def release(tx: AsyncSession, *, who: Principal, assignment_id: UUID, fence: int) -> None:
    """Give the assignment back to its queue; it may be offered to the same person again.

    Raises:
        AssignmentNotFound (404), LeaseLost (409).
    """
    seat = await lock_held(tx, who=who, assignment_id=assignment_id, fence=fence, act=Act.RELEASE)
    await queries.settle(tx, who.project_id, seat, AssignmentState.OPEN, part=None)
    note(tx, who, Action.ASSIGNMENT_RELEASED, seat)


async def skip(
    tx: AsyncSession, *, who: Principal, assignment_id: UUID, fence: int, reason: str, is_conflict: bool = False
) -> None:
    """Give the assignment back and never be offered this case again.

    With `is_conflict` the caller declares that the item concerns them, and may not decide it in any other way either.

    Raises:
        AssignmentNotFound (404), LeaseLost (409).
    """
    seat = await lock_held(tx, who=who, assignment_id=assignment_id, fence=fence, act=Act.SKIP)
    part = CONFLICT if is_conflict else "skipped"
    await queries.settle(tx, who.project_id, seat, AssignmentState.OPEN, part=part)
    note(tx, who, Action.ASSIGNMENT_SKIPPED, seat, reason=reason, **({"kind": CONFLICT} if is_conflict else {}))
    is_blind = await queries.is_judged_by_several(tx, who.project_id, seat.case_id)
    said = "" if is_blind else reason
    if reason or is_conflict:
        told = "a conflict of interest" if is_conflict and not said else said
        announce_return(tx, who.project_id, seat, holder=who.actor.name, reason=told, by=who.actor.name)
    await mentions.announce(tx, who, item_id=seat.item_id, pool=seat.pool, comment=reason, is_blind=is_blind)


async def lapse_due(tx: AsyncSession, limit: int) -> int:
    """Return what lapsed leases hold to the queues; gives how many timers were dealt with."""
    timers = await queries.lock_due_leases(tx, limit)
    by_fate: dict[LeaseFate, list[tuple[UUID, int, Seat]]] = {fate: [] for fate in LeaseFate}
    for project_id, generation, seat in timers:
        by_fate[lease_fate(seat, generation)].append((project_id, generation, seat))
    await queries.lapse_seats(tx, [(project_id, seat) for project_id, _, seat in by_fate[LeaseFate.LAPSED]])
    for project_id, generation, seat in by_fate[LeaseFate.LAPSED]:
        details = {"assignment_id": str(seat.id), "fence": generation, "pool": seat.pool, "holder": str(seat.holder_id)}
        audit.record(tx, project_id, TIMER, Action.ASSIGNMENT_LAPSED, item_id=seat.item_id, details=details)
    await queries.end_lease_timers(tx, LeaseFate.EXTENDED, by_fate[LeaseFate.EXTENDED])
    await queries.end_lease_timers(tx, LeaseFate.STALE, by_fate[LeaseFate.STALE] + by_fate[LeaseFate.LAPSED])
    return len(timers)


async def lock_held(tx: AsyncSession, *, who: Principal, assignment_id: UUID, fence: int, act: Act) -> Seat:
    """Lock all seats of the case and give this one, if the caller's claim on it still stands.

    If it does not, the attempt is recorded once the transaction has been rolled back.

    Raises:
        NotAPerson (403), AssignmentNotFound (404), LeaseLost (409).
    """
    check_person(who)
    known = await get_known_seat(await driver_of(tx), who=who, assignment_id=assignment_id)
    seats = await queries.lock_seats(tx, who.project_id, known.item_id)
    seat = next(each for each in seats if each.id == assignment_id)  # rows are never deleted, so it is still there
    if not is_held_by(seat, who.id, fence):
        details = _attempt(seat, act, fence)
        audit.record_refused(tx, who.project_id, who.actor, item_id=seat.item_id, details=details)
        raise await _lost(await driver_of(tx), who, seat, fence)
    return seat


async def _lost(hot: Hot, who: Principal, seat: Seat, fence: int) -> LeaseLost:
    return LeaseLost(why_lost(seat, who.id, fence, await queries.get_winner(hot, who.project_id, seat.id)))


async def _record_refused(hot: Hot, who: Principal, seat: Seat, act: Act, fence: int) -> None:
    details = _attempt(seat, act, fence)
    await audit.record_refused_at_once(hot, who.project_id, who.actor, item_id=seat.item_id, details=details)


def _attempt(seat: Seat, act: Act, fence: int) -> dict[str, Any]:
    """Tell what was tried; not who was faster, for a blind reviewer may read it."""
    return {"act": act.value, "assignment_id": str(seat.id), "fence": fence, "pool": seat.pool, "code": LeaseLost.code}


async def get_known_seat(hot: Hot, *, who: Principal, assignment_id: UUID) -> Seat:
    """Give an assignment as it is, unlocked, if the caller may know of it.

    Raises:
        AssignmentNotFound: they may not, or it does not exist (404; the two look alike). AssignmentMoved: they had it
        in hand before it went where they may not follow (404).
    """
    seat = await queries.find_seat(hot, who.project_id, assignment_id)
    is_theirs = seat is not None and seat.holder_id == who.id  # whoever holds it has a part in its case
    if seat is None or (who.is_pool_bound and not is_theirs and not await queries.is_known_to(hot, who, seat)):
        if seat is not None and await queries.was_held_by(hot, who, seat):
            raise AssignmentMoved(MOVED_AWAY)
        message = say("There is no assignment %(assignment_id)s here that you may see.", assignment_id=assignment_id)
        raise AssignmentNotFound(message)
    return seat


def check_person(who: Principal) -> None:
    """Let pass people, and refuse service keys.

    Raises:
        NotAPerson: judgement is a person's (403).
    """
    if who.kind != "user":
        message = say("A service key cannot judge; use a personal token (`review tokens create`). Nothing was changed.")
        raise NotAPerson(message)


def announce_return(
    tx: AsyncSession, project_id: UUID, seat: Seat, *, holder: str, reason: str, by: str, to: str | None = None
) -> None:
    """Tell that a seat went back to its queue for a reason that is worth knowing; `by` is who sent it there.

    `to` is whoever it is kept for first, where it is kept for somebody.
    """
    payload: dict[str, Any] = {
        "assignment_id": str(seat.id),
        "pool": seat.pool,
        "holder": holder,
        "reason": reason,
        "by": by,
    } | ({"to": to} if to else {})
    outbox.emit(tx, project_id, EventKind.RETURNED, item_id=seat.item_id, payload=payload)


def note(tx: AsyncSession, who: Principal, action: Action, seat: Seat, **more: object) -> None:
    """Record what a holder did with a seat, and how long they had held it."""
    details = {
        "assignment_id": str(seat.id),
        "fence": seat.fence,
        "pool": seat.pool,
        "held_seconds": round(seat.held_seconds, 1),
        **more,
    }
    audit.record(tx, who.project_id, who.actor, action, item_id=seat.item_id, details=details)
