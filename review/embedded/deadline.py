"""A moment on the monotonic clock by which something must have happened."""

import time
from datetime import timedelta


class Deadline:
    """The end of a stretch of time that begins now."""

    def __init__(self, within: timedelta) -> None:
        self._end = time.monotonic() + within.total_seconds()

    @property
    def seconds_left(self) -> float:
        """Seconds until the end, never negative."""
        return max(0.0, self._end - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether no time is left."""
        return self.seconds_left == 0.0
