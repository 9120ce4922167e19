"""What the feedback feed answers."""

from collections.abc import Sequence

import msgspec


class FeedbackPage(msgspec.Struct, frozen=True):
    """A page of the feed: the records as they were frozen, and the cursor to continue from.

    `next` stays the cursor that was sent when nothing new has come, and is null only while the feed is empty.
    """

    data: Sequence[msgspec.Raw]
    next: str | None
