"""Claiming ahead: the next assignment is kept for somebody who has not seen it, and counts as theirs once they do."""

from datetime import timedelta
from typing import TypeAlias
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from review.audit.rules import Action
from review.configuration.rules import ProjectConfig
from review.identity.rules import Principal
from review.kernel.db import Hot, driver_of
from review.queueing import ahead_queries, queries
from review.queueing import service as queueing
from review.queueing.rules import AssignmentState, is_held_by
from review.queueing.schemas import ClaimedAssignment

LONGEST = timedelta(minutes=3)  # three beats of a page whose pool has the usual lease, so one may fail

Reserved: TypeAlias = tuple[UUID, int]  # an assignment claimed ahead, and its fence


async def reserve(
    tx: AsyncSession, *, who: Principal, pool: str, config: ProjectConfig, base_url: str
) -> ClaimedAssignment | None:
    """Keep the pool's next assignment for the caller without counting it as seen; None where nothing waits.

    Nobody has more than one in a pool: asked again, it gives the same one, for as long from now. While something that
    came back to the caller waits there, that is next, and nothing is kept besides.

    Raises:
        PoolNotFound (404); NotAPerson: a service key (403).
    """
    queueing.check_person(who)
    hot, lease = await driver_of(tx), _lease(config, pool)
    await queueing.check_pool(hot, who=who, pool=pool, config=config)
    await ahead_queries.lock(hot, who, pool)
    rows = await ahead_queries.keep(hot, who, pool, lease)
    if rows is None:
        return None
    if not rows:
        rows = await queueing.take(hot, who, pool, 1, config, lease=lease, is_ahead=True)
    return next(iter(await queueing.present(hot, who, rows[:1], config=config, base_url=base_url)), None)


async def show(
    hot: Hot, *, who: Principal, pool: str, config: ProjectConfig, only: Reserved, is_again: bool = False
) -> bool:
    """Count what the caller has claimed ahead as before them from now on; tells whether that is done.

    It is done once, so of two pages that have the same item ahead one shows it. `is_again` if this was asked before:
    then it may be in hand already.
    """
    if pool in config.pools and await ahead_queries.show(hot, who, pool, config.pools[pool].lease, only):
        return True
    if not is_again:
        return False
    seat = await queries.find_seat(hot, who.project_id, only[0])
    return seat is not None and seat.pool == pool and is_held_by(seat, who.id, only[1])


async def resume(hot: Hot, *, who: Principal, pool: str, config: ProjectConfig) -> UUID | None:
    """Put before the caller what is theirs of a pool without being in hand; gives its id, None where there is none.

    That is first what came back to them, then what they have claimed ahead; a request of their page that claims at this
    moment is waited for, as what it takes would be missed otherwise.
    """
    if pool not in config.pools:
        return None
    await ahead_queries.lock(hot, who, pool)
    lease = config.pools[pool].lease
    kept = await ahead_queries.take_kept(hot, who, pool, lease)
    return kept or await ahead_queries.show(hot, who, pool, lease, None)


async def stow(hot: Hot, *, who: Principal, pool: str, config: ProjectConfig, only: Reserved) -> bool:
    """Lay what the caller has in hand aside, to come next, unless it is pinned; tells whether that was done."""
    return await ahead_queries.stow(hot, who, *only, _lease(config, pool))


async def put_back(tx: AsyncSession, *, who: Principal, assignment_id: UUID, fence: int) -> bool:
    """Give what the caller has claimed ahead and not seen back to its queue; tells whether there was such a thing.

    Raises:
        NotAPerson (403), AssignmentNotFound (404).
    """
    queueing.check_person(who)
    known = await queueing.get_known_seat(await driver_of(tx), who=who, assignment_id=assignment_id)
    seats = await queries.lock_seats(tx, who.project_id, known.item_id)
    seat = next(each for each in seats if each.id == assignment_id)
    if not seat.is_ahead or seat.holder_id != who.id or seat.fence != fence:
        return False
    await queries.settle(tx, who.project_id, seat, AssignmentState.OPEN, part=None)
    queueing.note(tx, who, Action.ASSIGNMENT_RELEASED, seat, unseen=True)
    return True


def _lease(config: ProjectConfig, pool: str) -> timedelta:
    return min(config.pools[pool].lease, LONGEST) if pool in config.pools else LONGEST
