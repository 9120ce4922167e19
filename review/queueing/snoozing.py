"""Putting an item aside until a moment: it stays its holder's, out of hand, and its clock runs on."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import TIMER, Action, Actor
from review.configuration.rules import ProjectConfig
from review.identity.rules import Principal
from review.kernel import outbox
from review.kernel.db import driver_of
from review.kernel.events import EventKind
from review.kernel.sentences import say
from review.queueing import aside_queries, queries, service, snooze_rules
from review.queueing.errors import LeaseLost, SnoozeInvalid
from review.queueing.overview import finite
from review.queueing.rules import Act, AssignmentState, Seat, why_lost

ESCALATED = "its clock escalated while it was put aside"
MAX_NOTE = 2_000


async def snooze(
    tx: AsyncSession, *, who: Principal, assignment_id: UUID, fence: int, until: datetime, reason: str
) -> None:
    """Put an assignment aside until a moment; it is offered to nobody meanwhile, and its clock runs on.

    Raises:
        NotAPerson (403), AssignmentNotFound (404), LeaseLost (409); SnoozeInvalid: it would come back too late (422).
    """
    seat = await service.lock_held(tx, who=who, assignment_id=assignment_id, fence=fence, act=Act.SNOOZE)
    due_at = finite(await aside_queries.get_due(await driver_of(tx), who.project_id, seat.id))
    fault = snooze_rules.why_not(until, seat.at, due_at)
    if fault is not None:
        message = say("%(fault)s. Nothing was changed, and you still hold the item.", fault=fault)
        raise SnoozeInvalid(message)
    await aside_queries.put_aside(tx, who, seat, until, reason)
    service.note(tx, who, Action.ASSIGNMENT_SNOOZED, seat, until=until.isoformat(), reason=reason)


async def take_up(tx: AsyncSession, *, who: Principal, assignment_id: UUID, config: ProjectConfig) -> int:
    """Take back into hand what the caller has put aside, or what is kept for them; gives the new fence.

    Raises:
        NotAPerson (403); AssignmentNotFound (404); LeaseLost: it is not kept for them any more (409).
    """
    service.check_person(who)
    hot = await driver_of(tx)
    known = await service.get_known_seat(hot, who=who, assignment_id=assignment_id)
    seats = await queries.lock_seats(tx, who.project_id, known.item_id)
    seat = next(each for each in seats if each.id == assignment_id)
    if not seat.is_aside or seat.holder_id != who.id or seat.lease_until is None or seat.lease_until <= seat.at:
        winner = await queries.get_winner(hot, who.project_id, seat.id)
        raise LeaseLost(why_lost(seat, who.id, seat.fence, winner))
    pool = config.pools.get(seat.pool)
    taken = await aside_queries.take_up(tx, who.project_id, seat.id, pool.lease if pool else snooze_rules.KEPT_FOR)
    details = {"assignment_id": str(seat.id), "fence": taken["fence"], "pool": seat.pool}
    audit.record(tx, who.project_id, who.actor, Action.ASSIGNMENT_TAKEN_UP, item_id=seat.item_id, details=details)
    told = {"kind": seat.kind, "holder": who.actor.name, "lease_until": taken["lease_until"].isoformat()}
    outbox.emit(tx, who.project_id, EventKind.CLAIMED, item_id=seat.item_id, payload=details | told)
    return int(taken["fence"])


async def return_due(tx: AsyncSession, limit: int) -> int:
    """Bring back what was put aside until now, kept for its holder first; gives how many timers were dealt with."""
    rows = await aside_queries.lock_returns(tx, limit)
    if rows:
        await aside_queries.reserve(tx, rows, snooze_rules.KEPT_FOR)
    for row in rows:
        if row["stands"]:
            details = {
                "assignment_id": str(row["subject_id"]),
                "fence": row["generation"],
                "pool": row["pool"],
                "holder": row["email"],
            }
            project_id, item_id = row["project_id"], row["item_id"]
            audit.record(tx, project_id, TIMER, Action.ASSIGNMENT_RETURNED, item_id=item_id, details=details)
    return len(rows)


async def bring_back(
    tx: AsyncSession, project_id: UUID, seats: Sequence[Seat], holders: Mapping[UUID, str], *, actor: Actor, by: str
) -> None:
    """Open at once, for everybody, what is put aside of a case whose clock escalated; its seats must be locked."""
    for seat in seats:
        if not seat.is_aside or seat.holder_id is None:
            continue
        await queries.settle(tx, project_id, seat, AssignmentState.OPEN, part=None)
        holder = holders.get(seat.holder_id, "")
        details = {
            "assignment_id": str(seat.id),
            "fence": seat.fence,
            "pool": seat.pool,
            "holder": holder,
            "reason": ESCALATED,
        }
        audit.record(tx, project_id, actor, Action.ASSIGNMENT_RETURNED, item_id=seat.item_id, details=details)
        service.announce_return(tx, project_id, seat, holder=holder, reason=ESCALATED, by=by)
