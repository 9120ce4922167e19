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
HOLIDAYS = {"DE-BE": {date(2026, 4, 3), date(2026, 4, 6), date(2026, 10, 3), date(2026, 11, 1)}}

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
        self.minutes = [self.begins + at * MINUTE for at in range(minutes)]
        self.readings = [each.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for each in self.minutes]
        self.first: dict[datetime, datetime] = {}
        for instant, reading in zip(self.minutes, self.readings, strict=True):
            self.first.setdefault(reading.replace(fold=0), instant)
        self.gaps = [
            (before, after - before - MINUTE) for before, after in pairwise(self.readings) if after - before > MINUTE
        ]

    def instant(self, reading: datetime) -> datetime:
        """Look up when the wall first shows a reading; one that is left out moves forward by what is left out."""
        if reading not in self.first:
            (left_out,) = [length for before, length in self.gaps if before < reading <= before + length]
            reading += left_out
        return self.first[reading]

    def days(self) -> list[date]:
        """List the days that the wall shows, without those at the edges."""
        return sorted({reading.date() for reading in self.readings})[2:-2]


@cache
def wall(zone: str, anchor: date) -> Wall:
    return Wall(zone, anchor)


def open_minutes(calendar: Calendar, anchor: date) -> list[datetime]:
    """List the minutes, by their beginnings, that are working time."""
    shown = wall(calendar.timezone, anchor)
    found: set[datetime] = set()
    for day in shown.days():
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001  a reading of the wall has no zone
        within = (shown.instant(midnight), shown.instant(midnight + timedelta(days=1)))
        for opens, closes in _hours(calendar, day, HOLIDAYS):
            each = max(shown.instant(midnight + opens * MINUTE), within[0])
            last = min(shown.instant(midnight + closes * MINUTE), within[1])
            while each < last:
                found.add(each)
                each += MINUTE
    return sorted(found)


def _hours(calendar: Calendar, day: date, holidays: Mapping[str, set[date]]) -> list[tuple[int, int]]:
    if day in calendar.opened:
        return [(span.opens, span.closes) for span in calendar.opened[day]]
    if day in calendar.closed or any(day in holidays[region] for region in calendar.holidays):
        return []
    return [(span.opens, span.closes) for span in calendar.week[day.isoweekday() - 1]]
