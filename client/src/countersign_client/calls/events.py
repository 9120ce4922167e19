"""Following the feed of events."""

from collections.abc import Sequence

import msgspec

from countersign_client.answers import Event, EventPage, RawPage
from countersign_client.calls.following import Walk
from countersign_client.errors import Unreadable
from countersign_client.protocol import Route

LIST = Route(method="GET", path="/events", gives=RawPage, query=("type", "after", "limit"), is_repeatable=True)
PAGE = 100


def walk(*, types: Sequence[str], after: str | None, limit: int, every: float | None) -> Walk[EventPage]:
    """Begin a way through the feed."""
    return Walk(LIST, read, query={"type": list(types) or None, "limit": limit}, after=after, every=every)


def read(page: RawPage) -> EventPage:
    """Read events.

    Raises:
        Unreadable: a row is none.
    """
    try:
        return EventPage([msgspec.json.decode(row, type=Event) for row in page.data], page.next)
    except msgspec.DecodeError as fault:
        message = f"An event cannot be read: {fault}."
        raise Unreadable(message) from fault
