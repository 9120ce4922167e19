"""Working time: exact over every change of the clocks, and equal to counting it out. Promise 14."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from review.sla.calendars import (
    HORIZON,
    Calendar,
    CalendarExhausted,
    Span,
    add_working,
    describe_day,
    open_periods,
    working_between,
)
from review.sla.regions import UnknownRegion, holidays_of
from tests.sla.make import CLOSED, OFFICE, THOROUGH, at, calendar, calendars, instants
from tests.sla.oracle import MINUTE, open_minutes, wall

HOUR = timedelta(hours=1)
ALWAYS = (Span(0, 1440),)


def night(zone: str, opens: int, closes: int) -> Calendar:
    return calendar(zone, weekdays=(Span(opens, closes),), weekend=(Span(opens, closes),))


@THOROUGH()
@given(data=st.data(), drawn=calendars())
def test_working_time_is_what_counting_minutes_gives(data: st.DataObject, drawn: tuple[Calendar, date]) -> None:
    """Promise 14."""
    given_calendar, anchor = drawn
    shown = wall(given_calendar.timezone, anchor)
    one, other = (data.draw(instants(anchor, given_calendar.timezone)) for _ in range(2))
    within = range(shown.number(one), shown.number(other))
    minutes = open_minutes(given_calendar, anchor) & set(within)
    assert working_between(given_calendar, one, other) == len(minutes) * MINUTE
    periods = open_periods(given_calendar, one, other)
    assert minutes == {at for begins, ends in periods for at in range(shown.number(begins), shown.number(ends))}
    assert all(ends < begins for (_, ends), (begins, _) in pairwise(periods))


@THOROUGH()
@given(data=st.data(), drawn=calendars(), amount=st.integers(1, 3_000))
def test_adding_working_time_is_walking_the_minutes(
    data: st.DataObject, drawn: tuple[Calendar, date], amount: int
) -> None:
    """Promise 14."""
    given_calendar, anchor = drawn
    start = data.draw(instants(anchor, given_calendar.timezone))
    shown = wall(given_calendar.timezone, anchor)
    minutes = sorted(open_minutes(given_calendar, anchor) - set(range(shown.number(start))))
    assume(len(minutes) >= amount)
    assert add_working(given_calendar, start, amount * MINUTE) == shown.begins + (minutes[amount - 1] + 1) * MINUTE


@THOROUGH()
@given(data=st.data(), drawn=calendars(), seconds=st.integers(0, 400_000), more=st.integers(0, 400_000))
def test_adding_and_measuring_are_inverse_and_monotone(
    data: st.DataObject, drawn: tuple[Calendar, date], seconds: int, more: int
) -> None:
    given_calendar, anchor = drawn
    weekly = sum(span.closes - span.opens for spans in given_calendar.week for span in spans)
    assume(weekly > 600)
    start = data.draw(instants(anchor, given_calendar.timezone)) + timedelta(seconds=data.draw(st.integers(0, 59)))
    first = add_working(given_calendar, start, timedelta(seconds=seconds))
    last = add_working(given_calendar, start, timedelta(seconds=seconds + more))
    assert working_between(given_calendar, start, first) == timedelta(seconds=seconds)
    assert start <= first <= last
    assert add_working(given_calendar, first, timedelta(seconds=more)) == last
    assert working_between(given_calendar, first, start) == timedelta(0)


@pytest.mark.parametrize(
    ("start", "amount", "due"),
    [
        ("2026-03-27 17:00", 1, "2026-03-30 09:30"),  # over the weekend in which the clocks go forward
        ("2026-10-23 17:00", 1, "2026-10-26 09:30"),  # and back
        ("2026-11-20 16:50", 4, "2026-11-23 12:20"),
        ("2026-11-20 13:30", 4, "2026-11-20 17:30"),  # closing time, not the next opening
        ("2026-11-21 12:00", 4, "2026-11-23 13:00"),
    ],
)
def test_four_business_hours_are_on_the_wall_what_they_always_are(start: str, amount: int, due: str) -> None:
    """Promise 14: 09:00 local is 09:00 local on both sides of a change."""
    assert add_working(calendar(), at(start), amount * HOUR) == at(due)


@pytest.mark.parametrize(
    ("zone", "day", "opens", "closes", "periods"),
    [
        # Forward at 02:00: a whole night is an hour shorter, a time that is left out moves on by an hour.
        ("Europe/Berlin", "2026-03-29", 0, 360, [("2026-03-28T23:00", "2026-03-29T04:00")]),
        ("Europe/Berlin", "2026-03-29", 60, 150, [("2026-03-29T00:00", "2026-03-29T01:30")]),
        ("Europe/Berlin", "2026-03-29", 135, 165, [("2026-03-29T01:15", "2026-03-29T01:45")]),
        ("Europe/Berlin", "2026-03-29", 165, 195, []),  # it would close before it opens
        # Back at 03:00: a night is an hour longer, of 02:30 the first is meant.
        ("Europe/Berlin", "2026-10-25", 0, 360, [("2026-10-24T22:00", "2026-10-25T05:00")]),
        ("Europe/Berlin", "2026-10-25", 60, 150, [("2026-10-24T23:00", "2026-10-25T00:30")]),
        ("Europe/Berlin", "2026-10-25", 150, 210, [("2026-10-25T00:30", "2026-10-25T02:30")]),
        ("America/New_York", "2026-03-08", 0, 1440, [("2026-03-08T05:00", "2026-03-09T04:00")]),
        ("America/New_York", "2026-11-01", 0, 1440, [("2026-11-01T04:00", "2026-11-02T05:00")]),
        # Lord Howe changes by half an hour, at 02:00.
        ("Australia/Lord_Howe", "2026-10-04", 60, 180, [("2026-10-03T14:30", "2026-10-03T16:00")]),
        ("Australia/Lord_Howe", "2026-10-04", 60, 135, [("2026-10-03T14:30", "2026-10-03T15:45")]),
        ("Australia/Lord_Howe", "2026-04-05", 60, 180, [("2026-04-04T14:00", "2026-04-04T16:30")]),
        # Samoa went from 29 to 31 December 2011 across the date line.
        ("Pacific/Apia", "2011-12-29", 540, 1440, [("2011-12-29T19:00", "2011-12-30T10:00")]),
        ("Pacific/Apia", "2011-12-30", 540, 1020, []),
        ("Pacific/Apia", "2011-12-31", 540, 1020, [("2011-12-30T19:00", "2011-12-31T03:00")]),
        # In Nuuk the last hour of the Saturday is left out, or comes twice.
        ("America/Nuuk", "2026-03-28", 1320, 1440, [("2026-03-29T00:00", "2026-03-29T01:00")]),
        ("America/Nuuk", "2026-03-28", 1320, 1410, [("2026-03-29T00:00", "2026-03-29T01:00")]),
        ("America/Nuuk", "2026-10-24", 1320, 1440, [("2026-10-24T23:00", "2026-10-25T02:00")]),
    ],
)
def test_hours_at_a_change_of_the_clocks(
    zone: str, day: str, opens: int, closes: int, periods: list[tuple[str, str]]
) -> None:
    """Promise 14: gap forward, fold first, and what lies between has its true length."""
    on = date.fromisoformat(day)
    single = Calendar(name="single", timezone=zone, week=(CLOSED,) * 7, opened={on: (Span(opens, closes),)})
    around = [datetime(on.year, on.month, on.day, tzinfo=UTC) + timedelta(days=days) for days in (-3, 3)]
    expected = [tuple(datetime.fromisoformat(each).replace(tzinfo=UTC) for each in period) for period in periods]
    assert open_periods(single, around[0], around[1]) == expected


def test_hours_that_a_change_pushes_into_each_other_count_once() -> None:
    """Promise 14: 02:15-03:00 becomes 03:15-03:00 and is gone; 02:30-02:45 becomes 03:30-03:45, within the next."""
    pushed = calendar(weekend=(Span(135, 150), Span(150, 165), Span(180, 240)))
    assert working_between(pushed, at("2026-03-29 00:00"), at("2026-03-30 00:00")) == HOUR


def test_round_the_clock_is_elapsed_time_and_one_period() -> None:
    open_always = night("America/New_York", 0, 1440)
    start, end = datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 12, 31, 7, tzinfo=UTC)
    assert working_between(open_always, start, end) == end - start
    assert open_periods(open_always, start, end) == [(start, end)]


def test_a_day_that_was_left_out_counts_once_in_all() -> None:
    """Promise 14: whoever is open all night in Samoa lost no time on the day that never was."""
    open_always = night("Pacific/Apia", 0, 1440)
    start, end = datetime(2011, 12, 29, tzinfo=UTC), datetime(2012, 1, 2, tzinfo=UTC)
    assert open_periods(open_always, start, end) == [(start, end)]


def test_what_a_day_is_called() -> None:
    office = Calendar(
        name="office",
        timezone="Europe/Berlin",
        week=(OFFICE,) * 5 + ((Span(600, 720), Span(780, 840)), CLOSED),
        holidays=("DE-BE", "FR"),
        closed=frozenset({date(2026, 12, 28)}),
        opened={date(2026, 12, 27): (Span(600, 1440),), date(2026, 5, 1): (Span(540, 720),)},
    )
    told = {
        date(2026, 11, 20): "open 09:00-17:30",
        date(2026, 11, 21): "open 10:00-12:00 and 13:00-14:00",
        date(2026, 11, 22): "closed: Sunday",
        date(2026, 12, 25): "closed: Christmas Day",
        date(2026, 7, 14): "closed: National Day",
        date(2026, 10, 3): "closed: German Unity Day",
        date(2026, 12, 28): "closed: a day named as closed",
        date(2026, 12, 27): "open 10:00-24:00",
        date(2026, 5, 1): "open 09:00-12:00",
    }
    assert {day: describe_day(office, day) for day in told} == told
    apia = calendar("Pacific/Apia")
    assert describe_day(apia, date(2011, 12, 30)) == "closed: there was no such day in Pacific/Apia"


def test_a_calendar_that_runs_out_says_so() -> None:
    once = Calendar(name="once", timezone="UTC", week=(CLOSED,) * 7, opened={date(2026, 1, 2): (Span(600, 660),)})
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert add_working(once, start, HOUR) == datetime(2026, 1, 2, 11, tzinfo=UTC)
    for late, amount in ((start, HOUR + MINUTE), (start + HORIZON, MINUTE), (datetime.max.replace(tzinfo=UTC), MINUTE)):
        with pytest.raises(CalendarExhausted, match="calendar 'once' has not that much working time"):
            add_working(once, late, amount)
    assert add_working(once, start, timedelta(0)) == start


def test_regions_are_those_the_library_knows() -> None:
    assert holidays_of("DE-BE", 2026)[date(2026, 3, 8)] == "Women's Day"
    assert date(2026, 3, 8) not in holidays_of("DE", 2026)
    assert date(2027, 7, 5) in holidays_of("US", 2027)  # the Monday on which the fourth of July is observed
    for region, told in (
        ("ZZ", "`ZZ` is no country"),
        ("DE-XX", "`XX` is no region of `DE` whose holidays are known; there are BB, BE"),
        ("Germany", "`Germany` is no country or region; write it like `DE`"),
        ("de-be", "is no country or region"),
        ("", "is no country or region"),
    ):
        with pytest.raises(UnknownRegion, match=told):
            holidays_of(region, 2026)
