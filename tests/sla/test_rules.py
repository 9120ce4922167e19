"""Deadlines and durations."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.kernel.durations import parse_duration
from review.sla.rules import SlaPolicy, due_at


def test_the_clock_runs_from_arrival_night_and_day() -> None:
    friday_night = datetime(2026, 3, 27, 23, 0, tzinfo=UTC)
    assert due_at(SlaPolicy("fast", timedelta(hours=4)), friday_night) == datetime(2026, 3, 28, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("10m", 600), ("4h", 14_400), ("2d", 172_800), ("1h30m", 5_400), (" 1d2h3m4s ", 93_784)],
)
def test_durations_as_people_write_them(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "0s", "0h0m", "10", "m", "1.5h", "-1h", "30m1h", "1h 30m", "4H", "1w", "9" * 30 + "d"]
)
def test_anything_else_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 30s, 10m, 4h, 2d or 1h30m"):
        parse_duration(text)


@given(st.integers(0, 999), st.integers(0, 99), st.integers(0, 99), st.integers(1, 99))
def test_parts_add_up(days: int, hours: int, minutes: int, seconds: int) -> None:
    parsed = parse_duration(f"{days}d{hours}h{minutes}m{seconds}s")
    assert parsed == timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
