"""Clocks: every moment from the facts, exact, and what moves them. Promises 12 and 14."""

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from review.sla.calendars import HORIZON, Calendar
from review.sla.ladders import Fallback, Ladder, Step
from review.sla.rules import Clock, Facts, Mark, Pause, PriorityTargets, SlaPolicy, Target, remaining, run
from tests.sla.make import CLOSED, THOROUGH, at, calendar, running
from tests.sla.oracle import MINUTE, open_minutes, wall

HOUR = timedelta(hours=1)
NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)  # a Wednesday
LADDER = Ladder(
    "ladder",
    (
        Step(after=0.8, notify=("pool-leads",)),
        Step(after=1.0, move_to="seniors"),
        Step(after=1.5, decide=Fallback.REJECT),
    ),
)
ELAPSED = SlaPolicy(
    name="plain", decide=Target(4 * HOUR), first_claim=Target(HOUR), warn_at=(0.5, 3 * HOUR), ladder=LADDER
)
WORKING = msgspec.structs.replace(ELAPSED, name="standard", calendar=calendar())


def clock(policy: SlaPolicy | None, facts: Facts) -> Clock:
    found = run(policy, facts)
    assert found is not None
    return found


def facts(started: datetime = NOON, **given_facts: object) -> Facts:
    return msgspec.structs.replace(Facts(started_at=started, priority=50), **given_facts)


def hours(found: Clock, since: datetime = NOON) -> dict[str, float]:
    return {mark.key: (mark.at - since) / HOUR for mark in found.marks}


def test_elapsed_marks_in_their_order() -> None:
    found = clock(ELAPSED, facts())
    assert list(hours(found).items()) == [
        ("first_claim", 1),
        ("warn:0", 2),
        ("warn:1", 3),
        ("step:0", 3.2),
        ("due", 4),
        ("step:1", 4),
        ("step:2", 6),
    ]
    assert (found.due_at, found.warn_at, found.first_claim_due_at) == (NOON + 4 * HOUR, NOON + 2 * HOUR, NOON + HOUR)
    assert found.is_elapsed


def test_no_policy_and_no_wish_of_upstream_set_no_clock_going() -> None:
    assert run(None, facts()) is None


def test_working_marks_pass_over_the_weekend() -> None:
    found = clock(WORKING, facts(at("2026-11-20 16:50")))
    told = [(mark.key, mark.at) for mark in found.marks]
    assert told == [
        ("first_claim", at("2026-11-23 09:20")),
        ("warn:0", at("2026-11-23 10:20")),
        ("warn:1", at("2026-11-23 11:20")),
        ("step:0", at("2026-11-23 11:32")),
        ("due", at("2026-11-23 12:20")),
        ("step:1", at("2026-11-23 12:20")),
        ("step:2", at("2026-11-23 14:20")),
    ]
    assert remaining(WORKING, found, at("2026-11-20 17:00")) == 4 * HOUR - 10 * MINUTE
    assert remaining(WORKING, found, at("2026-11-21 12:00")) == remaining(WORKING, found, at("2026-11-23 08:00"))
    assert remaining(WORKING, found, at("2026-11-23 12:50")) == -30 * MINUTE
    assert remaining(WORKING, found, at("2026-11-24 06:00")) == -(5 * HOUR + 10 * MINUTE)


def test_a_target_may_be_elapsed_where_the_others_are_working_time() -> None:
    mixed = msgspec.structs.replace(WORKING, decide=Target(24 * HOUR, is_elapsed=True))
    found = clock(mixed, facts(at("2026-11-20 17:00")))
    assert (found.due_at, found.first_claim_due_at) == (at("2026-11-21 17:00"), at("2026-11-21 17:00"))
    assert remaining(mixed, found, at("2026-11-21 05:00")) == 12 * HOUR
    assert found.because[0] == "Policy standard gives 1 d, night and day."


