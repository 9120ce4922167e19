"""The pure part of rollouts: whom people side with, how a schedule is read, and what cannot go."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.kernel.durations import parse_duration, write_duration
from review.rollout.rules import side_of
from review.routing.rollouts import Course, Guard, Step, find_faults, read_steps

OUTCOMES = st.sampled_from(["approve", "reject", "review:triage", "review:seniors"])
VERDICTS = st.sampled_from(["approve", "correct", "reject"])
OTHER = {"live": "candidate", "candidate": "live", "neither": "neither"}


@given(OUTCOMES, OUTCOMES, VERDICTS)
def test_whoever_is_sided_with_is_the_same_seen_from_the_other_side(old: str, new: str, verdict: str) -> None:
    if old != new:
        assert side_of(new, old, verdict) == OTHER[side_of(old, new, verdict)]


def test_people_side_with_letting_through_only_what_they_approved_themselves() -> None:
    assert side_of("review:triage", "approve", "approve") == "candidate"
    assert side_of("review:triage", "approve", "correct") == "live"
    assert side_of("approve", "review:triage", "reject") == "candidate"
    assert side_of("approve", "reject", "correct") == "neither"
    assert side_of("review:triage", "review:seniors", "approve") == "neither"


@given(st.integers(1, 400 * 86_400))
def test_a_duration_is_read_back_as_it_was_written(seconds: int) -> None:
    assert parse_duration(write_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


def test_a_schedule_is_read_as_people_write_it() -> None:
    assert read_steps(" 2.5% after 30m, 100 % after 1d12h ") == (
        Step(0.025, timedelta(minutes=30)),
        Step(1.0, timedelta(hours=36)),
    )
    assert read_steps("") == ()
    for wrong in ("25%", "25% after", "x% after 1d", "25% after soon", "5% after 1d,"):
        with pytest.raises(ValueError, match="write it like"):
            read_steps(wrong)


@given(st.floats(allow_nan=True), st.floats(allow_nan=True), st.integers())
def test_what_is_no_share_bound_or_number_of_items_is_a_fault(share: float, bound: float, least: int) -> None:
    course = Course(share=share, tag="x", guards=(Guard("breach_rate", bound, least),))
    found = {fault.path for fault in find_faults(course, is_live=True)}
    assert ("share" in found) == (not 0 <= share < 1)
    assert ("guards[0].bound" in found) == (not 0 <= bound <= 1)
    assert ("guards[0].least" in found) == (not 1 <= least <= 5_000)


def test_a_course_that_would_take_nothing_or_names_a_guard_twice_is_a_fault() -> None:
    twice = (Guard("oldest_waiting", 60.0), Guard("oldest_waiting", 90.0))
    course = Course(steps=tuple(Step(0.0, timedelta(days=400)) for _ in range(21)), guards=twice)
    paths = {fault.path for fault in find_faults(course, is_live=True)}
    assert {"steps", "steps[0].share", "steps[20].after", "guards"} <= paths
    assert [fault.path for fault in find_faults(Course(), is_live=True)] == ["share"]
    assert find_faults(Course(), is_live=False) == []
    assert [fault.path for fault in find_faults(Course(tag="x" * 201), is_live=True)] == ["tag"]
