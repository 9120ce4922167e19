"""Calls that stay open, and the keys they were let in by: one look a second at all of them together.

A stream or a parked caller costs nothing of its own, and none outlives its key by more than the poll interval: not one
that is revoked or has run out, nor one whose person is disabled, has left the project or carries other permissions.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from review.identity import queries
from review.identity.rules import Permission, Principal, permissions_of, prefix_of
from review.kernel.db import Hot

T = TypeVar("T")

log = logging.getLogger(__name__)


class Watched:
    """One open call; `has_changed` once its key does not stand as it did."""

    def __init__(self, permissions: frozenset[Permission], wake: Callable[[], None] | None) -> None:
        self.permissions = permissions
        self.has_changed = False
        self._changed = asyncio.Event()
        self._wake = wake

    def change(self) -> None:
        """Tell the call to look again at who it is."""
        self.has_changed = True
        self._changed.set()
        if self._wake is not None:
            self._wake()

    async def unless_changed(self, act: Coroutine[Any, Any, T]) -> T | None:
        """Do something that takes a while, and stop with None as soon as the key stands otherwise."""
        working = asyncio.ensure_future(act)
        changing = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait({working, changing}, return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else None
        finally:
            working.cancel()
            changing.cancel()
            await asyncio.gather(working, changing, return_exceptions=True)


class KeyWatch:
    """The open calls of one process, by the prefix of their key."""

    def __init__(self, hot: Hot, interval: timedelta) -> None:
        self._hot = hot
        self._seconds = interval.total_seconds()
        self._calls: dict[str, set[Watched]] = {}
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._looking = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop looking."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    @contextmanager
    def keep(self, secret: str, who: Principal, wake: Callable[[], None] | None = None) -> Generator[Watched]:
        """Watch the key that a call was let in by until the `with` block ends; `wake` is called when it changes."""
        prefix, watched = prefix_of(secret) or "", Watched(who.permissions, wake)
        self._calls.setdefault(prefix, set()).add(watched)
        try:
            yield watched
        finally:
            self._calls[prefix].discard(watched)
            if not self._calls[prefix]:
                del self._calls[prefix]

    async def look(self) -> None:
        """Look at every key once, by one statement, and tell the calls whose key has changed."""
        if not self._calls:
            return
        asked = list(self._calls)
        rows = await queries.list_keys(self._hot, asked)
        for prefix in asked:
            row = rows.get(prefix)
            for each in list(self._calls.get(prefix, ())):
                if row is None or not row["usable"]:
                    each.change()
                elif (now := permissions_of(row["role"], row["permissions"], row["scopes"])) != each.permissions:
                    each.permissions = now
                    each.change()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self.look()
            except Exception:
                log.exception("the keys of open calls could not be looked at; it will be tried again")
