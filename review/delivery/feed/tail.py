"""Following feeds as they grow: one reader for all the streams of a process, and a bounded queue for each of them.

No stream holds a connection while it has nothing to send. The reader looks when a hint says that a feed grew, and at
every poll interval besides, so that losing the hints costs the interval and nothing else (promise 15).
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncGenerator, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from review.delivery.feed import queries
from review.delivery.feed.errors import TooManyStreams
from review.delivery.feed.rules import frame_of
from review.items.personal import hidden_body
from review.kernel.db import Hot
from review.kernel.errors import Unavailable
from review.kernel.events import EventKind

log = logging.getLogger(__name__)

CATCH_UP = 200  # events a page, while a stream reads what it missed
READ = 500  # events of one project a turn
QUEUE_EVENTS = 1_000  # a stream that has more than this before it, or more than this many bytes, is ended
QUEUE_BYTES = 4 * 1024 * 1024
CHUNK_EVENTS = 100
PAUSE_SECONDS = 0.02  # between two turns of the reader, so that a burst of hints is one turn
TOO_SLOW = "you read more slowly than events come"
STOPPING = "the server is stopping"


class Told(NamedTuple):
    """One event as streams send it."""

    position: int
    id: UUID
    kind: str
    body: str
    frame: bytes


class Follower:
    """One stream: what waits to be sent to it, and up to where it has been told.

    `ended` says why it gets no more; what waited until then is still given. `hides` are the personal fields, by item
    type, that its reader is not to see.
    """

    def __init__(
        self,
        project_id: UUID,
        position: int,
        kinds: frozenset[str] | None,
        hides: Mapping[str, Sequence[str]],
    ) -> None:
        self.project_id = project_id
        self.position = position
        self.kinds = kinds
        self.hides = hides
        self.seen: UUID | None = None  # the last event looked at, also where the filter left it out
        self.ended: str | None = None
        self._queue: deque[Told] = deque()
        self._size = 0
        self._woken = asyncio.Event()

    def push(self, told: Told) -> None:
        """Queue an event behind the others; a stream that cannot keep up is ended instead."""
        if self.ended is not None or told.position <= self.position:
            return
        if len(self._queue) >= QUEUE_EVENTS or (self._queue and self._size + len(told.frame) > QUEUE_BYTES):
            self.end(TOO_SLOW)
            return
        self.position = told.position
        if self.kinds is None or told.kind in self.kinds:
            self._queue.append(told._replace(frame=self.frame_of(told)) if self.hides else told)
            self._size += len(told.frame)
            self._woken.set()
        elif not self._queue:
            self.seen = told.id

    def frame_of(self, told: Told) -> bytes:
        """Give an event as this stream's reader is shown it."""
        return frame_of(told.id, told.kind, hidden_body(told.body, self.hides)) if self.hides else told.frame

    def end(self, why: str) -> None:
        """Give it no more than what it has."""
        self.ended = self.ended or why
        self._woken.set()

    def wake(self) -> None:
        """Have `next` return now, with what there is."""
        self._woken.set()

    async def next(self, seconds: float) -> bytes:
        """Give what waits, in order and at most so many events at a time; nothing when the time is up or all ended."""
        if not self._queue and self.ended is None:
            self._woken.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):  # wait_for may swallow the cancellation of who hangs up
                    await self._woken.wait()
        given = [self._queue.popleft() for _ in range(min(CHUNK_EVENTS, len(self._queue)))]
        self._size -= sum(len(told.frame) for told in given)
        if given:
            self.seen = given[-1].id
        return b"".join(told.frame for told in given)


class _Line:
    """One project's followers, and the place in its feed that they have been told up to."""

    def __init__(self, reached: int) -> None:
        self.reached = reached
        self.followers: set[Follower] = set()


