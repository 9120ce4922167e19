"""Refusals of the event feed."""

from review.kernel.errors import FieldError, Invalid, ReviewError


class EventCursorUnknown(Invalid):
    """The cursor names no event of this project's feed."""

    code = "cursor_unknown"

    def __init__(self) -> None:
        super().__init__(
            "The cursor does not belong to this project's feed; nothing was read. Send the `id` of an event that you"
            " were given or the `next` of an earlier answer, or `after=0` to begin at the first event.",
            errors=(FieldError("after", "is not a cursor of this feed"),),
        )


class TooManyStreams(ReviewError):
    """The process serves as many event streams as it may."""

    code = "too_many_streams"
    status = 503
