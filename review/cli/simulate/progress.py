"""How far a simulation has come, shown on a terminal once it has taken a while."""

import sys
import time
from collections.abc import Callable
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bar

QUIET_SECONDS = 1.0  # what takes less is over before a bar could be read


class Progress:
    """A bar for one stage after the other."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def stage(self, title: str, total: int | None = None) -> Callable[[int], None]:
        """Begin a stage, of a size that may be unknown; gives what is to be told how much of it is done."""
        if self._bar is not None and self._task is not None:
            self._bar.remove_task(self._task)
        self._task = None

        def watch(done: int) -> None:
            if self._bar is None:
                if time.monotonic() - self._began < QUIET_SECONDS or not sys.stderr.isatty():
                    return
                columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
                self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
                self._bar.start()
            if self._task is None:
                self._task = self._bar.add_task(title, total=total)
            self._bar.update(self._task, completed=done)

        return watch
