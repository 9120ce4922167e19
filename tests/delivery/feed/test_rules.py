"""The order events are told in, and what is shown as of one."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.delivery.feed import rules
from review.delivery.feed.rules import Fact
from review.items.schemas import DecisionView, ItemView, SlaView
from review.kernel.events import EventKind

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ITEM, OTHER = UUID(int=1), UUID(int=2)


def fact(kind: EventKind, minutes: float = 0, item_id: UUID | None = ITEM, **payload: Any) -> Fact:
    at = NOON + timedelta(minutes=minutes)
    return Fact(id=uuid4(), kind=kind.value, item_id=item_id, payload=payload, created_at=at)


def decision(revision: int, minutes: float = 0) -> DecisionView:
    at = NOON + timedelta(minutes=minutes)
    return DecisionView("approve", msgspec.Raw(b"{}"), "review", msgspec.Raw(b"[]"), "", at, "ana", 1, revision, None)


def item(**fields: Any) -> ItemView:
    sla = SlaView("standard", NOON + timedelta(hours=1), "on_track")
    known: dict[str, Any] = {
        "id": ITEM, "status": "queued", "type": "t", "type_version": 1, "external_id": None, "created_at": NOON,
        "url": "", "route": msgspec.Raw(b"{}"), "sla": sla, "escalation_level": 0, "decision": None,
    }  # fmt: skip  # one line each
    return ItemView(**(known | fields))


KINDS = st.sampled_from([EventKind.QUEUED, EventKind.CLAIMED, EventKind.DECIDED, EventKind.DECISION_REVISED])
FACTS = st.lists(
    st.builds(
        lambda kind, minutes, item_id, revision: fact(kind, minutes, item_id, revision=revision),
        KINDS, st.integers(0, 5), st.sampled_from([ITEM, OTHER, None]), st.integers(1, 9),
    ),
    max_size=12,
)  # fmt: skip  # one line each


@given(FACTS)
def test_order_loses_nothing_and_never_tells_a_revision_before_an_earlier_one(facts: list[Fact]) -> None:
    told = rules.in_order(facts)
    assert sorted(each.id for each in told) == sorted(each.id for each in facts)
    for item_id in (ITEM, OTHER):
        mine = [each for each in told if each.item_id == item_id]
        revisions = [revision for each in mine if (revision := rules.revision_of(each)) is not None]
        assert revisions == sorted(revisions)
        queued = [at for at, each in enumerate(mine) if each.kind == EventKind.QUEUED]
        assert queued == list(range(len(queued)))
    assert rules.in_order(told[::-1]) == told or len({(each.created_at, each.id) for each in facts}) < len(facts)


def test_a_revision_whose_transaction_began_first_is_told_behind_what_it_replaces() -> None:
    revised = fact(EventKind.DECISION_REVISED, 0, revision=2)
    decided = fact(EventKind.DECIDED, 1, revision=1)
    assert rules.in_order([revised, decided]) == [decided, revised]


@pytest.mark.parametrize(
    ("kind", "status"),
    [("item.queued", "queued"), ("item.claimed", "in_review"), ("item.withdrawn", "withdrawn")],
)
def test_what_happens_to_open_items_shows_no_decision(kind: str, status: str) -> None:
    decided = item(status="decided", decision=decision(1), escalation_level=3)
    shown = rules.as_of(fact(EventKind(kind)), decided, [decision(1)], 0)
    assert (shown.status, shown.decision, shown.escalation_level) == (status, None, 0)


@pytest.mark.parametrize(
    ("kind", "now", "then"),
    [
        ("item.queued", "breached", "on_track"),
        ("item.sla_warning", "breached", "warning"),
        ("item.paused", "on_track", "paused"),
        ("item.resumed", "paused", "on_track"),
        ("item.escalated", "missed", "on_track"),
        ("item.escalated", "warning", "warning"),
    ],
)
def test_the_clock_is_shown_as_it_was(kind: str, now: str, then: str) -> None:
    later = item(sla=SlaView("standard", NOON + timedelta(hours=1), now))
    shown = rules.as_of(fact(EventKind(kind)), later, [], 0)
    assert shown.sla is not None
    assert shown.sla.state == then


@pytest.mark.parametrize(("minutes", "state"), [(60, "met"), (61, "missed")])
def test_a_decision_meets_its_time_or_misses_it(minutes: int, state: str) -> None:
    shown = rules.as_of(fact(EventKind.DECIDED, revision=1), item(), [decision(1, minutes)], 0)
    assert shown.sla is not None
    assert (shown.sla.state, shown.status) == (state, "decided")


def test_a_mention_shows_the_decision_that_counted_then() -> None:
    revisions = [decision(1, 1), decision(2, 3)]
    decided = item(status="decided", decision=revisions[1])
    shown = [rules.as_of(fact(EventKind.MENTIONED, at), decided, revisions, 0) for at in (0, 2, 4)]
    assert [each.decision and each.decision.revision for each in shown] == [None, 1, 2]
    assert [each.status for each in shown] == ["queued", "decided", "decided"]


def test_a_decision_that_is_not_there_is_a_fault() -> None:
    with pytest.raises(LookupError):
        rules.as_of(fact(EventKind.DECIDED, revision=2), item(), [decision(1)], 0)


def test_levels_count_back_from_now() -> None:
    facts = [
        fact(EventKind.QUEUED), fact(EventKind.ESCALATED, level=1), fact(EventKind.CLAIMED),
        fact(EventKind.ESCALATED, item_id=OTHER, level=1), fact(EventKind.ESCALATED, level=2), fact(EventKind.CLAIMED),
    ]  # fmt: skip  # one line each
    assert rules.levels_at(facts, {ITEM: item(escalation_level=2)}) == [0, 1, 1, 1, 2, 2]


def test_what_is_brought_back_shows_the_decision_of_the_rule_that_counts_on() -> None:
    by_rule, revised = msgspec.structs.replace(decision(1, 1), source="rule"), decision(2, 5)
    now = item(status="decided", decision=revised, sla=None)
    told = [rules.as_of(fact(kind, 3), now, [by_rule, revised], 0) for kind in (EventKind.REOPENED, EventKind.CLAIMED)]
    assert [(each.status, each.decision and each.decision.revision) for each in told] == [
        ("queued", 1),
        ("in_review", 1),
    ]
    said = rules.as_of(fact(EventKind.ESCALATED, 3, level=1), now, [by_rule, revised], 0)
    assert said.status == "queued"
