"""Drafts: what somebody typed about an item and has not sent, kept for them alone until their review is recorded."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.identity.rules import Principal
from review.kernel.db import Hot, driver_of
from review.kernel.sentences import say
from review.queueing import service as queueing
from review.reviewing import draft_queries
from review.reviewing.errors import DraftOvertaken, DraftTooLarge

MAX_BYTES = 256 * 1024
KEPT = timedelta(days=30)
ANY = -1

Pairs = list[tuple[str, str]]


class SavedDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A draft as it was saved: the form's names and values, in order. `version` grows with each save."""

    version: int
    saved_at: datetime
    fields: Pairs


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """A save that was taken; where the review was recorded meanwhile, there is nothing to keep and `version` is 0."""

    version: int
    saved_at: datetime | None = None


async def save(
    hot: Hot, *, who: Principal, assignment_id: UUID, version: int, fields: Sequence[tuple[str, str]]
) -> Saved:
    """Save what the caller has typed about the item of an assignment, held or lost, in the place of `version`.

    That is 0 for none, and `ANY` for whatever there is, once the caller has chosen.

    Raises:
        NotAPerson (403); AssignmentNotFound (404); DraftTooLarge (413); DraftOvertaken: they have saved a newer one
        elsewhere, which stays as it is (409).
    """
    queueing.check_person(who)
    encoded = msgspec.json.encode(list(fields))
    if len(encoded) > MAX_BYTES:
        message = say(
            "This is more than the %(most)s KB that a draft may hold, so it is kept in this browser alone. "
            "Nothing typed is lost while the page is open.",
            most=MAX_BYTES // 1024,
        )
        raise DraftTooLarge(message)
    seat = await queueing.get_known_seat(hot, who=who, assignment_id=assignment_id)
    row = await draft_queries.save(
        hot, who, item_id=seat.item_id, case_id=seat.case_id, version=version, fields=encoded.decode()
    )
    if row is not None:
        return Saved(version=row["version"], saved_at=row["saved_at"])
    if await draft_queries.find(hot, who, seat.item_id) is None:
        return Saved(version=0)
    message = say(
        "You went on with this item on another page or device, and what you typed there is newer. It was left as it "
        "is; what is typed here stays on this page. Choose which of the two you keep."
    )
    raise DraftOvertaken(message)


async def find(hot: Hot, *, who: Principal, item_id: UUID) -> SavedDraft | None:
    """Find the caller's own draft of an item; nobody else's is ever given."""
    row = await draft_queries.find(hot, who, item_id)
    if row is None:
        return None
    fields = msgspec.json.decode(row["fields"], type=Pairs)
    return SavedDraft(version=row["version"], saved_at=row["saved_at"], fields=fields)


async def discard(hot: Hot, *, who: Principal, assignment_id: UUID) -> None:
    """Throw away the caller's own draft of the item of an assignment.

    Raises:
        AssignmentNotFound (404).
    """
    seat = await queueing.get_known_seat(hot, who=who, assignment_id=assignment_id)
    await draft_queries.delete(hot, who, seat.item_id)


async def end(tx: AsyncSession, *, who: Principal, item_id: UUID) -> None:
    """End the caller's draft of an item, in the transaction that records their review."""
    await draft_queries.delete(await driver_of(tx), who, item_id)


async def forget_old(hot: Hot) -> int:
    """Forget drafts that were not touched for 30 days; gives how many those were."""
    return await draft_queries.forget_old(hot, KEPT)