@pytest.mark.parametrize(("day", "hour"), [("2026-03-28", 11), ("2026-10-24", 13)])
def test_elapsed_targets_are_exact_in_utc_over_both_changes(day: str, hour: int) -> None:
    """Promise 14: a day is 24 hours, whatever the wall says at the end of it."""
    policy = SlaPolicy(name="plain", decide=Target(timedelta(days=1)))
    started = at(f"{day} 12:00")
    assert clock(policy, facts(started)).due_at == started.astimezone(UTC) + timedelta(days=1)
    assert (at(f"{day} 12:00") + timedelta(days=1)).astimezone(UTC).hour + (12 - hour) == (
        clock(policy, facts(started)).due_at.hour
    )


@THOROUGH()
@given(drawn=running(), amount=st.integers(1, 1_500))
def test_the_due_time_is_where_counting_minutes_outside_the_pauses_ends(
    drawn: tuple[Calendar, date, Facts], amount: int
) -> None:
    """Promise 14."""
    on, anchor, given_facts = drawn
    shown = wall(on.timezone, anchor)
    counted = open_minutes(on, anchor) - set(range(shown.number(given_facts.started_at)))
    for pause in given_facts.pauses:
        if pause.resumed_at is not None:
            counted -= set(range(shown.number(pause.paused_at), shown.number(pause.resumed_at)))
    assume(len(counted) >= amount)
    found = clock(SlaPolicy(name="p", decide=Target(amount * MINUTE), calendar=on), given_facts)
    assert found.due_at == shown.begins + (sorted(counted)[amount - 1] + 1) * MINUTE


POLICIES = st.builds(
    lambda decide, first_claim, warn_at, working: SlaPolicy(
        name="p",
        decide=Target(decide * MINUTE),
        first_claim=Target(min(first_claim, decide) * MINUTE),
        warn_at=tuple(sorted(warn_at)),
        calendar=calendar() if working else None,
        ladder=LADDER,
    ),
    decide=st.integers(1, 5_000),
    first_claim=st.integers(1, 5_000),
    warn_at=st.lists(st.floats(0.01, 0.99), max_size=3),
    working=st.booleans(),
)
OFFSETS = st.integers(-2_000, 20_000)


@THOROUGH()
@given(policy=POLICIES, start=OFFSETS, asked=OFFSETS | st.none(), pause=st.tuples(OFFSETS, st.integers(0, 5_000)))
def test_what_holds_of_every_clock(policy: SlaPolicy, start: int, asked: int | None, pause: tuple[int, int]) -> None:
    """Nothing is before the start, marks are in order, upstream only tightens, and a pause only puts off."""
    started = NOON + start * MINUTE
    wish = started + asked * MINUTE if asked is not None else None
    stopped = started + pause[0] * MINUTE
    paused = Pause(stopped, stopped + pause[1] * MINUTE)
    plain, wished = clock(policy, facts(started)), clock(policy, facts(started, respond_by=wish))
    both = clock(policy, facts(started, respond_by=wish, pauses=(paused,)))
    for found in (plain, wished, both):
        instants = [mark.at for mark in found.marks]
        assert instants == sorted(instants)
        assert instants[0] >= started
        assert found.due_at in instants
        assert all(mark.at >= found.due_at for mark in found.marks if mark.key in {"step:1", "step:2"})
        assert found.warn_at is None or found.warn_at <= found.due_at
        assert found.first_claim_due_at is not None
        assert found.first_claim_due_at <= found.due_at
    assert wished.due_at <= plain.due_at
    before, after = ({mark.key: mark.at for mark in found.marks} for found in (wished, both))
    assert all(after[key] >= before[key] for key in before)
    if wish is not None:
        assert both.due_at <= max(wish, started)
    assert clock(policy, facts(started, respond_by=wish, pauses=(paused,))) == both


@THOROUGH()
@given(policy=POLICIES, one=OFFSETS, other=OFFSETS)
def test_who_comes_later_is_due_no_sooner(policy: SlaPolicy, one: int, other: int) -> None:
    first, last = sorted((one, other))
    assert clock(policy, facts(NOON + first * MINUTE)).due_at <= clock(policy, facts(NOON + last * MINUTE)).due_at