class Tail:
    """The streams of one process."""

    def __init__(self, hot: Hot, poll_interval: timedelta, max_streams: int) -> None:
        self._hot = hot
        self._poll_seconds = poll_interval.total_seconds()
        self._max_streams = max_streams
        self._streams: set[Follower] = set()
        self._lines: dict[UUID, _Line] = {}
        self._woken = asyncio.Event()
        self._closing = False
        self._reading: asyncio.Task[None] | None = None

    @property
    def streams(self) -> int:
        """Tell how many streams there are."""
        return len(self._streams)

    def start(self) -> None:
        """Begin to read."""
        self._reading = asyncio.create_task(self._run())

    def wake(self, project_ids: Iterable[UUID]) -> None:
        """Look at once, if anybody here follows one of these projects."""
        if any(project_id in self._lines for project_id in project_ids):
            self._woken.set()

    def release(self) -> None:
        """End every stream, and begin none any more; for a process that is about to stop."""
        self._closing = True
        for follower in self._streams:
            follower.end(STOPPING)

    async def stop(self) -> None:
        """End every stream, then stop reading."""
        self.release()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    def check_room(self) -> None:
        """Refuse a stream for which there is no room.

        Raises:
            TooManyStreams, Unavailable: try again in a moment, here or at another process (503).
        """
        if self._closing:
            message = "This process is stopping. Connect again; nothing is missed behind the last id you had."
            raise Unavailable(message)
        if len(self._streams) >= self._max_streams:
            message = (
                f"This process serves {self._max_streams} event streams, which is all it may (REVIEW_MAX_STREAMS)."
                " Try again in a moment, or read the same events as pages without `Accept: text/event-stream`."
            )
            raise TooManyStreams(message)

    @contextmanager
    def follow(
        self,
        project_id: UUID,
        *,
        after: int,
        kinds: frozenset[str] | None,
        hides: Mapping[str, Sequence[str]],
    ) -> Generator[Follower]:
        """Be one of the streams until the `with` block ends; it gets nothing before `catch_up` has been read."""
        follower = Follower(project_id, after, kinds, hides)
        if self._closing:
            follower.end(STOPPING)
        self._streams.add(follower)
        try:
            yield follower
        finally:
            self._streams.discard(follower)
            line = self._lines.get(project_id)
            if line is not None:
                line.followers.discard(follower)
                if not line.followers:
                    del self._lines[project_id]

    async def catch_up(self, follower: Follower) -> AsyncGenerator[bytes]:
        """Give what the stream has missed, page by page, until it stands where the others do; then it follows.

        Holds a connection only while it reads a page, never while one is sent.
        """
        project_id = follower.project_id
        while follower.ended is None and not self._join(follower, create=False):
            last = (await queries.list_last_positions(self._hot, [project_id])).get(project_id, 0)
            if follower.position >= last:
                if self._join(follower, create=True):
                    return
                continue  # others have begun to follow meanwhile, and are further on
            upto = min(last, follower.position + queries.MOST_POSITIONS)
            wanted = None if follower.kinds is None else sorted(follower.kinds)
            rows = await queries.list_page(
                self._hot, project_id, after=follower.position, upto=upto, kinds=wanted, limit=CATCH_UP
            )
            told = [_told(row) for row in rows]
            follower.position = told[-1].position if len(told) == CATCH_UP else upto
            if told:
                follower.seen = told[-1].id
                yield b"".join(follower.frame_of(each) for each in told)

    def _join(self, follower: Follower, *, create: bool) -> bool:
        """Have a stream told what comes, if it stands no further back than the others of its project.

        Where it is the first, it is only where the feed ends (`create`) that it may join.
        """
        line = self._lines.get(follower.project_id)
        if line is None and create:
            line = self._lines[follower.project_id] = _Line(follower.position)
            self._woken.set()
        if line is None or follower.position < line.reached:
            return False
        line.followers.add(follower)
        return True

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._woken.wait()
            self._woken.clear()
            try:
                while await self._read():
                    pass
            except Exception:
                log.exception("the feeds could not be read; it will be tried again")
            await asyncio.sleep(PAUSE_SECONDS)

    async def _read(self) -> bool:
        """Read what is new in every followed project, by one statement; tell whether there may be more."""
        lines = dict(self._lines)
        if not lines:
            return False
        rows = await queries.list_new(self._hot, {each: line.reached for each, line in lines.items()}, READ)
        counts: dict[UUID, int] = {}
        for row in rows:
            counts[row["project_id"]] = counts.get(row["project_id"], 0) + 1
            line = lines[row["project_id"]]
            line.reached = row["position"]
            if row["kind"] != EventKind.WEBHOOK_TEST:
                told = _told(row)
                for follower in line.followers:
                    follower.push(told)
        return READ in counts.values()


def _told(row: Any) -> Told:
    frame = frame_of(row["id"], row["kind"], row["body"])
    return Told(row["position"], row["id"], row["kind"], row["body"], frame)
