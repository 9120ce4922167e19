"""Working time: when a place is open, and arithmetic over it.

Wall times become instants by RFC 5545, section 3.3.5: a time that a change of the clocks leaves out is taken by the
offset before the change, so that it moves forward by the gap; of a time that comes twice the first is meant. How long a
span lasts is measured between the instants. A day's hours never reach beyond the day, and a day that was left out has
none.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from review.sla.regions import holidays_of

HORIZON = timedelta(days=3653)  # ten years; no deadline is set for later than that
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_DAY = timedelta(days=1)
_NOTHING = timedelta(0)
_LAST_MONTH = (date.max.year, 11)  # the days after it could lie beyond what an instant can hold
_REMEMBERED_MONTHS = 240


class CalendarExhausted(ValueError):
    """A calendar has not that much working time within the horizon."""


class Span(msgspec.Struct, frozen=True, order=True):
    """Hours within one local day, in minutes from its midnight: 0 to 1440, `opens` before `closes`."""

    opens: int
    closes: int

    def __str__(self) -> str:
        """Give the hours as a calendar writes them: 09:00-17:30."""
        return f"{_clock(self.opens)}-{_clock(self.closes)}"


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """When people work: weekly hours in a time zone, less holidays and closed days, plus open ones.

    `week` has seven entries, Monday first, each with its spans in order and apart. `holidays` names countries and
    regions as the `holidays` library knows them (`DE`, `DE-BE`). `opened` says the hours of single days, whatever
    the week, the holidays or `closed` would have them be.
    """

    name: str
    timezone: str
    week: tuple[tuple[Span, ...], ...]
    holidays: tuple[str, ...] = ()
    closed: frozenset[date] = frozenset()
    opened: Mapping[date, tuple[Span, ...]] = {}


def open_periods(calendar: Calendar, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Give the working periods between two instants, in order, in UTC, cut at both ends, adjoining ones merged."""
    found: list[tuple[datetime, datetime]] = []
    for month in _timetable(calendar).months(start):
        if month.begins >= end:
            break
        for opens, closes in zip(month.opens, month.closes, strict=True):
            begins, ends = max(opens, start), min(closes, end)
            if begins < ends:
                _append(found, begins, ends)
    return [(begins.astimezone(UTC), ends.astimezone(UTC)) for begins, ends in found]


def add_working(calendar: Calendar, start: datetime, amount: timedelta) -> datetime:
    """Give the earliest instant, in UTC, by which so much working time has passed since `start`.

    Raises:
        CalendarExhausted: there is not that much working time within the horizon of the arithmetic.
    """
    start = start.astimezone(UTC)
    if amount <= _NOTHING:
        return start
    for month in _timetable(calendar).months(start):
        if month.begins - start > HORIZON:
            break
        target = month.passed_by(start) + amount
        at = bisect_left(month.totals, target)
        if at < len(month.totals):
            return month.closes[at] - (month.totals[at] - target)
        amount = target - month.total
    message = f"calendar {calendar.name!r} has not that much working time in the ten years after {start:%Y-%m-%d}"
    raise CalendarExhausted(message)


