"""Where an item waits, how urgently and for whom, as somebody who leads a pool puts it; its seats are locked before."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action
from review.configuration.rules import ProjectConfig
from review.identity.rules import Principal
from review.kernel import outbox
from review.kernel.db import driver_of
from review.kernel.events import EventKind
from review.queueing import placing_queries, queries, service
from review.queueing.rules import AssignmentState, Seat


async def take(tx: AsyncSession, *, who: Principal, seat: Seat, config: ProjectConfig) -> int | None:
    """Put the caller at a locked open seat for an act of this transaction; gives the fence that it must carry.

    None where they sit elsewhere in the case. No lease is kept, so the act must settle the seat.
    """
    fence: int | None = await placing_queries.take(await driver_of(tx), who, seat, config.pools[seat.pool].lease)
    return fence


async def move(tx: AsyncSession, *, who: Principal, seats: Sequence[Seat], pool: str, told: dict[str, Any]) -> None:
    """Move a case to a pool, with the reviewers' seats that are open; `told` goes into the audit beside that."""
    case_id, item_id = seats[0].case_id, seats[0].item_id
    was = await placing_queries.move(await driver_of(tx), who.project_id, case_id, pool)
    details = {"from": was, "to": pool, **told}
    audit.record(tx, who.project_id, who.actor, Action.CASE_MOVED, item_id=item_id, details=details)
    payload = {"pool": pool, "was": was, "by": who.actor.name}
    outbox.emit(tx, who.project_id, EventKind.MOVED, item_id=item_id, payload=payload)


async def prioritise(
    tx: AsyncSession, *, who: Principal, seats: Sequence[Seat], priority: int, told: dict[str, Any]
) -> None:
    """Give a case a priority, and what is open of its seats with it; `told` goes into the audit beside that."""
    case_id, item_id = seats[0].case_id, seats[0].item_id
    was = await placing_queries.prioritise(await driver_of(tx), who.project_id, case_id, priority)
    details = {"from": was, "to": priority, **told}
    audit.record(tx, who.project_id, who.actor, Action.CASE_PRIORITISED, item_id=item_id, details=details)
    payload = {"priority": priority, "was": was, "by": who.actor.name}
    outbox.emit(tx, who.project_id, EventKind.PRIORITISED, item_id=item_id, payload=payload)


async def give_back(
    tx: AsyncSession, *, who: Principal, seats: Sequence[Seat], reason: str, told: dict[str, Any]
) -> None:
    """Take an item from all who have it in hand or keep it, and give it back to its queue; they may claim it again.

    The fences they carry are dead, and what they typed stays theirs as a draft. Whoever has judged keeps their seat:
    what they gave counts.
    """
    hot = await driver_of(tx)
    is_blind = await queries.is_judged_by_several(tx, who.project_id, seats[0].case_id)
    for seat in seats:
        if seat.state is not AssignmentState.HELD or seat.holder_id is None or seat.is_given:
            continue
        holder = await placing_queries.get_holder(hot, seat.holder_id)
        await queries.settle(tx, who.project_id, seat, AssignmentState.OPEN, part=None)
        service.note(tx, who, Action.ASSIGNMENT_REASSIGNED, seat, holder=holder, reason=reason, **told)
        said = "" if is_blind else reason
        service.announce_return(tx, who.project_id, seat, holder=holder, reason=said, by=who.actor.name)
