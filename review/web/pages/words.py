"""Times and numbers as a person would say them."""

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from review.identity.preferences import DEFAULTS, Preferences, zone_of
from review.kernel.wording import DAYS, MONTHS, SHORT_DAYS, SHORT_MONTHS, clock_time, number
from review.web.words.catalogue import gettext

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
        return gettext("less than a minute")
    if minutes < 60:
        return gettext("%(minutes)s min", minutes=minutes)
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        both = gettext("%(hours)s h %(minutes)s min", hours=hours, minutes=minutes)
        return both if minutes else gettext("%(hours)s h", hours=hours)
    days, hours = divmod(hours, 24)
    if hours and days < 14:
        return gettext("%(days)s d %(hours)s h", days=days, hours=hours)
    return gettext("%(days)s d", days=days)


def seconds(count: float) -> str:
    """Say some seconds, without parts of one."""
    return gettext("%(seconds)s s", seconds=round(count))


def milliseconds(count: float) -> str:
    """Say some thousandths of a second."""
    return gettext("%(number)s ms", number=number(count, "g"))


def distance(at: datetime, now: datetime, kind: str = "past") -> str:
    """Say how far a moment is from now: `due in 5 min`, `overdue by 1 h`, `5 min ago`; `5 min` for what is left."""
    span = at - now
    if kind == "due":
        return countdown(span, is_soon=False)
    if kind == "left":
        return duration(span) if span > timedelta() else gettext("no more time")
    return gettext("%(time)s ago", time=duration(span))


def countdown(left: timedelta, *, is_soon: bool) -> str:
    """Say what is left of a case's time, with the state in words: `due in 3 h`, `due soon: 9 min`, `overdue by 1 h`."""
    said = duration(left)
    if left <= timedelta():
        return gettext("overdue by %(time)s", time=said)
    return gettext("due soon: %(time)s", time=said) if is_soon else gettext("due in %(time)s", time=said)


def weekday(of: int) -> str:
    """Name a day of the week, counted from Monday."""
    return gettext(DAYS[of])


def local(at: datetime, zone: tzinfo) -> str:
    """Write a moment as people of that zone would: `Friday 20 November 2026, 16:50`."""
    there = at.astimezone(zone)
    return gettext(
        "%(weekday)s %(day)s %(month)s %(year)s, %(time)s",
        weekday=weekday(there.weekday()),
        day=there.day,
        month=gettext(MONTHS[there.month - 1]),
        year=there.year,
        time=_time(there),
    )


def brief(at: datetime, zone: tzinfo) -> str:
    """Write a moment of about now: `Fri 20 Nov, 16:50`."""
    there = at.astimezone(zone)
    return gettext(
        "%(weekday)s %(day)s %(month)s, %(time)s",
        weekday=gettext(SHORT_DAYS[there.weekday()]),
        day=there.day,
        month=gettext(SHORT_MONTHS[there.month - 1]),
        time=_time(there),
    )


def day(on: date) -> str:
    """Write a day of some year: `Fri 05 Feb 2027`."""
    return gettext(
        "%(weekday)s %(day)s %(month)s %(year)s",
        weekday=gettext(SHORT_DAYS[on.weekday()]),
        day=f"{on.day:02}",
        month=gettext(SHORT_MONTHS[on.month - 1]),
        year=on.year,
    )


def hour(at: datetime, zone: tzinfo, *, with_day: bool = False) -> str:
    """Write a time of day, and with it the weekday where that is not plain: `09:00`, `Tue 09:00`."""
    there = at.astimezone(zone)
    if not with_day:
        return _time(there)
    return gettext("%(weekday)s %(time)s", weekday=gettext(SHORT_DAYS[there.weekday()]), time=_time(there))


def listed(things: Sequence[str]) -> str:
    """Join words as a sentence does: `a`, `a and b`, `a, b and c`."""
    if len(things) < 2:
        return "".join(things)
    said, *more, last = things
    for thing in more:
        said = gettext("%(some)s, %(more)s", some=said, more=thing)
    return gettext("%(some)s and %(last)s", some=said, last=last)


def urgency(at: datetime, now: datetime) -> str:
    """Name the tone of a due time."""
    if at <= now:
        return "bad"
    return "warn" if at - now <= SOON else "plain"


def exact(at: datetime) -> str:
    """Write a moment in full, in the reader's zone, which it names."""
    there = at.astimezone(_reader.get().zone)
    return gettext(
        "%(day)s %(month)s %(year)s, %(time)s %(zone)s",
        day=there.day,
        month=gettext(MONTHS[there.month - 1]),
        year=there.year,
        time=_time(there, ":%S"),
        zone=there.tzname(),
    )


def _time(there: datetime, seconds: str = "") -> str:
    """Write a time of day by the clock of twelve or of twenty-four hours, as the reader has it."""
    return clock_time(there, _reader.get().preferences.hours, seconds)


def instant(at: datetime) -> str:
    """Write the exact moment as all clocks agree on it, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def percent(share: float) -> str:
    """Write a share; what is not certain never rounds to 0 or 100 %."""
    hundredths = share * 100
    if 0 < hundredths < 1:
        return gettext("under 1 %%")
    said = number(min(hundredths, 99.9), ".1f") if 99 < hundredths < 100 else number(hundredths, ".0f")
    return gettext("%(number)s %%", number=said)


def humanise(code: str) -> str:
    """Write a code such as `wrong_label` as words."""
    said = code.replace("_", " ").replace("-", " ").strip() or code
    return said[:1].upper() + said[1:]
