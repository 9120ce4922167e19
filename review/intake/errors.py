"""Refusals about stops."""

from review.kernel.errors import NotFound, ReviewError


class SourceNotFound(NotFound):
    """The project has no key, and nobody with a token, of that id, or nothing of the kind of that name."""

    code = "source_not_found"


class StopNotFound(NotFound):
    """The project has no stop of that id."""

    code = "stop_not_found"


class NotStopped(ReviewError):
    """What is to be resumed is not stopped, so there is nothing to resume."""

    code = "not_stopped"
    status = 409
