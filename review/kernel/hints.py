"""Hints that something changed: told through Redis after commit, never needed for correctness.

A process parks its waiters here. They wake when a hint names what they wait for, or when the floor poll finds it,
whichever comes first; losing Redis costs the poll interval and nothing else (promise 15).
"""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from redis.exceptions import RedisError

log = logging.getLogger(__name__)

CHANNEL = "countersign:closed"  # ids of items that were decided or withdrawn
EVENTS_CHANNEL = "countersign:events"  # ids of projects whose feed grew
COALESCE_SECONDS = 0.02  # one message per process and 20 ms however many decisions (PROMISES, design rule 7)
RECONNECT_SECONDS = 1.0
PATIENCE_SECONDS = 1.0  # with a Redis that takes connections and does not answer

FindClosed = Callable[[list[tuple[UUID, UUID]]], Awaitable[list[UUID]]]


class Teller:
    """The line of a process that only tells: the first hint goes out at once, what comes within 20 ms of it together.

    Without Redis everything told is forgotten, which costs whoever waits the poll interval.
    """

    def __init__(self, redis: Any) -> None:
        self._redis = redis
        self._outgoing: dict[str, set[UUID]] = {CHANNEL: set(), EVENTS_CHANNEL: set()}
        self._told = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to tell."""
        self._loops = [asyncio.create_task(self._send())]

    async def stop(self) -> None:
        """Tell what is left, then stop."""
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self._publish()

    def tell_closed(self, item_ids: Iterable[UUID]) -> None:
        """Pass on that these items are decided or withdrawn; call it after the commit."""
        self._outgoing[CHANNEL].update(item_ids)
        self._told.set()

    def tell_events(self, project_ids: Iterable[UUID]) -> None:
        """Pass on that there is something new in the feeds of these projects; call it after the commit."""
        self._outgoing[EVENTS_CHANNEL].update(project_ids)
        self._told.set()

    async def _send(self) -> None:
        while True:
            await self._told.wait()
            self._told.clear()
            await self._publish()
            await asyncio.sleep(COALESCE_SECONDS)

    async def _publish(self) -> None:
        for channel, outgoing in self._outgoing.items():
            if not outgoing:
                continue
            message = b"".join(each.bytes for each in outgoing)
            outgoing.clear()
            if self._redis is not None:
                with contextlib.suppress(RedisError, OSError):
                    async with asyncio.timeout(PATIENCE_SECONDS):
                        await self._redis.publish(channel, message)


class Parked:
    """One caller's place among those that wait for an item; it is taken until the `with` block ends."""

    def __init__(self, woken: asyncio.Event) -> None:
        self._woken = woken

    async def wait(self, seconds: float) -> None:
        """Return when the item is said to be closed, the time is up, or the process is stopping."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # wait_for may swallow the cancellation of who hangs up
                await self._woken.wait()
        self._woken.clear()


class Hints(Teller):
    """The waiters of one process, and its line to the other processes.

    `find_closed` answers which of the given items, each named by project and id, are no longer open; it is asked
    once per poll interval for all waiters together, so any number of them costs one statement and no held connection.
    """

    def __init__(self, redis: Any, find_closed: FindClosed, poll_interval: timedelta) -> None:
        super().__init__(redis)
        self._find_closed = find_closed
        self._poll_seconds = poll_interval.total_seconds()
        self._waiting: defaultdict[UUID, dict[asyncio.Event, UUID]] = defaultdict(dict)  # item: waiter: project
        self._followers: list[Callable[[Iterable[UUID]], None]] = []
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
        """Begin to listen, to poll and to tell."""
        super().start()
        self._loops.append(asyncio.create_task(self._poll()))
        if self._redis is not None:
            self._loops.append(asyncio.create_task(self._listen(self._redis)))

    def release(self) -> None:
        """Wake every waiter, and park nobody any more; for a process that is about to stop."""
        self._closing = True
        self._wake(list(self._waiting))

    async def stop(self) -> None:
        """Wake every waiter, so that parked requests end, then stop listening."""
        self.release()
        await super().stop()

    def tell_closed(self, item_ids: Iterable[UUID]) -> None:
        """Wake who waits here for these items, and pass it on; call it after the commit."""
        ids = set(item_ids)
        self._wake(ids)
        super().tell_closed(ids)

    def tell_events(self, project_ids: Iterable[UUID]) -> None:
        """Wake who follows the feeds of these projects here, and pass it on; call it after the commit."""
        ids = set(project_ids)
        self._wake_followers(ids)
        super().tell_events(ids)

    def follow_events(self, wake: Callable[[Iterable[UUID]], None]) -> None:
        """Have `wake` called with the projects whose feeds are said to have grown; it must not block."""
        self._followers.append(wake)

    @contextmanager
    def park(self, project_id: UUID, item_id: UUID) -> Generator[Parked]:
        """Take a place among those that wait for an item, so that no hint from now on is missed."""
        event = asyncio.Event()
        if self._closing:
            event.set()
        self._waiting[item_id][event] = project_id
        try:
            yield Parked(event)
        finally:
            del self._waiting[item_id][event]
            if not self._waiting[item_id]:
                del self._waiting[item_id]

    def _wake(self, item_ids: Iterable[UUID]) -> None:
        for item_id in item_ids:
            for event in self._waiting.get(item_id, ()):
                event.set()

    def _wake_followers(self, project_ids: Iterable[UUID]) -> None:
        ids = set(project_ids)
        for wake in self._followers:
            wake(ids)

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

    async def _listen(self, redis: Any) -> None:
        hear = {CHANNEL.encode(): self._wake, EVENTS_CHANNEL.encode(): self._wake_followers}
        while True:
            try:
                async with redis.pubsub() as line:
                    await line.subscribe(*hear)
                    message: dict[str, Any]
                    async for message in line.listen():
                        if message["type"] == "message":
                            ids: bytes = message["data"]
                            whole = range(0, len(ids) - len(ids) % 16, 16)
                            hear[message["channel"]](UUID(bytes=ids[at : at + 16]) for at in whole)
            except (RedisError, OSError):
                await asyncio.sleep(RECONNECT_SECONDS)
