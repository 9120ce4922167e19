"""What an act comes to for an item, whatever stands around it."""

from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.bulk.rules import SENTENCES, Facts, Ground, SeatFacts, Why, choices_of, fate_of, faults_of
from review.bulk.schemas import Asked, Kind
from review.decisions.rules import Verdict
from tests.bulk.acts import FREED, LABELLED, MOVED, RAISED, REJECTED

POOLS = ("triage", "seniors", "far")


def possible(seat: SeatFacts) -> SeatFacts:
    """Nobody keeps what is not held."""
    return msgspec.structs.replace(seat, is_mine=seat.is_held and seat.is_mine, is_aside=seat.is_held and seat.is_aside)


seats = st.builds(
    SeatFacts,
    id=st.uuids(),
    kind=st.sampled_from(["review", "review", "adjudication", "lead"]),
    pool=st.sampled_from(POOLS),
    is_held=st.booleans(),
    is_mine=st.booleans(),
    is_aside=st.booleans(),
    is_barred=st.booleans(),
).map(
    lambda seat: msgspec.structs.replace(
        seat, is_mine=seat.is_mine and seat.is_held, is_aside=seat.is_aside and seat.is_held
    )
)
facts = st.builds(
    Facts,
    item_id=st.uuids(),
    state=st.sampled_from([None, "open", "open", "open", "decided", "withdrawn"]),
    type=st.just("t"),
    type_version=st.integers(1, 2),
    pool=st.sampled_from(POOLS),
    priority=st.sampled_from([50, 90]),
    is_by_several=st.booleans(),
    takes_two=st.booleans(),
    part=st.sampled_from([None, None, "holding", "skipped", "reviewed", "conflict"]),
    output=st.sampled_from([{"label": "refund"}, {"label": "lost_card"}]),
    seats=st.lists(seats, max_size=3).map(tuple),
)
grounds = st.builds(
    Ground,
    may_act=st.sampled_from([True, True, True, False]),
    sees_all=st.booleans(),
    pools=st.frozensets(st.sampled_from(POOLS)),
    verdicts=st.just({"triage": ("approve", "reject", "correct"), "seniors": ("reject",), "far": ()}),
    unfit=st.sampled_from([{}, {("t", 2): Why.OTHER_TYPE}]),
)
acts = st.sampled_from([REJECTED, LABELLED, MOVED, RAISED, FREED])


@given(acts, facts, grounds)
def test_nothing_is_done_to_what_is_closed_unknown_or_out_of_reach(asked: Asked, item: Facts, ground: Ground) -> None:
    fate = fate_of(asked, item, ground)
    if not fate.is_done:
        assert fate.why in SENTENCES
        assert fate.seat is None
        return
    assert ground.may_act
    assert item.state == "open"
    assert item.seats, "every act goes by the seats, which are what is locked"
    assert ground.sees_all or {item.pool, *(seat.pool for seat in item.seats)} & ground.pools


@given(st.sampled_from([REJECTED, LABELLED]), facts, grounds)
def test_whoever_judges_in_bulk_could_have_claimed_it_and_decides_alone(
    asked: Asked, item: Facts, ground: Ground
) -> None:
    """Blind review, conflicts of interest, consensus and a pool's limits hold as by hand."""
    fate = fate_of(asked, item, ground)
    if not fate.is_done:
        return
    seat = fate.seat
    assert seat is not None
    assert seat.kind == "review"
    assert not seat.is_barred
    assert (seat.is_mine and not seat.is_aside) or (not seat.is_held and seat.pool in ground.pools)
    assert item.part in {None, "holding"}
    assert not item.takes_two
    assert not item.is_by_several
    assert asked.verdict in ground.verdicts[seat.pool]
    assert (item.type, item.type_version) not in ground.unfit
    assert asked.verdict is not Verdict.CORRECT or item.output != asked.output


@given(facts, grounds)
def test_what_is_in_hand_is_not_moved_and_what_is_free_not_given_back(item: Facts, ground: Ground) -> None:
    held = [seat for seat in item.seats if seat.is_held]
    if fate_of(MOVED, item, ground).is_done:
        assert not [seat for seat in held if seat.kind == "review"]
        assert "seniors" in ground.pools
        assert item.pool != "seniors"
    if fate_of(FREED, item, ground).is_done:
        assert held
    if fate_of(RAISED, item, ground).is_done:
        assert item.priority != 90


@given(acts, facts, grounds, facts)
def test_who_cannot_reach_an_item_learns_nothing_of_it(asked: Asked, item: Facts, ground: Ground, other: Facts) -> None:
    """Promise 26: what is not there and what is elsewhere look alike."""
    bound = msgspec.structs.replace(ground, sees_all=False, pools=frozenset())
    assert fate_of(asked, item, bound) == fate_of(asked, other, bound)


def test_every_reason_has_its_sentence() -> None:
    assert set(SENTENCES) == set(Why)


@pytest.mark.parametrize(
    ("asked", "paths"),
    [
        (REJECTED, []),
        (LABELLED, []),
        (MOVED, []),
        (RAISED, []),
        (FREED, []),
        (Asked(act=Kind.DECIDE, verdict=Verdict.REJECT, reason="  "), ["reason"]),
        (Asked(act=Kind.DECIDE, verdict=Verdict.REJECT, reason="see @ben"), ["reason"]),
        (Asked(act=Kind.DECIDE, verdict=Verdict.CORRECT, reason="x"), ["output"]),
        (Asked(act=Kind.DECIDE, verdict=Verdict.APPROVE, output=None, reason="x"), ["output"]),
        (Asked(act=Kind.DECIDE, reason="x"), ["verdict"]),
        (Asked(act=Kind.MOVE, reason="x"), ["pool"]),
        (Asked(act=Kind.PRIORITISE, reason="x"), ["priority"]),
        (Asked(act=Kind.GIVE_BACK, reason="x", priority=0, verdict=Verdict.REJECT), ["verdict", "priority"]),
    ],
)
def test_what_cannot_be_asked_for_is_named(asked: Asked, paths: list[str]) -> None:
    assert [each.path for each in faults_of(asked)] == paths


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"enum": ["a", 1]}, {"a": "a", "1": 1}),
        ({"type": "object", "properties": {"label": {"enum": ["a"]}}}, {"a": {"label": "a"}}),
        ({"type": "object", "properties": {"label": {"enum": ["a"]}, "more": {}}}, {}),
        ({"enum": [True, None, {"a": 1}]}, {}),
        ({"enum": list(range(51))}, {}),
        ({"type": "string"}, {}),
        (True, {}),
    ],
)
def test_what_can_be_chosen_in_a_word_is_found_in_the_schema(schema: object, words: dict[str, Any]) -> None:
    assert choices_of(schema) == words


def test_one_of_several_open_seats_is_the_reviewers() -> None:
    """A lead's own claim on an adjudication is not what a bulk judgement is given at."""
    first, second = (
        SeatFacts(id=UUID(int=at), kind=kind, pool="triage", is_held=False)
        for at, kind in enumerate(("adjudication", "review"))
    )
    item = Facts(item_id=UUID(int=9), state="open", pool="triage", seats=(first, second))
    ground = Ground(may_act=True, sees_all=True, pools=frozenset(POOLS), verdicts={"triage": ("reject",)})
    assert fate_of(REJECTED, item, ground).seat == second
    alone = msgspec.structs.replace(item, seats=(first,))
    assert fate_of(REJECTED, alone, ground).why is Why.SETTLES
