"""When and from where keys were used last: noted in memory, and written once a minute for each key at most."""

import asyncio
import logging
import time
from uuid import UUID

from review.identity import key_queries as queries
from review.kernel.db import Hot

log = logging.getLogger(__name__)

FLUSH_SECONDS = 5.0
KEEP_SECONDS = 60.0  # of a key that was written, nothing more is noted for so long
MOST_KEPT = 100_000  # what cannot be kept is noted again, which costs a statement and nothing else


class KeyUse:
    """The uses of keys that one process saw; a request adds a word to a dictionary, and a small task writes them."""

    def __init__(self, hot: Hot) -> None:
        self._hot = hot
        self._seen: dict[UUID, float] = {}
        self._waiting: dict[UUID, tuple[UUID, str]] = {}
        self._writing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write."""
        self._writing = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Write what waits, and stop."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        await self.flush()

    def note(self, project_id: UUID, key_id: UUID, origin: str) -> None:
        """Note that a key was used from an address."""
        now = time.monotonic()
        if now - self._seen.get(key_id, -KEEP_SECONDS) >= KEEP_SECONDS:
            self._seen[key_id] = now
            self._waiting[key_id] = (project_id, origin)

    async def flush(self) -> None:
        """Write what waits, in one statement; what cannot be written is told to the log and forgotten."""
        waiting, self._waiting = self._waiting, {}
        if len(self._seen) > MOST_KEPT:
            self._seen.clear()
        if not waiting:
            return
        try:
            await queries.note_use(self._hot, [(project, key, origin) for key, (project, origin) in waiting.items()])
        except Exception:
            log.warning("the last use of %d keys could not be written", len(waiting), exc_info=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()
