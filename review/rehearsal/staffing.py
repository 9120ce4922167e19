"""How many people a queue takes, and what would be late: arithmetic over full hours; no I/O.

Work arrives evenly within each hour and waits in one line. In open hours everybody of the pool works it, each review
taking the median; an item is late when what is ahead of it takes longer, in working time, than its target allows.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

import msgspec

from review.rehearsal.rules import HOUR
from review.sla.calendars import Calendar, open_periods

WEEK_HOURS = 168
_A_WEEK = timedelta(days=7)


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """What arrives at a pool by full hour since 1970, over which time, and when the pool is open."""

    arrivals: Mapping[int, int]
    since: datetime
    until: datetime
    calendar: Calendar | None = None

    @property
    def seats(self) -> int:
        """How many reviews are asked for in all."""
        return sum(self.arrivals.values())

    @property
    def weeks(self) -> float:
        """How many weeks it spans."""
        return (self.until - self.since) / _A_WEEK


def profile(queue: Queue, zone: tzinfo) -> list[float]:
    """Give how many reviews each hour of an average week asks for, from Monday 00:00 in a zone; full hours of UTC."""
    hours = [0.0] * WEEK_HOURS
    for hour, count in queue.arrivals.items():
        at = datetime.fromtimestamp(hour * HOUR, UTC).astimezone(zone)
        hours[at.weekday() * 24 + at.hour] += count
    weeks = max(queue.weeks, 1.0)  # of less than a week every hour came once at most
    return [count / weeks for count in hours]


def open_seconds(queue: Queue) -> dict[int, float]:
    """Give for how long the pool is open in each full hour in which it is."""
    found: dict[int, float] = {}
    periods = [(queue.since, queue.until)]
    if queue.calendar is not None:
        periods = open_periods(queue.calendar, queue.since, queue.until)
    for opens, closes in periods:
        start, end = opens.timestamp(), closes.timestamp()
        for hour in range(int(start) // HOUR, math.ceil(end / HOUR)):
            found[hour] = found.get(hour, 0.0) + min(end, (hour + 1) * HOUR) - max(start, hour * HOUR)
    return found


def people_needed(queue: Queue, open_for: Mapping[int, float], handling_seconds: float) -> float | None:
    """Give how many people, working all of the open time, have done what came by its end; None where none is open."""
    time = sum(open_for.values())
    return queue.seats * handling_seconds / time if time else None


def people_at_peak(hours: Sequence[float], handling_seconds: float) -> float:
    """Give how many people the busiest hour of an average week takes, for what comes in it to be done in it."""
    return max(hours, default=0.0) * handling_seconds / HOUR


def late(queue: Queue, open_for: Mapping[int, float], people: int, handling_seconds: float, target: timedelta) -> float:
    """Give how many reviews would end after their target.

    `target` is working time. What still waits when the span ends is judged by the line that was ahead of it.
    """
    allowed = target.total_seconds()
    if people <= 0:
        return float(queue.seats)
    ahead, found = 0.0, 0.0
    for hour in sorted({*queue.arrivals, *open_for}):
        arriving = queue.arrivals.get(hour, 0)
        done_at_most = open_for.get(hour, 0.0) * people / handling_seconds
        if arriving:
            # The line shrinks while it grows: the last to come in this hour has the end of the hour's line ahead of it.
            last = max(0.0, ahead + arriving - done_at_most)
            room = max(0.0, (allowed - handling_seconds) * people / handling_seconds)
            found += arriving * _share_above(ahead, last, room) if allowed >= handling_seconds else arriving
        ahead = max(0.0, ahead + arriving - done_at_most)
    return found


def _share_above(start: float, end: float, bound: float) -> float:
    """Give what share of an even way from one number to another lies above a bound."""
    low, high = min(start, end), max(start, end)
    if high <= bound:
        return 0.0
    return 1.0 if low >= bound else (high - bound) / (high - low)
