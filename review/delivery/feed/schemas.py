"""How the feed is shown."""

from collections.abc import Sequence

import msgspec


class EventPage(msgspec.Struct, frozen=True):
    """Events in the order of the feed, and the cursor to continue behind; null only while the feed is empty."""

    data: Sequence[msgspec.Raw]
    next: str | None
