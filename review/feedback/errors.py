"""Refusals of the feedback feed."""

from review.kernel.errors import FieldError, Invalid


class FeedCursorUnknown(Invalid):
    """The cursor names no record of this project's feed."""

    code = "cursor_unknown"

    def __init__(self) -> None:
        super().__init__(
            "The cursor does not belong to this project's feed; nothing was read."
            " Send the `next` of an earlier answer, or leave `after` out to begin at the first record.",
            errors=(FieldError("after", "is not a cursor of this feed"),),
        )
