"""Refusals about acts on many items."""

from review.kernel.errors import Invalid, NotFound, ReviewError


class BulkInvalid(Invalid):
    """What was asked for cannot be done to any item."""

    code = "bulk_invalid"


class BulkNotFound(NotFound):
    """There is no such act, or it is another person's."""

    code = "bulk_not_found"


class BulkCounts(ReviewError):
    """The act has begun, so it cannot be taken back as a whole any more."""

    code = "bulk_counts"
    status = 409
