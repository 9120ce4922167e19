"""Word to open lists that something changed: one hint a second for each project, and no connection held for it.

What a stream says is only that it is time to look again; what there is to see is asked for by an ordinary request, with
its permissions. Losing the hints costs the poll interval of the page and nothing else (promise 15).
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Generator, Iterable
from contextlib import contextmanager
from uuid import UUID

LEAST_SECONDS = 1.0  # between two hints of one stream: a list is asked for once a second at most
POLL_SECONDS = 10.0  # without a hint a page is told to look this often, for claims that lapse make none
LONGEST_SECONDS = 300.0  # then the browser comes back by itself, and is asked again who it is
MOST_OF_ONE = 6  # browsers open no more connections to one place
CHANGED = b"event: changed\ndata: 1\n\n"


class Live:
    """The open lists of one process, by project and by who looks at them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: dict[UUID, set[asyncio.Event]] = {}
        self._of: dict[UUID, int] = {}
        self._closing = False

    @property
    def streams(self) -> int:
        """Tell how many lists are open."""
        return sum(self._of.values())

    def wake(self, project_ids: Iterable[UUID]) -> None:
        """Tell the lists of these projects that something happened; never blocks."""
        for project_id in project_ids:
            for woken in self._waiting.get(project_id, ()):
                woken.set()

    def release(self) -> None:
        """End every stream, and begin none any more; for a process that is about to stop."""
        self._closing = True
        self.wake(list(self._waiting))

    def has_room(self, who: UUID) -> bool:
        """Tell whether this person may open one more list."""
        return not self._closing and self._of.get(who, 0) < MOST_OF_ONE and self.streams < self._most

    async def tell(self, project_id: UUID, who: UUID) -> AsyncGenerator[bytes]:
        """Give a hint whenever something changed, and now and then without, until it is time to come back."""
        clock = asyncio.get_running_loop().time
        until = clock() + LONGEST_SECONDS
        with self._hold(project_id, who) as woken:
            yield b"retry: 2000\n\n"
            while clock() < until:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):  # wait_for may swallow the cancellation of who hangs up
                        await woken.wait()
                if self._closing:
                    return
                woken.clear()
                yield CHANGED
                await asyncio.sleep(LEAST_SECONDS)

    @contextmanager
    def _hold(self, project_id: UUID, who: UUID) -> Generator[asyncio.Event]:
        woken = asyncio.Event()
        self._waiting.setdefault(project_id, set()).add(woken)
        self._of[who] = self._of.get(who, 0) + 1
        try:
            yield woken
        finally:
            self._waiting[project_id].discard(woken)
            if not self._waiting[project_id]:
                del self._waiting[project_id]
            self._of[who] -= 1
            if not self._of[who]:
                del self._of[who]
