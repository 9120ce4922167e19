"""Refusals about stops."""

from review.kernel.errors import NotFound, ReviewError


class SourceNotFound(NotFound):
    """The project has no key, and nobody with a token, of that id, or no item type of that name."""

    code = "source_not_found"


class NotStopped(ReviewError):
    """The source or item type is not stopped, so there is nothing to resume."""

    code = "not_stopped"
    status = 409
