"""When a notification leaves: quiet hours over both changes of the clocks, and digests."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from review.configuration.outlets import Quiet
from review.delivery.notifications.schemas import Kind, Manner, Preferences
from review.delivery.notifications.timing import is_quiet, quiet_end, send_after, zone_of

NIGHT = Quiet(22 * 60, 7 * 60, "Europe/Berlin")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "leaves"),
    [
        ("2026-11-20T12:00:00+01:00", "2026-11-20T12:00:00+01:00"),
        ("2026-11-20T21:59:59+01:00", "2026-11-20T21:59:59+01:00"),
        ("2026-11-20T22:00:00+01:00", "2026-11-21T07:00:00+01:00"),
        ("2026-11-21T06:59:30+01:00", "2026-11-21T07:00:00+01:00"),
        ("2026-11-21T07:00:00+01:00", "2026-11-21T07:00:00+01:00"),
        ("2026-03-28T23:00:00+01:00", "2026-03-29T07:00:00+02:00"),  # the night that is an hour shorter
        ("2026-10-24T23:00:00+02:00", "2026-10-25T07:00:00+01:00"),  # the night that is an hour longer
    ],
)
def test_quiet_hours_end_by_the_wall_clock(now: str, leaves: str) -> None:
    assert quiet_end(at(now), NIGHT) == at(leaves)


@pytest.mark.parametrize(
    ("now", "quiet", "leaves"),
    [
        # 02:30 does not exist: at 03:00 the quiet hours are over.
        ("2026-03-29T01:00:00+01:00", Quiet(60, 150, "Europe/Berlin"), "2026-03-29T03:00:00+02:00"),
        # 02:30 comes twice: it is quiet till the first, and again from two to the second.
        ("2026-10-25T01:00:00+02:00", Quiet(60, 150, "Europe/Berlin"), "2026-10-25T02:30:00+02:00"),
        ("2026-10-25T02:10:00+01:00", Quiet(60, 150, "Europe/Berlin"), "2026-10-25T02:30:00+01:00"),
        # Half an hour of summer time.
        ("2026-10-04T01:00:00+10:30", Quiet(0, 125, "Australia/Lord_Howe"), "2026-10-04T02:30:00+11:00"),
    ],
)
def test_quiet_hours_that_end_while_the_clock_changes(now: str, quiet: Quiet, leaves: str) -> None:
    assert quiet_end(at(now), quiet) == at(leaves)


@settings(deadline=None)
@given(
    now=st.integers(1_262_304_000, 1_893_456_000),  # from 2010 to 2030
    begins=st.integers(0, 1439),
    ends=st.integers(0, 1439),
    zone=st.sampled_from(ZONES),
)
def test_nothing_leaves_in_quiet_hours_or_earlier_or_later_than_it_must(
    now: int, begins: int, ends: int, zone: str
) -> None:
    quiet, start = Quiet(begins, ends, zone), datetime.fromtimestamp(now, UTC)
    leaves = quiet_end(start, quiet)
    assert not is_quiet(leaves, quiet)
    assert start <= leaves <= start + timedelta(hours=26)
    minute = start
    while minute < leaves:
        assert is_quiet(minute, quiet)
        minute += timedelta(minutes=7)


@pytest.mark.parametrize(
    ("manner", "now", "leaves"),
    [
        (Manner(digest=timedelta(minutes=15)), "2026-11-20T10:01:00+00:00", "2026-11-20T10:15:00+00:00"),
        (Manner(digest=timedelta(minutes=15)), "2026-11-20T10:15:00+00:00", "2026-11-20T10:15:00+00:00"),
        (Manner(digest=timedelta(hours=1)), "2026-11-20T10:01:00+00:00", "2026-11-20T11:00:00+00:00"),
        (Manner(digest=timedelta()), "2026-11-20T10:01:00+00:00", "2026-11-20T10:01:00+00:00"),
        (Manner(daily_at=480, timezone="Europe/Berlin"), "2026-11-20T08:00:01+01:00", "2026-11-21T08:00:00+01:00"),
        (Manner(daily_at=480, timezone="Europe/Berlin"), "2026-11-20T07:00:00+01:00", "2026-11-20T08:00:00+01:00"),
        (Manner(daily_at=150, timezone="Europe/Berlin"), "2026-03-29T01:00:00+01:00", "2026-03-29T03:30:00+02:00"),
        (Manner(daily_at=150, timezone="Europe/Berlin"), "2026-10-25T01:00:00+02:00", "2026-10-25T02:30:00+02:00"),
        (Manner(daily_at=600, timezone="Pacific/Apia"), "2011-12-29T20:00:00+00:00", "2011-12-29T20:00:00+00:00"),
        (Manner(digest=timedelta(hours=1), quiet=NIGHT), "2026-11-20T21:30:00+01:00", "2026-11-21T07:00:00+01:00"),
        (Manner(daily_at=1, timezone="Nowhere/Atall"), "2026-11-20T00:00:00+00:00", "2026-11-20T00:01:00+00:00"),
    ],
)
def test_digests_gather_until_their_time(manner: Manner, now: str, leaves: str) -> None:
    assert send_after(at(now), Kind.SLA_WARNING, manner) == at(leaves)
    assert send_after(at(now), Kind.PAGE, manner) == at(now)


@pytest.mark.parametrize("name", ["", "Nowhere/Atall", "../../etc/passwd", "/etc/passwd", "Europe", "Europe/\0Berlin"])
def test_a_zone_that_is_none_is_known_for_none(name: str) -> None:
    assert zone_of(name) is None
    assert not is_quiet(at("2026-11-20T10:00:00+00:00"), Quiet(0, 60, name))


def test_preferences_become_a_manner() -> None:
    assert Preferences().manner == Manner()
    wanted = Preferences(timezone="Europe/Berlin", quiet_from=1320, quiet_to=420, digest="daily", digest_at=510)
    assert wanted.manner == Manner(timezone="Europe/Berlin", quiet=NIGHT, daily_at=510)
    assert Preferences(digest="15m").manner.digest == timedelta(minutes=15)
