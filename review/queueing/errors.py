"""Refusals about assignments."""

from review.kernel.errors import NotFound, ReviewError


class AssignmentNotFound(NotFound):
    """There is no such assignment, or it is not the caller's to see."""

    code = "assignment_not_found"


class AssignmentMoved(AssignmentNotFound):
    """The caller had the assignment in hand, and it went to a pool that they are not in."""


class PoolNotFound(NotFound):
    """There is no such pool, or the caller is not in it."""

    code = "pool_not_found"


class LeaseLost(ReviewError):
    """The caller no longer holds the assignment: the lease ended, the fence is old, or the case is closed."""

    code = "lease_lost"
    status = 409


class SnoozeInvalid(ReviewError):
    """The item cannot be put aside until then: the time is past, too far off, or too near to when it is due."""

    code = "snooze_invalid"
    status = 422


class SendBackInvalid(ReviewError):
    """The item cannot be sent back there: they never had it or may not work it, or it never was in that pool."""

    code = "send_back_invalid"
    status = 422


class TooManyPinned(ReviewError):
    """The caller has as many items pinned as can be."""

    code = "too_many_pinned"
    status = 409


class CommentNotFound(NotFound):
    """There is no such comment on the item, or its author took it back."""

    code = "comment_not_found"


class CommentSettled(ReviewError):
    """A comment can be changed by its author alone, and for five minutes."""

    code = "comment_settled"
    status = 409


class ViewNotFound(NotFound):
    """There is no such view, or it is not the caller's to change."""

    code = "view_not_found"
