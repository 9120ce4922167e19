"""How web and worker learn that the process which watched them is gone: a pipe that closes with it."""

import os
import signal
import threading
from datetime import timedelta

END_WITHIN = timedelta(seconds=10)


def watch(descriptor: int) -> None:
    """Have this process get SIGTERM when the other end of the pipe closes, and end it soon after if it stays."""
    threading.Thread(target=_wait, args=(descriptor,), name="lifeline", daemon=True).start()


def _wait(descriptor: int) -> None:
    while os.read(descriptor, 64):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(END_WITHIN.total_seconds())
    os._exit(1)
