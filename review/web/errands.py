"""Work that nobody's answer waits for, so that no answer tells how long it takes: a letter, a note of a refusal."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)

MOST = 50
STOP_WITHIN_SECONDS = 2.0


class Errands:
    """The errands of one process; what does not fit is dropped, and what a crash interrupts is lost."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def start(self, act: Coroutine[Any, Any, object]) -> None:
        """Begin an errand; its failure is logged."""
        if len(self._running) >= MOST:
            act.close()
            log.warning("an errand was dropped: %d are under way", MOST)
            return
        task = asyncio.create_task(_quietly(act))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def finish(self) -> None:
        """Wait until what was begun is done."""
        while self._running:
            await asyncio.gather(*self._running, return_exceptions=True)

    async def stop(self) -> None:
        """Give what was begun a moment, then let go of it."""
        running = set(self._running)
        if running:
            await asyncio.wait(running, timeout=STOP_WITHIN_SECONDS)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _quietly(act: Coroutine[Any, Any, object]) -> None:
    try:
        await act
    except Exception:
        log.exception("an errand failed; nobody waited for it")
