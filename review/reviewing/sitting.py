"""How somebody's work goes today: done, pace, what waits, and since when without a rest."""

from datetime import datetime, timedelta

import msgspec

DONE_CAP = 1_000
WAITING_CAP = 100  # of the line on the review page; the pools page counts on
REST = timedelta(minutes=10)  # a gap between reviews that is a rest


class Sitting(msgspec.Struct, frozen=True, kw_only=True):
    """What the line above an item says; counts stop at their caps, and `steady_since` is null after a rest."""

    done: int
    is_done_capped: bool
    pace_seconds: float | None
    waiting: int
    is_waiting_capped: bool
    steady_since: datetime | None


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `draft_queries.COUNT_DONE`."""

    done: int
    pace_seconds: float | None
    steady_since: datetime | None
    is_steady: bool | None
    waiting: int

    def capped(self) -> Sitting:
        """Give what is said of it."""
        return Sitting(
            done=min(self.done, DONE_CAP),
            is_done_capped=self.done > DONE_CAP,
            pace_seconds=self.pace_seconds,
            waiting=min(self.waiting, WAITING_CAP),
            is_waiting_capped=self.waiting > WAITING_CAP,
            steady_since=self.steady_since if self.is_steady else None,
        )
