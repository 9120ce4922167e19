"""What is played: who arrives, who works, under which policies; everything that a run depends on."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from review.sla.calendars import Calendar
from review.sla.rules import SlaPolicy

MICROSECOND = timedelta(microseconds=1)
SLOT = timedelta(hours=1)
MAX_ARRIVALS = 500_000
MAX_DAYS = 31
MAX_PEOPLE = 1_000
FLAT = (1.0,) * 24
# Few by night, most from the late morning on: the shape of contact by office hours, as good a guess as any.
OFFICE = tuple(
    float(each) for each in (1, 1, 1, 1, 1, 2, 4, 8, 14, 20, 22, 20, 16, 18, 20, 18, 14, 10, 7, 5, 4, 3, 2, 1)
)
PROFILES: Mapping[str, tuple[float, ...]] = {"office": OFFICE, "flat": FLAT}
EVERY_DAY = (1.0,) * 7


class Handling(msgspec.Struct, frozen=True):
    """How long a review takes: half take less than `median`, two thirds from median / spread to median × spread.

    With a spread of 1 each takes exactly the median.
    """

    median: timedelta
    spread: float = 2.0


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """Items of one kind: where rules send them, under which policy, and their share of all that arrives."""

    pool: str
    policy: str | None
    priority: int
    share: float
    reviews: int = 1
    handling: Handling | None = None


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """How many arrive a day, by the hours of the local day and by the days of the week, Monday first."""

    per_day: float
    profile: tuple[float, ...] = OFFICE
    weekdays: tuple[float, ...] = EVERY_DAY


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One arrival of a real history; what it leaves out is drawn from the streams."""

    at: datetime
    pool: str | None = None
    priority: int | None = None


class Crew(msgspec.Struct, frozen=True):
    """So many people of one pool who keep the same hours; `since` leaves out what was before."""

    pool: str
    people: int
    hours: Calendar
    since: datetime | None = None


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """All that a run depends on; the same scenario gives the same run, on every machine.

    `pools` are all that there are, in order, each at least once in `crews`, if only with nobody. `start` and `end`
    are instants, of which the second is not played any more; `zone` is that of people and profiles. A pool that
    `channels` or `pools` does not have is a dead end.
    """

    project: str
    start: datetime
    end: datetime
    zone: ZoneInfo
    arrivals: Rate | tuple[Seen, ...]
    streams: tuple[Stream, ...]
    handling: Handling
    crews: tuple[Crew, ...]
    pools: tuple[str, ...]
    policies: Mapping[str, SlaPolicy]
    channels: frozenset[str] = frozenset()
    seed: int = 1
    assumed: tuple[str, ...] = ()

    def offset(self, instant: datetime) -> int:
        """Give an instant as microseconds since the start, which is what the run counts in."""
        return (instant - self.start) // MICROSECOND

    def instant(self, offset: int) -> datetime:
        """Give the instant, in the scenario's zone, of so many microseconds since the start."""
        return (self.start + offset * MICROSECOND).astimezone(self.zone)

    @property
    def slots(self) -> int:
        """Count the hours that are played; the last may be cut short."""
        return -((self.start - self.end) // SLOT)
