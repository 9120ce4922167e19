"""Refusals of the feedback feed."""

from review.kernel.errors import FieldError, Invalid
from review.kernel.sentences import say


class FeedCursorUnknown(Invalid):
    """The cursor names no record of this project's feed."""

    code = "cursor_unknown"

    def __init__(self) -> None:
        message = say(
            "The cursor does not belong to this project's feed; nothing was read."
            " Send the `next` of an earlier answer, or leave `after` out to begin at the first record."
        )
        super().__init__(message, errors=(FieldError("after", say("is not a cursor of this feed")),))