def working_between(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    """Give the working time between two instants; zero where `end` is not after `start`."""
    found = _NOTHING
    if end <= start:
        return found
    for month in _timetable(calendar).months(start):
        if month.begins >= end:
            break
        found += month.passed_by(end) - month.passed_by(start)
    return found


def is_open(calendar: Calendar, at: datetime) -> bool:
    """Tell whether an instant lies within working time; the instant at which it ends does not."""
    return working_between(calendar, at, at + timedelta(microseconds=1)) > _NOTHING


def describe_day(calendar: Calendar, day: date) -> str:
    """Say in words why a day is as it is: `open 09:00-17:30`, `closed: Sunday`, `closed: Christmas Day`."""
    return _described(_Same(calendar), day)


def holiday_on(calendar: Calendar, day: date) -> str | None:
    """Give the name of the calendar's public holiday on a day, or None; of several regions, the first's."""
    for region in calendar.holidays:
        name = holidays_of(region, day.year).get(day)
        if name is not None:
            return name
    return None


class _Month(msgspec.Struct, frozen=True):
    """The working periods of a local month, in order and apart; `totals[i]` is the time in the first i + 1 of them."""

    begins: datetime
    opens: list[datetime]
    closes: list[datetime]
    totals: list[timedelta]

    @property
    def total(self) -> timedelta:
        return self.totals[-1] if self.totals else _NOTHING

    def passed_by(self, instant: datetime) -> timedelta:
        """Give the working time of the month before an instant, which may lie outside it."""
        at = bisect_right(self.opens, instant)
        if not at:
            return _NOTHING
        return self.totals[at - 1] - max(self.closes[at - 1] - instant, _NOTHING)


class _Timetable:
    """A calendar's months as instants, each worked out when first asked for."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._zone = ZoneInfo(calendar.timezone)
        self._months: dict[tuple[int, int], _Month] = {}

    def months(self, start: datetime) -> Iterator[_Month]:
        """Give the months from the one that holds an instant onwards, without end but that of time."""
        local = start.astimezone(self._zone)
        year, month = local.year, local.month
        while (year, month) <= _LAST_MONTH:
            yield self._month(year, month)
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)

    def spans(self, day: date) -> tuple[Span, ...]:
        """Give the hours of a day, by the wall."""
        calendar = self._calendar
        if day in calendar.opened:
            return calendar.opened[day]
        spans = calendar.week[day.weekday()]
        if not spans or day in calendar.closed or holiday_on(calendar, day) is not None:
            return ()
        return spans

    def instant(self, day: date, minutes: int) -> datetime:
        """Give the instant at which the wall shows so many minutes past a day's midnight."""
        if minutes >= 1440:
            day, minutes = day + _DAY, minutes - 1440
        hour, minute = divmod(minutes, 60)
        return datetime(day.year, day.month, day.day, hour, minute, tzinfo=self._zone).astimezone(UTC)

    def _month(self, year: int, month: int) -> _Month:
        found = self._months.get((year, month))
        if found is None:
            found = self._resolve(date(year, month, 1))
            if len(self._months) >= _REMEMBERED_MONTHS:
                self._months.clear()
            self._months[year, month] = found
        return found

    def _resolve(self, day: date) -> _Month:
        begins, month = self.instant(day, 0), day.month
        periods: list[tuple[datetime, datetime]] = []
        while day.month == month:
            for opens, closes in sorted(self._hours(day)):
                _append(periods, opens, closes)
            day += _DAY
        totals: list[timedelta] = []
        for opens, closes in periods:
            totals.append((totals[-1] if totals else _NOTHING) + (closes - opens))
        return _Month(begins, [opens for opens, _ in periods], [closes for _, closes in periods], totals)

    def _hours(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        spans = self.spans(day)
        if not spans:
            return
        first, last = self.instant(day, 0), self.instant(day, 1440)
        for span in spans:
            opens = max(self.instant(day, span.opens), first)
            closes = min(self.instant(day, span.closes), last)
            if opens < closes:
                yield opens, closes


class _Same:
    """A calendar as a key: the very object, as calendars hold mappings and so have no hash of their own."""

    __slots__ = ("calendar",)

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar

    def __hash__(self) -> int:
        return id(self.calendar)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.calendar is self.calendar


@lru_cache(maxsize=512)
def _timetable_of(key: _Same) -> _Timetable:
    return _Timetable(key.calendar)


def _timetable(calendar: Calendar) -> _Timetable:
    return _timetable_of(_Same(calendar))


@lru_cache(maxsize=4096)
def _described(key: _Same, day: date) -> str:
    calendar, timetable = key.calendar, _timetable_of(key)
    if timetable.instant(day, 0) >= timetable.instant(day, 1440):
        return f"closed: there was no such day in {calendar.timezone}"
    spans = timetable.spans(day)
    if spans:
        return f"open {' and '.join(map(str, spans))}"
    if not calendar.week[day.weekday()]:
        return f"closed: {WEEKDAYS[day.weekday()]}"
    return f"closed: {holiday_on(calendar, day) or 'a day named as closed'}"


def _append(periods: list[tuple[datetime, datetime]], opens: datetime, closes: datetime) -> None:
    """Add a period that begins no earlier than the last; where they touch or overlap they become one."""
    if periods and opens <= periods[-1][1]:
        periods[-1] = (periods[-1][0], max(periods[-1][1], closes))
    else:
        periods.append((opens, closes))


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
