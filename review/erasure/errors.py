"""Refusals about erasures."""

from review.kernel.errors import NotFound, ReviewError


class ErasureNotFound(NotFound):
    """There is no such erasure here."""

    code = "erasure_not_found"


class NothingToErase(ReviewError):
    """No item is there that this names, or all of them are erased already."""

    code = "nothing_to_erase"
    status = 409
