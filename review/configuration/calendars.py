"""The calendars of a document: hours, holidays and single days, checked and compiled; no I/O."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from review.configuration.checks import Checks, mapping_of
from review.kernel.sentences import Sentence, say
from review.sla.calendars import Calendar, Span, working_between
from review.sla.regions import UnknownRegion, holidays_of

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALWAYS = "always"
KEYS = ("timezone", "hours", "holidays", "closed", "open")
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)
A_YEAR = timedelta(days=366)

_SPAN = re.compile(r"^([01]?[0-9]|2[0-4]):([0-5][0-9])-([01]?[0-9]|2[0-4]):([0-5][0-9])\Z")
_DATE = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_SOME_YEAR = 2026  # whether a region is known does not depend on it
_MIDNIGHT = 24 * 60


def read_calendar(checks: Checks, name: str, given: Mapping[str, Any], today: date | None) -> Calendar:
    """Check and compile a calendar; with `today`, also that it has working time in the year to come."""
    path, before = f"calendars.{name}", len(checks.faults)
    checks.keys(path, given, KEYS, required=("timezone", "hours"))
    closed = _closed(checks, f"{path}.closed", given.get("closed"))
    opened = _opened(checks, f"{path}.open", given.get("open"), closed)
    calendar = Calendar(
        name=name,
        timezone=checks.zone(f"{path}.timezone", given.get("timezone", "UTC")),
        week=_week(checks, f"{path}.hours", given.get("hours")),
        holidays=_regions(checks, f"{path}.holidays", given.get("holidays")),
        closed=closed,
        opened=opened,
    )
    if len(checks.faults) == before:
        _check_working_time(checks, path, calendar, today)
    return calendar


def in_words(calendar: Calendar) -> Sentence:
    """Say how long a working day is, for whoever wrote `2d`: `a working day of berlin has 8h30m`."""
    lengths = {sum(span.closes - span.opens for span in spans) for spans in calendar.week if spans}
    shown = [f"{minutes // 60}h{minutes % 60:02}m".replace("h00m", "h") for minutes in sorted(lengths)]
    if not shown:
        return say("no weekday of %(calendar)s has hours", calendar=calendar.name)
    least, most = shown[0], shown[-1]
    hours = most if least == most else say("%(least)s to %(most)s", least=least, most=most)
    return say("a working day of %(calendar)s has %(hours)s", calendar=calendar.name, hours=hours)


def working_year(calendar: Calendar) -> timedelta:
    """Give the most working time a calendar has in a year, its single days included, holidays not taken off."""
    weekly = sum(span.closes - span.opens for spans in calendar.week for span in spans)
    single = sum(span.closes - span.opens for spans in calendar.opened.values() for span in spans)
    return timedelta(minutes=weekly * 53 + single)


def _check_working_time(checks: Checks, path: str, calendar: Calendar, today: date | None) -> None:
    if not any(calendar.week) and not calendar.opened:
        checks.add(f"{path}.hours", say("has no working time at all; a target would never pass"))
    elif today is not None:
        start = datetime.combine(today, time(), UTC)
        if not working_between(calendar, start, start + A_YEAR):
            checks.add(
                path, say("has no working time in the year from %(today)s; a target would never pass", today=today)
            )


def _week(checks: Checks, path: str, given: object) -> tuple[tuple[Span, ...], ...]:
    if given is None or given == ALWAYS:
        return ((Span(0, _MIDNIGHT),) if given else (),) * len(DAYS)
    hours = mapping_of(given)
    if hours is None:
        checks.add(path, say("must map days to hours, as in {mon-fri: '09:00-17:30'}, or be `always`"))
        return ((),) * len(DAYS)
    week: dict[int, tuple[Span, ...]] = {}
    for key, value in hours.items():
        spans = read_spans(checks, f"{path}.{key}", value)
        days = _days(checks, f"{path}.{key}", key)
        twice = [DAYS[day] for day in days if day in week]
        if twice:
            checks.add(f"{path}.{key}", say("says the hours of %(twice)s a second time", twice=", ".join(twice)))
        week |= dict.fromkeys(days, spans)
    return tuple(week.get(day, ()) for day in range(len(DAYS)))


def _days(checks: Checks, path: str, key: str) -> range:
    first, dash, last = key.partition("-")
    if first not in DAYS or (dash and last not in DAYS):
        checks.add(path, say("must be a day or a range of days: %(days)s, mon-fri", days=", ".join(DAYS)))
        return range(0)
    start, end = DAYS.index(first), DAYS.index(last if dash else first)
    if start > end or (dash and start == end):
        checks.add(path, say("must run forward within a week that begins on Monday, as in mon-fri"))
    return range(start, end + 1)


def read_spans(checks: Checks, path: str, given: object) -> tuple[Span, ...]:
    """Check the hours of a day; none for nothing and for an empty list."""
    spans: list[Span] = []
    for at, value in checks.listed(path, given):
        minutes = read_hours(checks, at, value)
        if minutes is None:
            continue
        if minutes[0] >= minutes[1]:
            told = say("closes before it opens; hours end at 24:00 at the latest, what follows belongs to the next day")
            checks.add(at, told)
        else:
            spans.append(Span(*minutes))
    spans.sort()
    for one, other in pairwise(spans):
        if other.opens < one.closes:
            checks.add(path, say("has hours that overlap: %(one)s and %(other)s", one=one, other=other))
    return tuple(spans)


def read_hours(checks: Checks, path: str, given: object) -> tuple[int, int] | None:
    """Read `09:00-17:30` as minutes of the day, whichever is first; None, and a fault, for anything else."""
    match = _SPAN.match(given) if isinstance(given, str) else None
    if match is not None:
        hour, minute, until_hour, until_minute = map(int, match.groups())
        first, last = hour * 60 + minute, until_hour * 60 + until_minute
        if first < _MIDNIGHT and last <= _MIDNIGHT:
            return first, last
    checks.add(path, say("must be hours of the day, as in '09:00-17:30'; 24:00 is the end of a day"))
    return None


def _regions(checks: Checks, path: str, given: object) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for at, value in checks.listed(path, given):
        try:
            holidays_of(str(value), _SOME_YEAR)
        except UnknownRegion as fault:
            checks.add(at, fault.args[0])
            continue
        if value in found:
            checks.add(at, say("`%(value)s` stands there twice", value=value))
        found[str(value)] = None
    return tuple(found)


def _closed(checks: Checks, path: str, given: object) -> frozenset[date]:
    found: set[date] = set()
    for at, value in checks.listed(path, given):
        day = _date(checks, at, value)
        if day in found:
            checks.add(at, say("`%(value)s` stands there twice", value=value))
        if day is not None:
            found.add(day)
    return frozenset(found)


def _opened(checks: Checks, path: str, given: object, closed: frozenset[date]) -> dict[date, tuple[Span, ...]]:
    found: dict[date, tuple[Span, ...]] = {}
    days = mapping_of({} if given is None else given)
    if days is None:
        checks.add(path, say("must map days to hours, as in {'2026-12-31': '09:00-12:00'}"))
    for key, value in (days or {}).items():
        below = f"{path}.{key}"
        day, spans = _date(checks, below, key), read_spans(checks, below, value)
        if not value:
            checks.add(below, say("has no hours; days without any belong under `closed`"))
        if day in closed:
            checks.add(below, say("is named under `closed` too"))
        if day is not None:
            found[day] = spans
    return found


def _date(checks: Checks, path: str, given: object) -> date | None:
    try:
        day = date.fromisoformat(given) if isinstance(given, str) and _DATE.match(given) else None
    except ValueError:
        day = None
    if day is None or not FIRST_DAY <= day <= LAST_DAY:
        checks.add(
            path,
            say(
                "must be a day such as 2026-12-24, from %(first)s to %(last)s",
                first=FIRST_DAY,
                last=LAST_DAY,
            ),
        )
        return None
    return day
