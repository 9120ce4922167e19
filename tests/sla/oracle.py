"""Working time counted out minute by minute, as somebody with a wall clock and a lot of patience would.

Nothing here turns wall time into instants: it walks through the minutes of UTC, reads the wall clock at each, and looks
up where a reading first appeared.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from review.sla.calendars import Calendar

MINUTE = timedelta(minutes=1)
REACH = 15  # days on either side of the anchor
HOLIDAYS = {"DE-BE": {date(2026, 3, 8), date(2026, 4, 3), date(2026, 4, 6), date(2026, 10, 3)}}

# Each zone with a day around which its clock does something, or on which nothing happens at all.
ANCHORS = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Africa/Casablanca", date(2026, 2, 15)),
    ("Africa/Casablanca", date(2026, 3, 22)),
    ("America/Nuuk", date(2026, 3, 28)),
    ("America/Nuuk", date(2026, 10, 24)),
    ("Asia/Kathmandu", date(2026, 6, 10)),
    ("UTC", date(2026, 12, 31)),
]


class Wall:
    """The readings of a wall clock, minute by minute, for a few weeks around a day."""

    def __init__(self, zone: str, anchor: date) -> None:
        middle = datetime(anchor.year, anchor.month, anchor.day, tzinfo=UTC)
        self.begins = middle - timedelta(days=REACH)
        self.ends = middle + timedelta(days=REACH)
        minutes = int((self.ends - self.begins) / MINUTE)
        shown = (self.begins + at * MINUTE for at in range(minutes))
        self.readings = [each.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0) for each in shown]
        self.first: dict[datetime, int] = {}
        for at, reading in enumerate(self.readings):
            self.first.setdefault(reading, at)
        self.gaps = [
            (before, after - before - MINUTE) for before, after in pairwise(self.readings) if after - before > MINUTE
        ]

    def minute(self, reading: datetime) -> int:
        """Look up the minute in which the wall first shows a reading; one left out moves on by what is left out."""
        if reading not in self.first:
            (left_out,) = [length for before, length in self.gaps if before < reading <= before + length]
            reading += left_out
        return self.first[reading]

    def number(self, instant: datetime) -> int:
        """Give the number of the minute that begins at an instant, or that holds it."""
        return (instant - self.begins) // MINUTE

    def days(self) -> list[date]:
        """List the days that the wall shows, without those at the edges."""
        return sorted({reading.date() for reading in self.readings})[2:-2]


@cache
def wall(zone: str, anchor: date) -> Wall:
    return Wall(zone, anchor)


def open_minutes(calendar: Calendar, anchor: date) -> set[int]:
    """Give the numbers of the minutes that are working time."""
    shown = wall(calendar.timezone, anchor)
    found: set[int] = set()
    for day in shown.days():
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001  a reading of the wall has no zone
        begins, ends = shown.minute(midnight), shown.minute(midnight + timedelta(days=1))
        for opens, closes in _hours(calendar, day, HOLIDAYS):
            first, last = shown.minute(midnight + opens * MINUTE), shown.minute(midnight + closes * MINUTE)
            found.update(range(max(first, begins), min(last, ends)))
    return found


def _hours(calendar: Calendar, day: date, holidays: Mapping[str, set[date]]) -> list[tuple[int, int]]:
    if day in calendar.opened:
        return [(span.opens, span.closes) for span in calendar.opened[day]]
    if day in calendar.closed or any(day in holidays[region] for region in calendar.holidays):
        return []
    return [(span.opens, span.closes) for span in calendar.week[day.isoweekday() - 1]]