@THOROUGH()
@given(policy=POLICIES, pause=st.tuples(OFFSETS, st.integers(0, 5_000)))
def test_a_running_pause_shows_the_clock_as_if_it_ended_at_once(policy: SlaPolicy, pause: tuple[int, int]) -> None:
    stopped = NOON + pause[0] * MINUTE
    open_pause = clock(policy, facts(pauses=(Pause(stopped, None),)))
    ended_at_once = clock(policy, facts(pauses=(Pause(stopped, stopped),)))
    assert open_pause.marks == ended_at_once.marks == clock(policy, facts()).marks


def test_a_pause_puts_off_by_the_time_it_took() -> None:
    pause = Pause(NOON + HOUR, NOON + HOUR + 35 * MINUTE, "waiting for upstream.")
    found = clock(ELAPSED, facts(pauses=(pause,)))
    late = 35 / 60
    assert hours(found)["first_claim"] == 1  # reached as the pause began
    assert hours(found)["due"] == 4 + late
    assert hours(found)["step:2"] == 6 + late
    assert found.because == (
        "Policy plain gives 4 h, night and day.",
        "It arrived Wednesday 18 November 2026 12:00 (UTC), so it is due Wednesday 18 November 2026 16:00.",
        "Paused 35 min from Wednesday 18 November 2026 13:00 (UTC): waiting for upstream.",
        "No time passed in a pause, so it is due Wednesday 18 November 2026 16:35.",
    )
    still = clock(ELAPSED, facts(pauses=(Pause(NOON + HOUR, None),)))
    assert still.because[-1] == (
        "Paused since Wednesday 18 November 2026 13:00 (UTC); the clock stands still until it is resumed."
    )


def test_pauses_that_overlap_or_end_before_they_begin_count_once_or_not() -> None:
    """Promise 13: a clock that was put back gives no negative time."""
    pauses = (
        Pause(NOON + 2 * HOUR, NOON + HOUR),
        Pause(NOON + HOUR, NOON + 2 * HOUR),
        Pause(NOON - 5 * HOUR, NOON - HOUR),
        Pause(NOON + HOUR, NOON + 3 * HOUR),
    )
    assert clock(ELAPSED, facts(pauses=pauses)).due_at == NOON + 6 * HOUR


def test_a_pause_over_night_takes_no_working_time() -> None:
    pause = Pause(at("2026-11-20 18:00"), at("2026-11-23 08:00"))
    started = at("2026-11-20 16:50")
    assert clock(WORKING, facts(started, pauses=(pause,))).marks == clock(WORKING, facts(started)).marks


def test_upstream_tightens_and_shares_are_of_what_it_leaves() -> None:
    found = clock(ELAPSED, facts(respond_by=NOON + 2 * HOUR))
    assert list(hours(found).items()) == [
        ("warn:0", 1),
        ("first_claim", 1),
        ("step:0", 1.6),
        ("warn:1", 2),  # three hours would be after the decision
        ("due", 2),
        ("step:1", 2),
        ("step:2", 3),
    ]
    assert found.because[-1] == (
        "Upstream asked for an answer by Wednesday 18 November 2026 14:00 (UTC), which is sooner."
    )
    assert clock(ELAPSED, facts(respond_by=NOON + 4 * HOUR)).marks == clock(ELAPSED, facts()).marks
    assert clock(ELAPSED, facts(respond_by=NOON + 5 * HOUR)) == clock(ELAPSED, facts())


def test_a_pause_does_not_move_what_upstream_asked() -> None:
    pause = Pause(NOON, NOON + 3 * HOUR)
    found = clock(ELAPSED, facts(respond_by=NOON + 5 * HOUR, pauses=(pause,)))
    assert found.due_at == NOON + 5 * HOUR
    assert found.because[-1].endswith("which is sooner.")


def test_upstream_alone_sets_a_due_time() -> None:
    found = clock(None, facts(respond_by=NOON + HOUR))
    assert found.marks == (Mark("due", NOON + HOUR),)
    assert (found.first_claim_due_at, found.warn_at) == (None, None)
    assert found.because == (
        "No SLA policy sets a time.",
        "Upstream asked for an answer by Wednesday 18 November 2026 13:00 (UTC).",
    )
    assert remaining(None, found, NOON) == HOUR
    assert clock(None, facts(respond_by=NOON - HOUR)).due_at == NOON


