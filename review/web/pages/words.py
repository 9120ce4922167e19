"""Times and numbers as a person would say them."""

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from review.identity.preferences import DEFAULTS, Preferences, zone_of

SOON = timedelta(minutes=15)  # when a due time begins to look urgent, unless the policy warns earlier


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom a page is written for: their preferences, and the zone in which they read times."""

    preferences: Preferences = DEFAULTS
    zone: tzinfo = UTC


_NOBODY = Reader()
# Set once per request by its guard, because times are written deep inside macros and sentences that know no request.
_reader: ContextVar[Reader] = ContextVar("reader", default=_NOBODY)


def write_for(preferences: Preferences, told_zone: str = "") -> None:
    """Write what follows in this request for somebody; `told_zone` is what their browser says of itself."""
    _reader.set(Reader(preferences, zone_of(preferences, told_zone)))


def reader() -> Reader:
    """Give whom this request's page is written for."""
    return _reader.get()


def duration(span: timedelta) -> str:
    """Say a length of time in its two largest units: `1 h 12 min`, `3 d 4 h`, `less than a minute`."""
    minutes = int(abs(span).total_seconds()) // 60
    if minutes < 1:
        return "less than a minute"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours and days < 14 else f"{days} d"


def distance(at: datetime, now: datetime, kind: str = "past") -> str:
    """Say how far a moment is from now: `due in 5 min`, `overdue by 1 h`, `5 min ago`; `5 min` for what is left."""
    span = at - now
    said = duration(span)
    if kind == "due":
        return f"due in {said}" if span > timedelta() else f"overdue by {said}"
    if kind == "left":
        return said if span > timedelta() else "no more time"
    return f"{said} ago"


def countdown(left: timedelta, *, is_soon: bool) -> str:
    """Say what is left of a case's time, with the state in words: `due in 3 h`, `due soon: 9 min`, `overdue by 1 h`."""
    if left <= timedelta():
        return f"overdue by {duration(left)}"
    return f"due soon: {duration(left)}" if is_soon else f"due in {duration(left)}"


def local(at: datetime, zone: tzinfo) -> str:
    """Write a moment as people of that zone would: `Friday 20 November 2026, 16:50`."""
    there = at.astimezone(zone)
    return f"{there:%A} {there.day} {there:%B %Y}, {_time(there)}"


def brief(at: datetime, zone: tzinfo) -> str:
    """Write a moment of about now: `Fri 20 Nov, 16:50`."""
    there = at.astimezone(zone)
    return f"{there:%a} {there.day} {there:%b}, {_time(there)}"


def hour(at: datetime, zone: tzinfo, *, with_day: bool = False) -> str:
    """Write a time of day, and with it the weekday where that is not plain: `09:00`, `Tue 09:00`."""
    there = at.astimezone(zone)
    return f"{there:%a} {_time(there)}" if with_day else _time(there)


def listed(things: Sequence[str]) -> str:
    """Join words as a sentence does: `a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(things[:-1]), things[-1]]) if len(things) > 1 else "".join(things)


def urgency(at: datetime, now: datetime) -> str:
    """Name the tone of a due time."""
    if at <= now:
        return "bad"
    return "warn" if at - now <= SOON else "plain"


def exact(at: datetime) -> str:
    """Write a moment in full, in the reader's zone, which it names."""
    there = at.astimezone(_reader.get().zone)
    return f"{there.day} {there:%B %Y}, {_time(there, ':%S')} {there.tzname()}"


def _time(there: datetime, seconds: str = "") -> str:
    """Write a time of day by the clock of twelve or of twenty-four hours, as the reader has it."""
    if _reader.get().preferences.hours == 12:
        return f"{there:%I:%M{seconds} %p}".lstrip("0")
    return f"{there:%H:%M{seconds}}"


def instant(at: datetime) -> str:
    """Write the exact moment as all clocks agree on it, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def percent(share: float) -> str:
    """Write a share; what is not certain never rounds to 0 or 100 %."""
    hundredths = share * 100
    if 0 < hundredths < 1:
        return "under 1 %"
    if 99 < hundredths < 100:
        return f"{min(hundredths, 99.9):.1f} %"
    return f"{hundredths:.0f} %"


def humanise(code: str) -> str:
    """Write a code such as `wrong_label` as words."""
    said = code.replace("_", " ").replace("-", " ").strip() or code
    return said[:1].upper() + said[1:]
