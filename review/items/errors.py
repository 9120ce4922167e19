"""Refusals about items."""

from uuid import UUID

from review.kernel.errors import Invalid, NotFound, ReviewError
from review.kernel.sentences import say


class ItemNotFound(NotFound):
    """There is no such item, or it is not the caller's to see."""

    code = "item_not_found"


class ConflictingResubmission(ReviewError):
    """The external id or idempotency key was used before, for other content."""

    code = "conflicting_resubmission"
    status = 409


class UnknownItemType(Invalid):
    """The project has no item type of that name."""

    code = "unknown_item_type"


class PayloadInvalid(Invalid):
    """The input or output does not fit the item type's schema."""

    code = "payload_invalid"


class ItemClosed(ReviewError):
    """The item is decided or withdrawn already."""

    code = "item_closed"
    status = 409


class ItemErased(ReviewError):
    """What the item said was erased, so there is nothing left to judge or to talk about."""

    code = "item_erased"
    status = 409

    @classmethod
    def of(cls, item_id: UUID) -> "ItemErased":
        """Say it of an item."""
        message = say(
            "What item %(item_id)s said was erased. Its decision and its times stay, and nothing was changed.",
            item_id=item_id,
        )
        return cls(message)
