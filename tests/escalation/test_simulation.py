"""The simulator against scenarios worked by hand, queueing theory, and what must hold of every run."""

import math
from datetime import timedelta
from itertools import pairwise
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from review.escalation.simulation.arrivals import Arrival, draw, expected
from review.escalation.simulation.findings import find
from review.escalation.simulation.report import report
from review.escalation.simulation.rules import Run
from review.escalation.simulation.scenario import FLAT, MICROSECOND, Crew, Handling, Rate, Scenario, Stream
from review.sla.ladders import Fallback, Ladder, PriorityChange, Step
from tests.escalation.scenes import ALWAYS, HOUR, MINUTE, MONDAY, at, hours, moment, play, policy, scene

OFFICE = hours(9, 17, days=5)
MOVE = Step(after=1.0, move_to="seniors", priority=PriorityChange(20, is_relative=True))
REJECT = Step(after=2.0, decide=Fallback.REJECT)


def of(scenario: Scenario, offset: int | None) -> object:
    return None if offset is None else scenario.start + offset * MICROSECOND


def test_an_evening_worked_by_hand() -> None:
    """One person, three items of an hour each; the shift ends at 17:00, one item moves, one is rejected overnight."""
    sla = policy(HOUR, calendar=OFFICE, ladder=Ladder("overdue", (MOVE, REJECT)))
    crews = (Crew("triage", 1, OFFICE), Crew("seniors", 1, hours(13, 14)))
    arrivals = at("15:30", "15:40", "15:50")
    scenario = scene(sla=sla, crews=crews, days=2, arrivals=arrivals, handling=Handling(HOUR, 1.0))
    run, made = play(scenario)
    first, second, third = run.cases
    assert of(scenario, first.decided_at) == moment("16:30")  # at its due time, which is in time
    assert (first.breached_at, first.fallback) == (None, None)
    assert of(scenario, second.claimed_at) == moment("16:30")
    assert of(scenario, second.breached_at) == moment("16:40")
    assert of(scenario, second.decided_at) == moment("17:30")  # begun before the shift ended, and finished after it
    assert (second.pool.name, second.priority) == ("seniors", 70)
    assert of(scenario, third.breached_at) == moment("16:50")
    assert third.claimed_at is None
    # 70 minutes of two hours were left on Monday, so the ladder ends 50 minutes into Tuesday, before the senior comes.
    assert of(scenario, third.decided_at) == moment("9:50", day=1)
    assert third.fallback == "reject"
    totals = made.totals
    assert (totals.arrived, totals.decided, totals.decided_in_time, totals.breached) == (3, 3, 1, 2)
    assert totals.decided_by_fallback == {"reject": 1}
    assert totals.worst_overdue == timedelta(hours=17).total_seconds()
    assert [(step.step, step.after, step.taken, step.moved) for step in made.steps] == [
        (1, "100%", 2, 2),
        (2, "200%", 1, 0),
    ]
    by_hour = {(hour.begins, hour.pool): hour for hour in made.hours}
    late = by_hour[moment("17:00"), "triage"]
    assert (late.people, late.busy, late.utilisation, late.waiting) == (0.5, 0.5, 1.0, 0)
    assert by_hour[moment("16:00"), "seniors"].moved_in == 2
    assert by_hour[moment("16:00"), "seniors"].overdue == 2
    (found,) = made.findings
    assert (found.pool, found.more_people, found.more_from) == ("triage", 2, moment("15:00"))


def test_what_would_have_held_it_holds_and_one_less_does_not() -> None:
    sla = policy(HOUR, first_claim=None)
    crews = (Crew("triage", 1, ALWAYS),)
    scenario = scene(sla=sla, crews=crews, arrivals=Rate(per_day=400, profile=FLAT))
    run, made = play(scenario)
    (found,) = made.findings
    assert found.more_people is not None
    assert found.more_people > 1
    for people, is_held in ((found.more_people, True), (found.more_people - 1, False)):
        again = Run(scenario, draw(scenario), [Crew("triage", people, ALWAYS, found.more_from)])
        assert again.play()
        assert (sum(case.late_at is not None for case in again.cases) == 0) is is_held
    assert len(run.cases) == made.totals.arrived


@pytest.mark.parametrize(
    ("steps", "expected_end", "skipped"),
    [
        ((MOVE, REJECT), "12:00", [1, 0]),  # a step that decides is never brought forward
        ((MOVE, Step(after=1.5, priority=PriorityChange(90, is_relative=False)), REJECT), "12:00", [1, 0, 0]),
    ],
)
def test_a_dead_end_gives_way_to_the_next_step(steps: tuple[Step, ...], expected_end: str, skipped: list[int]) -> None:
    sla = policy(HOUR, ladder=Ladder("overdue", steps))
    crews = (Crew("triage", 0, ALWAYS), Crew("seniors", 0, ALWAYS))
    run, made = play(scene(sla=sla, crews=crews, arrivals=at("10:00")))
    (case,) = run.cases
    assert of(run.scenario, case.decided_at) == moment(expected_end)
    assert [step.skipped for step in made.steps] == skipped
    assert case.pool.name == "triage"
    assert case.priority == (90 if len(steps) > 2 else 50)
    assert made.findings[0].people == 0
    assert made.findings[0].more_from == MONDAY


