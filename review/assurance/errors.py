"""Refusals of the threshold advisor."""

from review.kernel.errors import ReviewError


class NothingAdvised(ReviewError):
    """There is no threshold to propose, or no rule to put it into."""

    code = "nothing_advised"
    status = 409
