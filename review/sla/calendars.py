"""Working time: when a place is open, and arithmetic over it."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import msgspec


class Span(msgspec.Struct, frozen=True, order=True):
    """Hours within one local day, in minutes from its midnight: 0 to 1440, `opens` before `closes`."""

    opens: int
    closes: int


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
    raise NotImplementedError


def add_working(calendar: Calendar, start: datetime, amount: timedelta) -> datetime:
    """Give the earliest instant, in UTC, by which so much working time has passed since `start`.

    Raises:
        CalendarExhausted: there is not that much working time within the horizon of the arithmetic.
    """
    raise NotImplementedError


def working_between(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    """Give the working time between two instants; zero where `end` is not after `start`."""
    raise NotImplementedError


def describe_day(calendar: Calendar, day: date) -> str:
    """Say in words why a day is as it is: `open 09:00-17:30`, `closed: Sunday`, `closed: Christmas Day`."""
    raise NotImplementedError
