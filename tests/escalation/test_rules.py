"""What a step comes to: whom it reaches, what it changes, and when it is a dead end."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.escalation.rules import Case, Reach, changed, due_marks, following, plan_step, told_after, untaken
from review.queueing.rules import AssignmentState, Seat
from review.sla.ladders import Fallback, Ladder, PriorityChange, Step
from review.sla.rules import Mark

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ANA = UUID(int=9)
CASE = Case(
    project_id=UUID(int=1),
    id=UUID(int=2),
    item_id=UUID(int=3),
    pool="triage",
    priority=50,
    reviews_required=1,
    level=0,
    sla_policy="standard",
    version=1,
    active_version=1,
    passed=frozenset(),
    acknowledged_by=None,
)
REACH = Reach(
    has_leads=True,
    pools=frozenset({"triage", "seniors"}),
    disabled_channels=frozenset({"pager"}),
    people=frozenset({"lea@example.com"}),
    workers=4,
    free=3,
    holders={ANA: "ana@example.com"},
)
KNOWN = {"triage", "seniors", "channel:ops", "channel:pager"}


def seat(at: int = 0, state: AssignmentState = AssignmentState.OPEN, kind: str = "review") -> Seat:
    held = state is AssignmentState.HELD
    return Seat(
        id=UUID(int=20 + at),
        case_id=CASE.id,
        item_id=CASE.item_id,
        kind=kind,
        pool="triage",
        priority=50,
        state=state,
        holder_id=ANA if held else None,
        fence=1,
        claimed_at=NOW - timedelta(minutes=at) if held else None,
        lease_until=NOW if held else None,
        at=NOW,
    )


HELD = AssignmentState.HELD


def plan(step: Step, *seats: Seat, case: dict[str, Any] | None = None, **reach: Any) -> Any:
    stood = msgspec.structs.replace(CASE, **(case or {}))
    reached = msgspec.structs.replace(REACH, **reach)
    return plan_step(step, stood, seats or (seat(),), reached, KNOWN)


@pytest.mark.parametrize(
    ("step", "reach", "why"),
    [
        ({"notify": ("pool-leads",)}, {"has_leads": False}, "notify pool-leads: the project has no lead"),
        ({"notify": ("pool:empty",)}, {}, "notify pool:empty: pool empty has nobody in it"),
        ({"page": ("holder",)}, {}, "page holder: nobody holds it"),
        ({"notify": ("channel:pager",)}, {}, "notify channel:pager: channel pager is disabled"),
        ({"notify": ("channel:gone",)}, {}, "notify channel:gone: there is no channel gone"),
        ({"page": ("gone@example.com",)}, {}, "page gone@example.com: nobody in the project has this address"),
        ({"move_to": "gone"}, {}, "move it to gone: there is no such pool any more"),
        (
            {"move_to": "seniors"},
            {"workers": 0, "free": 0},
            "move it to seniors: the pool has nobody in it, and the project has no lead",
        ),
        ({"move_to": "seniors"}, {"free": 0}, "move it to seniors: everybody there has had part in it"),
        ({"reviewers": 1}, {"free": 1}, "ask for 1 review more: there is nobody to give it"),
    ],
)
def test_a_step_that_reaches_nobody_is_a_dead_end_and_says_why(
    step: dict[str, Any], reach: dict[str, Any], why: str
) -> None:
    planned = plan(Step(after=1.0, **step), **reach)
    assert planned.is_dead_end
    assert planned.dead == [why]


def test_nobody_else_to_reassign_to_is_a_dead_end() -> None:
    planned = plan(Step(after=1.0, reassign=True), seat(state=HELD), free=0)
    assert planned.is_dead_end
    assert planned.dead == ["take it from ana@example.com: nobody else could"]
    assert planned.reassigned == ()


def test_one_action_that_reaches_somebody_is_enough() -> None:
    planned = plan(Step(after=1.0, notify=("channel:pager", "lea@example.com"), move_to="gone"))
    assert not planned.is_dead_end
    assert (planned.notify, planned.pool) == (("lea@example.com",), None)
    assert planned.told == [
        "notified lea@example.com",
        "could not: notify channel:pager: channel pager is disabled",
        "could not: move it to gone: there is no such pool any more",
    ]


def test_a_priority_alone_is_never_a_dead_end_and_does_not_save_one() -> None:
    up = PriorityChange(20, is_relative=True)
    assert not plan(Step(after=1.0, priority=up), has_leads=False, workers=0, free=0).is_dead_end
    assert plan(Step(after=1.0, priority=up, move_to="gone")).is_dead_end


@pytest.mark.parametrize("fallback", list(Fallback))
def test_a_decision_needs_nobody(fallback: Fallback) -> None:
    planned = plan(Step(after=1.0, notify=("pool:empty",), decide=fallback))
    assert not planned.is_dead_end
    assert planned.decide is fallback


def test_only_as_many_reviews_are_asked_for_as_there_are_people_and_never_more_than_nine() -> None:
    assert plan(Step(after=1.0, reviewers=3), free=3).seats_added == 2
    many = plan(Step(after=1.0, reviewers=3), case={"reviews_required": 8}, free=30)
    assert many.seats_added == 1
    full = plan(Step(after=1.0, reviewers=1), case={"reviews_required": 9}, free=30)
    assert full.seats_added == 0
    assert not full.is_dead_end


def test_a_case_that_somebody_settles_gets_no_further_reviewers() -> None:
    planned = plan(Step(after=1.0, reviewers=1), seat(kind="adjudication"))
    assert planned.seats_added == 0
    assert not planned.is_dead_end


def test_the_longest_held_seat_is_taken_back_first_and_one_person_cannot_take_two() -> None:
    planned = plan(Step(after=1.0, reassign=True, reviewers=1), seat(1, HELD), seat(2, HELD), free=1)
    assert [each.id for each in planned.reassigned] == [UUID(int=22)]
    assert planned.seats_added == 0


def test_nothing_held_is_nothing_to_take_back() -> None:
    planned = plan(Step(after=1.0, reassign=True))
    assert planned.told == ["took it from nobody, for nobody held it"]
    assert not planned.is_dead_end


def test_where_all_is_so_already_it_says_so() -> None:
    absolute = PriorityChange(50, is_relative=False)
    planned = plan(Step(after=1.0, priority=absolute))
    assert planned.told == ["changed nothing, for all of it was so already"]
    assert plan(Step(after=1.0, move_to="triage")).told == ["left it in triage, where it was already"]


def test_who_has_acknowledged_is_not_told_again_but_what_changes_is() -> None:
    known = {"acknowledged_by": "lea@example.com"}
    silent = plan(Step(after=1.0, notify=("pool-leads",), page=("lea@example.com",)), case=known)
    assert (silent.notify, silent.page, silent.is_dead_end) == ((), (), False)
    assert silent.told == [
        "did not notify pool-leads again: lea@example.com has acknowledged it",
        "did not page lea@example.com again: lea@example.com has acknowledged it",
    ]
    moving = plan(Step(after=1.0, notify=("pool:seniors",), page=("pool-leads",), move_to="seniors"), case=known)
    assert (moving.notify, moving.page, moving.pool) == (("pool:seniors",), (), "seniors")


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [((20, True), 50, 70), ((20, True), 90, 100), ((-80, True), 50, 0), ((30, False), 50, 30), ((0, False), 50, 0)],
)
def test_a_priority_stays_within_bounds(change: tuple[int, bool], before: int, after: int) -> None:
    amount, is_relative = change
    assert changed(before, PriorityChange(amount, is_relative=is_relative)) == after


@pytest.mark.parametrize(
    ("after", "told"),
    [(0.8, "80%"), (1.255, "125.5%"), (timedelta(hours=2, minutes=30), "2h30m"), (timedelta(days=1), "1d")],
)
def test_a_step_says_when_it_is_taken(after: float | timedelta, told: str) -> None:
    assert told_after(Step(after=after)) == told


def test_a_dead_end_goes_on_to_the_next_step_but_never_past_a_decision() -> None:
    plain, last = Step(after=0.5, notify=("pool-leads",)), Step(after=1.5, decide=Fallback.REJECT)
    steps = Ladder("night", (plain, plain, plain, last, plain))
    assert list(following(steps, 0, ())) == [0, 1, 2]
    assert list(following(steps, 0, ("step:1",))) == [0, 2]
    assert list(following(steps, 2, ())) == [2]
    assert list(following(steps, 3, ())) == [3, 4]
    assert untaken(steps, ("step:1",)) == [0, 2, 4]


@given(
    ats=st.lists(st.integers(-50, 50), min_size=1, max_size=8),
    passed=st.sets(st.integers(0, 7)),
)
def test_marks_come_once_in_order_and_the_next_is_never_past(ats: list[int], passed: set[int]) -> None:
    marks = tuple(Mark(f"step:{at}", NOW + timedelta(minutes=minute)) for at, minute in enumerate(sorted(ats)))
    before = {f"step:{at}" for at in passed}
    come, next_at = due_marks(marks, before, NOW)
    assert [mark.key for mark in come] == [mark.key for mark in marks if mark.at <= NOW and mark.key not in before]
    assert next_at is None or next_at > NOW
    later = [mark.at for mark in marks if mark.at > NOW and mark.key not in before]
    assert next_at == (later[0] if later else None)
