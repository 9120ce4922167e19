"""Refusals about items."""

from review.kernel.errors import Invalid, NotFound, ReviewError


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
