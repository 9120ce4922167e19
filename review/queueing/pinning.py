"""Keeping several items in hand at a time: pinned beside the one being judged, with the words left with each."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.identity.rules import Principal
from review.kernel.db import Hot, driver_of
from review.kernel.sentences import say
from review.queueing import aside_queries, service
from review.queueing.errors import TooManyPinned
from review.queueing.rules import Act

MAX_PINNED = 4
KEPT_DAYS = timedelta(days=30)


class KeptLine(msgspec.Struct, frozen=True, kw_only=True):
    """A seat that the caller keeps without judging it now; `kind` is `pinned`, `snoozed` or `reserved`.

    `until` is when a pinned one's lease ends, a snoozed one comes back, and a reserved one goes to its pool.
    """

    assignment_id: UUID
    item_id: UUID
    pool: str
    type: str
    external_id: str | None
    kind: str
    until: datetime
    fence: int
    note: str
    put_by: str
    input: str | None


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Words left with a seat: the caller's own from when they put it aside, or those of who sent it back."""

    kind: str
    text: str
    put_by: str
    put_at: datetime

    def is_by(self, who: Principal) -> bool:
        """Tell whether these are the caller's own words."""
        return self.kind == "snoozed" or self.put_by == who.actor.name


async def pin(
    tx: AsyncSession, *, who: Principal, assignment_id: UUID, fence: int, next_id: UUID | None = None
) -> None:
    """Keep an assignment in hand while others are judged; `next_id` is a pinned one that comes before the caller now.

    Raises:
        NotAPerson (403), AssignmentNotFound (404), LeaseLost (409); TooManyPinned: four are pinned already (409).
    """
    seat = await service.lock_held(tx, who=who, assignment_id=assignment_id, fence=fence, act=Act.EXTEND)
    hot = await driver_of(tx)
    besides = [seat.id] if next_id is None else [seat.id, next_id]
    if await aside_queries.count_pinned(hot, who, besides) >= MAX_PINNED:
        message = say(
            "You have %(most)s items pinned, and that is as many as can be. Judge or put back one of them first. "
            "Nothing was changed, and you still hold this one.",
            most=MAX_PINNED,
        )
        raise TooManyPinned(message)
    await aside_queries.note(hot, who, seat, seat.fence, "pinned", user_id=who.id, text="")


async def keep(hot: Hot, *, who: Principal) -> None:
    """Keep what the caller has pinned for another full lease."""
    await aside_queries.keep_pinned(hot, who)


async def list_kept(hot: Hot, *, who: Principal) -> list[KeptLine]:
    """List what the caller has pinned or put aside, and what is kept for them."""
    return [KeptLine(**dict(row)) for row in await aside_queries.list_kept(hot, who)]


async def forget_old(hot: Hot) -> int:
    """Forget marks and words of 30 days ago and more; gives how many those were."""
    return await aside_queries.forget_old(hot, KEPT_DAYS)
