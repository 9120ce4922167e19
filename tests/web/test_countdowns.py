"""What is left of a case's time, in words and in the numbers that keep the words true."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from review.kernel.ids import new_id
from review.queueing.due import RunningClock
from review.sla.calendars import Calendar, Span
from review.sla.rules import SlaPolicy, Target
from review.web.pages.countdowns import Hours, show

HOSTILE = '<script>alert(1)</script>"\u202e'
DAY = (Span(540, 720), Span(780, 1050))
OFFICE = Calendar(name="office", timezone="Europe/Berlin", week=(DAY, DAY, DAY, DAY, DAY, (), ()))
POLICY = SlaPolicy(name="p", decide=Target(timedelta(hours=4)), calendar=OFFICE)


def clock(due_at: datetime, **more: Any) -> RunningClock:
    given: dict[str, Any] = {
        "item_id": new_id(),
        "sla_policy": "p",
        "version": 1,
        "due_at": due_at,
        "warn_at": None,
        "arrived": 50,
        "paused_at": None,
        "paused_because": None,
        "paused_by": None,
    }
    return RunningClock(**{**given, **more})


def at(text: str) -> datetime:
    """Read a time in Berlin in winter."""
    return datetime.fromisoformat(f"2026-11-{text}+01:00")


@pytest.mark.parametrize(
    ("now", "due", "said", "note", "tone"),
    [
        ("20T16:50", "23T10:00", "due in 1 h 40 min", "clock stops Fri 17:30–Mon 09:00 CET", "plain"),
        ("19T16:50", "20T10:00", "due in 1 h 40 min", "clock stops 17:30–09:00 CET", "plain"),
        ("19T11:50", "19T13:05", "due soon: 15 min", "clock stops 12:00–13:00 CET", "warn"),
        ("21T11:00", "23T10:00", "due in 1 h", "stopped until Mon 09:00 CET", "plain"),
        ("20T14:00", "20T16:00", "due in 2 h", "", "plain"),
        ("20T16:00", "19T17:00", "overdue by 6 h 30 min", "clock stops Fri 17:30–Mon 09:00 CET", "bad"),
    ],
)
def test_what_is_left_is_told_in_working_time(now: str, due: str, said: str, note: str, tone: str) -> None:
    told = show(clock(at(due)), POLICY, Hours(at(now)))
    assert (told.said, told.note, told.tone, told.is_still) == (said, note, tone, False)
    assert 0 < len(msgspec.json.decode(told.open)) <= 6
    assert (told.left or 0) < 3600 * 24


def test_a_warning_that_has_come_makes_it_due_soon() -> None:
    told = show(clock(at("20T16:00"), warn_at=at("20T13:30")), POLICY, Hours(at("20T14:00")))
    assert (told.said, told.tone, told.soon) == ("due soon: 2 h", "warn", 9000)


def test_a_paused_clock_stands_and_says_why() -> None:
    paused = clock(at("20T16:00"), paused_at=at("20T14:00"), paused_because=HOSTILE, paused_by="ana@example.com")
    told = show(paused, POLICY, Hours(at("23T14:00")))
    assert (told.said, told.tone, told.is_still) == ("paused, 2 h left", "paused", True)
    assert "<script>" not in told.note
    assert "(ana)" in told.note


def test_a_target_that_counts_night_and_day_has_no_hours() -> None:
    elapsed = SlaPolicy(name="p", decide=Target(timedelta(hours=4), is_elapsed=True), calendar=OFFICE)
    for policy in (elapsed, None):
        told = show(clock(at("22T12:00")), policy, Hours(at("21T11:00")))
        assert (told.said, told.note, told.open, told.left) == ("due in 1 d 1 h", "", "", None)
