"""Somebody who may not work any more: they are kept out, and what they held goes back to its queues at once."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action, Actor
from review.identity import people, standing
from review.identity.roles import ALL
from review.identity.rules import Permission, normalise_email
from review.queueing import queries, service
from review.queueing.rules import AssignmentState, Seat

DISABLED = "the account was disabled"
REMOVED = "they left the project"


async def disable(tx: AsyncSession, *, email: str, actor: Actor) -> int:
    """Disable a person and give back what they hold in every project; gives how many assignments those were.

    A claim that is under way at this moment ends with its lease, which they cannot extend.

    Raises:
        UserNotFound (404).
    """
    user_id = await standing.disable(tx, email=email, actor=actor)
    return await _give_back(tx, user_id, normalise_email(email), actor, DISABLED)


async def remove(
    tx: AsyncSession, project_id: UUID, user_id: UUID, *, actor: Actor, held: Collection[Permission] = ALL
) -> int:
    """Take a person out of a project and give back what they hold there; gives how many assignments those were.

    Raises:
        PersonNotFound (404); NotPermitted: they carry more than the caller, who carries `held` (403); LastAdmin (409).
    """
    person = await people.get_person(tx, project_id, user_id)
    await people.remove(tx, project_id, user_id, actor=actor, held=held)
    return await _give_back(tx, user_id, person.email, actor, REMOVED, only=project_id)


async def _give_back(
    tx: AsyncSession, user_id: UUID, email: str, actor: Actor, why: str, *, only: UUID | None = None
) -> int:
    count = 0
    for project_id, item_id in await queries.list_held_items(tx, user_id, only):
        for seat in await queries.lock_seats(tx, project_id, item_id):
            if seat.holder_id == user_id and seat.state is AssignmentState.HELD:
                await _give_back_one(tx, project_id, seat, email, actor, why)
                count += 1
    return count


async def _give_back_one(tx: AsyncSession, project_id: UUID, seat: Seat, email: str, actor: Actor, why: str) -> None:
    await queries.settle(tx, project_id, seat, AssignmentState.OPEN, part=None)
    details = {
        "assignment_id": str(seat.id),
        "fence": seat.fence,
        "pool": seat.pool,
        "holder": email,
        "reason": why,
    }
    audit.record(tx, project_id, actor, Action.ASSIGNMENT_RELEASED, item_id=seat.item_id, details=details)
    service.announce_return(tx, project_id, seat, holder=email, reason=why, by=actor.name)
