"""Following the feed of labelled records."""

from dataclasses import replace

from countersign_client.answers import FeedbackPage
from countersign_client.protocol import Patience, Route, Steps

LIST = Route(method="GET", path="/feedback", gives=FeedbackPage, query=("type", "after", "limit"), is_repeatable=True)
PAGE = 500


class Walk:
    """A way through the feed; `cursor` is where to go on once the last page is dealt with.

    `every` is how many seconds to rest where nothing is new; None ends the walk there.
    """

    def __init__(self, *, type: str | None, after: str | None, limit: int, every: float | None) -> None:
        self.cursor = after
        self._type = type
        self._limit = limit
        self._every = every

    def turn(self, patience: Patience) -> Steps[FeedbackPage | None]:
        """Read on until there is a page with records; None ends the walk."""
        delay = 0.0
        while True:
            query = {"type": self._type, "after": self.cursor, "limit": self._limit}
            page = yield from LIST.ask(patience, replace(LIST.request(query=query), delay=delay))
            moved = page.next is not None and page.next != self.cursor
            self.cursor = page.next if moved else self.cursor
            if page.data:
                return page
            if not moved and self._every is None:
                return None
            delay = 0.0 if moved else self._every or 0.0
