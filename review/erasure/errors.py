"""Refusals about erasures."""

from review.kernel.errors import NotFound


class ErasureNotFound(NotFound):
    """There is no such erasure here."""

    code = "erasure_not_found"


class NothingToErase(NotFound):
    """No item is there that this names, or all of them are erased already."""

    code = "nothing_to_erase"
