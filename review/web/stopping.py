"""Letting parked callers go as soon as the process is told to stop, not when the server has waited for them."""

import asyncio
import signal
from collections.abc import Callable
from types import FrameType


def when_told_to_stop(act: Callable[[], None]) -> None:
    """Call `act` on the event loop at SIGTERM or SIGINT, before the server's own handler begins to wait.

    The server ends the application only after its open requests have ended, which would be a minute for a caller
    that waits for a decision.
    """
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        following = signal.getsignal(signum)

        def handle(
            number: int,
            frame: FrameType | None,
            following: "Callable[[int, FrameType | None], object] | int | None" = following,
        ) -> None:
            loop.call_soon_threadsafe(act)
            if callable(following):
                following(number, frame)

        signal.signal(signum, handle)