def test_the_most_urgent_is_claimed_first_then_what_is_due_then_what_is_oldest() -> None:
    streams = tuple(Stream(pool="triage", policy="standard", priority=each, share=1.0) for each in (50,))
    seen = [
        msgspec.structs.replace(each, priority=priority)
        for each, priority in zip(at("8:00", "8:01", "8:02", "8:03"), (50, 50, 90, 10), strict=True)
    ]
    crews = (Crew("triage", 1, hours(9, 17)),)
    run, _ = play(scene(sla=policy(8 * HOUR), crews=crews, arrivals=tuple(seen), streams=streams))
    order = sorted(run.cases, key=lambda case: case.claimed_at or 0)
    assert [case.number for case in order] == [2, 0, 1, 3]


def test_two_reviews_come_from_two_people_and_both_are_awaited() -> None:
    streams = (Stream(pool="triage", policy="standard", priority=50, share=1.0, reviews=2),)
    alone, _ = play(scene(sla=policy(HOUR), crews=(Crew("triage", 1, ALWAYS),), arrivals=at("9:00"), streams=streams))
    assert alone.cases[0].decided_at is None
    assert alone.pools["triage"].waiting == 1
    both, made = play(scene(sla=policy(HOUR), crews=(Crew("triage", 2, ALWAYS),), arrivals=at("9:00"), streams=streams))
    assert of(both.scenario, both.cases[0].decided_at) == moment("9:10")
    assert made.totals.decided == 1


def test_a_step_may_ask_for_a_review_more_and_take_a_case_from_its_holder() -> None:
    more = Ladder("more", (Step(after=5 * MINUTE, reviewers=1), Step(after=8 * MINUTE, reassign=True)))
    crews = (Crew("triage", 3, ALWAYS),)
    run, made = play(scene(sla=policy(HOUR, ladder=more), crews=crews, arrivals=at("9:00")))
    # The second review begins at 9:05; at 9:08 the one held longest is taken back, and begun anew by somebody else.
    assert of(run.scenario, run.cases[0].decided_at) == moment("9:18")
    assert [(step.reviews_added, step.reassigned) for step in made.steps] == [(1, 0), (0, 1)]
    assert sum(hour.busy for hour in made.hours) == pytest.approx((8 + 10 + 10) / 60, abs=0.01)


def test_a_target_at_night_is_nobodys_fault_and_said_to_be() -> None:
    crews = (Crew("triage", 1, hours(9, 17)),)
    _, made = play(scene(sla=policy(HOUR), crews=crews, arrivals=at("3:00", "8:55", "16:00")))
    (found,) = made.findings
    assert (found.breached, found.unattended, found.more_people, found.more_from) == (1, 1, None, None)


def test_the_queue_waits_as_erlang_c_says() -> None:
    """Four people at 70 %, Poisson arrivals, exponential handling: the mean wait of an M/M/4 queue."""
    people, mean, load = 4, 2 * MINUTE, 0.7
    rate = people * load * (timedelta(days=1) / mean)
    scenario = scene(
        sla=None, crews=(Crew("triage", people, ALWAYS),), days=30, arrivals=Rate(per_day=rate, profile=FLAT)
    )
    chance = Random(7)
    arrivals = [
        msgspec.structs.replace(each, handling=(max(1, round(chance.expovariate(1 / (mean / MICROSECOND)))),))
        for each in draw(scenario)
    ]
    assert len(arrivals) == pytest.approx(30 * rate, rel=0.01)
    run = Run(scenario, arrivals)
    assert run.play()
    waits = [case.claimed_at - case.arrival.at for case in run.cases if case.claimed_at is not None]
    offered = people * load
    tail = offered**people / math.factorial(people) / (1 - load)
    erlang_c = tail / (sum(offered**k / math.factorial(k) for k in range(people)) + tail)
    theory = erlang_c * (mean / MICROSECOND) / (people * (1 - load))
    assert sum(waits) / len(waits) == pytest.approx(theory, rel=0.05)
    assert sum(wait > 0 for wait in waits) / len(waits) == pytest.approx(erlang_c, rel=0.03)


