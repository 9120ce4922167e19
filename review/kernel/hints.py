"""Hints that something changed: told through Redis after commit, never needed for correctness.

A process parks its waiters here. They wake when a hint names their item, or when the floor poll finds it
closed, whichever comes first; losing Redis costs the poll interval and nothing else (promise 15).
"""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from redis.exceptions import RedisError

log = logging.getLogger(__name__)

CHANNEL = "countersign:closed"
COALESCE_SECONDS = 0.02  # one message per process and 20 ms however many decisions (PROMISES, design rule 7)
RECONNECT_SECONDS = 1.0
PATIENCE_SECONDS = 1.0  # with a Redis that takes connections and does not answer

FindClosed = Callable[[list[tuple[UUID, UUID]]], Awaitable[list[UUID]]]


class Hints:
    """The waiters of one process, and its line to the other processes.

    `find_closed` answers which of the given items, each named by project and id, are no longer open; it is asked
    once per poll interval for all waiters together, so any number of them costs one statement and no held connection.
    """

    def __init__(self, redis: Any, find_closed: FindClosed, poll_interval: timedelta) -> None:
        self._redis = redis
        self._find_closed = find_closed
        self._poll_seconds = poll_interval.total_seconds()
        self._waiting: defaultdict[UUID, dict[asyncio.Event, UUID]] = defaultdict(dict)  # item: waiter: project
        self._outgoing: set[UUID] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._closing = False

    @property
    def waiters(self) -> int:
        """Tell how many callers are parked."""
        return sum(len(events) for events in self._waiting.values())

    @property
    def is_closing(self) -> bool:
        """Tell whether the process is stopping and nobody may park any more."""
        return self._closing

    def start(self) -> None:
        """Begin to listen and to poll."""
        self._loops = [asyncio.create_task(self._poll()), asyncio.create_task(self._send())]
        if self._redis is not None:
            self._loops.append(asyncio.create_task(self._listen(self._redis)))

    def release(self) -> None:
        """Wake every waiter, and park nobody any more; for a process that is about to stop."""
        self._closing = True
        self._wake(list(self._waiting))

    async def stop(self) -> None:
        """Wake every waiter, so that parked requests end, then stop listening."""
        self.release()
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)

    def tell_closed(self, item_ids: Iterable[UUID]) -> None:
        """Pass on that these items are decided or withdrawn; call it after the commit."""
        ids = set(item_ids)
        self._wake(ids)
        self._outgoing |= ids

    async def wait_closed(self, project_id: UUID, item_id: UUID, seconds: float) -> None:
        """Return when the item is said to be closed, the time is up, or the process is stopping."""
        if self._closing:
            return
        event = asyncio.Event()
        self._waiting[item_id][event] = project_id
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            pass
        finally:
            del self._waiting[item_id][event]
            if not self._waiting[item_id]:
                del self._waiting[item_id]

    def _wake(self, item_ids: Iterable[UUID]) -> None:
        for item_id in item_ids:
            for event in self._waiting.get(item_id, ()):
                event.set()

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            # Whoever asks for another project's item is parked for a moment too, before they are told it is not there.
            waited_for = {(project_id, item_id) for item_id, by in self._waiting.items() for project_id in by.values()}
            if not waited_for:
                continue
            try:
                self._wake(await self._find_closed(list(waited_for)))
            except Exception:
                log.exception("the poll for parked callers failed; it will be tried again")

    async def _send(self) -> None:
        while True:
            await asyncio.sleep(COALESCE_SECONDS)
            if not self._outgoing or self._redis is None:
                self._outgoing.clear()
                continue
            batch, self._outgoing = self._outgoing, set()
            with contextlib.suppress(RedisError, OSError):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self._redis.publish(CHANNEL, b"".join(item_id.bytes for item_id in batch))

    async def _listen(self, redis: Any) -> None:
        while True:
            try:
                async with redis.pubsub() as line:
                    await line.subscribe(CHANNEL)
                    message: dict[str, Any]
                    async for message in line.listen():
                        if message["type"] == "message":
                            ids: bytes = message["data"]
                            whole = range(0, len(ids) - len(ids) % 16, 16)
                            self._wake(UUID(bytes=ids[at : at + 16]) for at in whole)
            except (RedisError, OSError):
                await asyncio.sleep(RECONNECT_SECONDS)
