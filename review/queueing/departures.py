"""Somebody who may not work any more, at all or in a pool: what they held there goes back to its queues at once."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action, Actor
from review.identity import people, roles, standing
from review.identity.people import PersonView
from review.identity.roles import ALL
from review.identity.rules import Permission, normalise_email
from review.queueing import queries, service
from review.queueing.rules import AssignmentState, Seat

DISABLED = "the account was disabled"
REMOVED = "they left the project"
CHANGED = "their role or pools were changed"


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


async def change(
    tx: AsyncSession,
    project_id: UUID,
    user_id: UUID,
    *,
    actor: Actor,
    role: str | None = None,
    pools: Sequence[str] | None = None,
    held: Collection[Permission] = ALL,
) -> PersonView:
    """Change a person as `people.change` does, and give back what they hold and may not work any more.

    Raises:
        PersonNotFound (404); IdentityInvalid: there is no such role or pool (422); NotPermitted: they, or what is
        handed out, carry more than the caller, who carries `held` (403); LastAdmin (409).
    """
    person = await people.change(tx, project_id, user_id, actor=actor, role=role, pools=pools, held=held)
    carried = (await roles.get_role(tx, project_id, person.role, for_person=True)).permissions
    if {Permission.WORK, Permission.ALL_POOLS} <= carried:
        return person
    kept = {*person.pools, *person.configured_pools, *person.given_pools} if Permission.WORK in carried else set[str]()
    await _give_back(tx, user_id, person.email, actor, CHANGED, only=project_id, kept=kept)
    return person


async def _give_back(
    tx: AsyncSession,
    user_id: UUID,
    email: str,
    actor: Actor,
    why: str,
    *,
    only: UUID | None = None,
    kept: Collection[str] = (),
) -> int:
    """Give back what they hold, but for what stands in pools that they may still work.

    What they have judged they do not hold back any more: it counts when its time comes.
    """
    count = 0
    for project_id, item_id in await queries.list_held_items(tx, user_id, only):
        for seat in await queries.lock_seats(tx, project_id, item_id):
            is_theirs = seat.holder_id == user_id and seat.state is AssignmentState.HELD
            if is_theirs and not seat.is_given and seat.pool not in kept:
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