def test_what_is_drawn_has_the_shape_asked_for() -> None:
    rate = Rate(per_day=20_000, profile=tuple(float(hour == 10) + float(hour == 14) * 3 for hour in range(24)))
    scenario = scene(sla=None, crews=(Crew("triage", 1, ALWAYS),), arrivals=rate, handling=Handling(2 * MINUTE, 2.0))
    arrivals = draw(scenario)
    assert expected(scenario) == pytest.approx(20_000)
    by_hour = [sum(each.at // (HOUR // MICROSECOND) == hour for each in arrivals) for hour in range(24)]
    assert by_hour[10] == pytest.approx(5_000, rel=0.05)
    assert by_hour[14] == pytest.approx(15_000, rel=0.05)
    assert sum(by_hour) == by_hour[10] + by_hour[14]
    lengths = sorted(each.handling[0] * MICROSECOND for each in arrivals)
    assert lengths[len(lengths) // 2] / (2 * MINUTE) == pytest.approx(1, rel=0.03)
    within = sum(MINUTE <= each <= 4 * MINUTE for each in lengths) / len(lengths)
    assert within == pytest.approx(0.683, abs=0.02)


def test_other_people_meet_the_same_work() -> None:
    few, many = (
        scene(sla=policy(HOUR), crews=(Crew("triage", people, ALWAYS),), arrivals=Rate(per_day=200))
        for people in (1, 9)
    )
    assert draw(few) == draw(many)


@st.composite
def scenarios(make: st.DrawFn) -> Scenario:
    pools = ("triage", "seniors")
    calendars = st.sampled_from([ALWAYS, OFFICE, hours(9, 12), hours(13, 18)])
    crews = tuple(
        Crew(pool, make(st.integers(0, 3)), make(calendars)) for pool in pools for _ in range(make(st.integers(1, 2)))
    )
    after = st.sampled_from([0.5, 1.0, 1.5, 30 * MINUTE])
    step = st.builds(
        Step,
        after=after,
        notify=st.sampled_from([(), ("pool-leads",), ("holder",), ("pool:seniors",), ("channel:none",)]),
        move_to=st.sampled_from([None, "triage", "seniors"]),
        priority=st.sampled_from([None, PriorityChange(20, is_relative=True), PriorityChange(0, is_relative=False)]),
        reviewers=st.integers(0, 2),
        reassign=st.booleans(),
    )
    steps = tuple(make(st.lists(step, max_size=3)))
    if make(st.booleans()):
        steps = (*steps, Step(after=2.0, decide=make(st.sampled_from(Fallback))))
    sla = policy(
        make(st.sampled_from([20 * MINUTE, HOUR, 4 * HOUR])),
        calendar=make(st.sampled_from([None, OFFICE])),
        ladder=Ladder("ladder", steps),
        warn_at=(0.5,),
    )
    streams = (
        Stream(pool="triage", policy="standard", priority=50, share=3.0, reviews=make(st.integers(1, 2))),
        Stream(pool="seniors", policy=None, priority=80, share=1.0),
    )
    return scene(
        sla=sla,
        crews=crews,
        days=make(st.integers(1, 2)),
        arrivals=Rate(per_day=make(st.sampled_from([0, 10, 60, 200]))),
        streams=streams,
        handling=Handling(timedelta(minutes=make(st.integers(1, 90))), make(st.sampled_from([1.0, 2.0, 5.0]))),
        seed=make(st.integers(0, 5)),
    )


@settings(max_examples=120, deadline=None)
@given(scenarios())
def test_what_holds_of_every_run(scenario: Scenario) -> None:
    arrivals = draw(scenario)
    run = Run(scenario, arrivals)
    assert run.play()
    made = report(run, find(run, arrivals))
    totals = made.totals
    assert totals.arrived == len(arrivals) == totals.decided + totals.in_hand_at_end + totals.waiting_at_end
    assert totals.decided_in_time + totals.breached <= totals.arrived
    assert sum(hour.arrived for hour in made.hours) == totals.arrived
    assert sum(hour.decided for hour in made.hours) == totals.decided
    assert sum(hour.breached for hour in made.hours) == totals.breached
    assert sum(pool.waiting_at_end for pool in made.pools) == sum(
        seat.is_open for case in run.cases for seat in case.seats
    )
    assert sum(totals.decided_by_fallback.values()) == sum(sum(step.decided.values()) for step in made.steps)
    for hour in made.hours:
        assert 0 <= hour.busy <= hour.people + 1e-9
        assert hour.utilisation is None or 0 <= hour.utilisation <= 1
        assert min(hour.waiting, hour.overdue) >= 0
    for case in run.cases:
        _check(case.arrival, case.claimed_at, case.decided_at, case.breached_at)
        held = [seat.person for seat in case.seats if seat.person is not None]
        assert len(held) == len(set(held))
    again = Run(scenario, draw(scenario))
    again.play()
    assert report(again, find(again, arrivals)) == made


def _check(arrival: Arrival, claimed: int | None, decided: int | None, breached: int | None) -> None:
    assert claimed is None or claimed >= arrival.at
    assert decided is None or decided >= (arrival.at if claimed is None else claimed)
    if breached is not None:
        assert breached == arrival.due
        assert decided is None or decided >= breached
    assert all(one[0] <= other[0] for one, other in pairwise(arrival.marks))
