"""Following a feed: page by page from a cursor on, which is where to go on once a page is dealt with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, Protocol, TypeVar

from countersign_client.answers import RawPage
from countersign_client.protocol import Patience, Route, Steps


class Page(Protocol):
    """What a feed gives: rows, and the cursor behind them."""

    @property
    def data(self) -> Sequence[Any]:
        """Rows in order."""
        ...

    @property
    def next(self) -> str | None:
        """Where to go on."""
        ...


P = TypeVar("P", bound=Page)


class Walk(Generic[P]):
    """A way through a feed; `every` is how many seconds to rest where nothing is new, and None ends the walk there."""

    def __init__(
        self,
        route: Route[RawPage],
        read: Callable[[RawPage], P],
        *,
        query: Mapping[str, object],
        after: str | None,
        every: float | None,
    ) -> None:
        self.cursor = after
        self._route = route
        self._read = read
        self._query = query
        self._every = every

    def turn(self, patience: Patience) -> Steps[P | None]:
        """Read on until there is a page with rows; None ends the walk."""
        delay = 0.0
        while True:
            request = self._route.request(query={**self._query, "after": self.cursor})
            page = yield from self._route.ask(patience, replace(request, delay=delay))
            moved = page.next is not None and page.next != self.cursor
            self.cursor = page.next if moved else self.cursor
            if page.data:
                return self._read(page)
            if not moved and self._every is None:
                return None
            delay = 0.0 if moved else self._every or 0.0