def test_a_wish_that_has_passed_is_due_at_once_and_leaves_people_the_time_of_the_last_steps() -> None:
    """Promise 4: a fallback at 150 % does not fire at once because nothing is half of nothing."""
    found = clock(ELAPSED, facts(respond_by=NOON - HOUR))
    assert hours(found) == {
        **dict.fromkeys(("warn:0", "warn:1", "first_claim", "step:0", "due", "step:1"), 0),
        "step:2": 2,
    }
    assert found.because[-1] == (
        "Upstream asked for an answer by Wednesday 18 November 2026 11:00 (UTC), before it arrived,"
        " so it is due at once."
    )
    overnight = clock(WORKING, facts(at("2026-11-20 20:00"), respond_by=at("2026-11-21 10:00")))
    assert overnight.due_at == at("2026-11-21 10:00")
    assert overnight.marks[-1] == Mark("step:2", at("2026-11-23 11:00"))


def test_targets_by_arrival_priority() -> None:
    policy = msgspec.structs.replace(
        ELAPSED,
        by_priority=(
            PriorityTargets(90, decide=Target(HOUR), first_claim=Target(10 * MINUTE)),
            PriorityTargets(70, first_claim=Target(20 * MINUTE)),
        ),
    )
    due = {}
    for priority in (100, 90, 89, 70, 69):
        found = clock(policy, facts(priority=priority))
        due[priority] = (hours(found)["due"], round(hours(found)["first_claim"] * 60))
    assert due == {100: (1, 10), 90: (1, 10), 89: (4, 20), 70: (4, 20), 69: (4, 60)}
    told = clock(policy, facts(priority=95)).because[0]
    assert told == "Policy plain gives 1 h, night and day, as it arrived with priority 95 (90 or more)."


def test_an_earlier_step_comes_no_later_than_the_next() -> None:
    ladder = Ladder("crossed", (Step(after=2 * HOUR, notify=("holder",)), Step(after=1.0, move_to="seniors")))
    policy = SlaPolicy(name="p", decide=Target(4 * HOUR), ladder=ladder)
    assert hours(clock(policy, facts())) == {"step:0": 2, "due": 4, "step:1": 4}
    assert hours(clock(policy, facts(respond_by=NOON + HOUR))) == {"due": 1, "step:0": 1, "step:1": 1}


def test_the_reasons_of_a_weekend_and_a_holiday() -> None:
    policy = msgspec.structs.replace(WORKING, calendar=msgspec.structs.replace(calendar(), holidays=("DE-BE",)))
    policy_gives, arrived = clock(policy, facts(at("2027-05-14 17:10"))).because
    assert policy_gives == "Policy standard gives 4 h of working time of calendar office."
    assert arrived == (
        "It arrived Friday 14 May 2027 17:10 (Europe/Berlin); 20 min of that day counted, Saturday and Sunday are"
        " closed, Monday 17 May is closed: Pentecost Monday, so it is due Tuesday 18 May 2027 12:40."
    )
    assert clock(policy, facts(at("2026-11-18 18:00"))).because[1] == (
        "It arrived Wednesday 18 November 2026 18:00 (Europe/Berlin), when no working time of that day was left,"
        " so it is due Thursday 19 November 2026 13:00."
    )


def test_many_closed_days_are_counted() -> None:
    closed = frozenset(date(2026, 11, day) for day in range(19, 31))
    policy = msgspec.structs.replace(WORKING, calendar=msgspec.structs.replace(calendar(), closed=closed))
    told = clock(policy, facts(at("2026-11-18 17:00"))).because[1]
    assert "Monday 23 November is closed: a day named as closed, 5 more days are closed, so it is due Tuesday" in told


def test_a_calendar_without_working_time_is_due_at_the_end_of_the_arithmetic() -> None:
    """No item waits on it, and none is refused for it."""
    policy = msgspec.structs.replace(WORKING, calendar=calendar(weekdays=CLOSED))
    found = clock(policy, facts(pauses=(Pause(NOON + HOUR, NOON + 2 * HOUR),)))
    assert {mark.at for mark in found.marks} == {NOON + HORIZON}
    assert found.because[1].startswith("Calendar office has not that much working time, so it is due ")
