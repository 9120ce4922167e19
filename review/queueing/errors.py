"""Refusals about assignments."""

from review.kernel.errors import NotFound, ReviewError


class AssignmentNotFound(NotFound):
    """There is no such assignment, or it is not the caller's to see."""

    code = "assignment_not_found"


class PoolNotFound(NotFound):
    """There is no such pool, or the caller is not in it."""

    code = "pool_not_found"


class LeaseLost(ReviewError):
    """The caller no longer holds the assignment: the lease ended, the fence is old, or the case is closed."""

    code = "lease_lost"
    status = 409


class ViewNotFound(NotFound):
    """There is no such view, or it is not the caller's to change."""

    code = "view_not_found"
