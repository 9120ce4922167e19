"""Promise 19: no rule decides what is not cleared, and two versions are told apart only where they can be."""

from functools import cache
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from review.configuration.document import parse
from review.configuration.errors import ConfigurationInvalid
from review.configuration.rules import ProjectConfig, Versions, compile_config
from review.intake.rules import prepare, routed
from review.items.schemas import Model
from review.registry.comparing import BINS, Found, Share, side_of, span_of, tell
from review.registry.rules import ALL, BEFORE, NONE, Called, Cleared, first_state, may_clear, may_revoke
from review.rehearsal.evaluating import past_of
from review.rehearsal.rules import replayed
from review.routing.conditions import compile_condition, facts_of, needs_of
from review.routing.naming import condition_for, rules_that_read_models
from review.routing.rules import Restraint

DOCUMENT = """
project: p
item_types:
  note: {input_schema: true, output_schema: true}
  payment: {input_schema: true, output_schema: true, two_person: true}
pools: {crowd: {members: [a@example.com, b@example.com]}}
models: MODELS
audit: {pool: crowd, share: 0.2}
rules:
  - {name: pinned, when: 'has(item.model.version) && item.model.version == "2"', then: {approve: true}}
  - {name: sampled, when: 'item.input.n > 2', sample: 0.5, then: {reject: true}}
  - {name: bad, when: 'item.output.bad', then: {reject: true}}
  - {name: rest, when: 'item.confidence >= 0.5', then: {approve: true}}
"""
WORDS = st.sampled_from(["m", "n", "1", "2", 'a"b', "\\", "ü\n'"])
MODELS = st.one_of(
    st.none(),
    st.builds(Model, name=WORDS, version=st.one_of(st.none(), WORDS), prompt_version=st.one_of(st.none(), WORDS)),
)
_PAYLOAD = st.dictionaries(st.sampled_from(["n", "bad"]), st.one_of(st.none(), st.booleans(), st.integers(-5, 5)))
CLEARED = st.one_of(st.just(NONE), st.builds(Cleared, st.frozensets(st.builds(Called.by, MODELS), max_size=3)))


@cache
def compiled(models: str = "{clear_new: true}") -> ProjectConfig:
    return compile_config(parse(DOCUMENT.replace("MODELS", models)), Versions(1, 1, {}))


def body(model: Model | None, **more: Any) -> dict[str, Any]:
    sent = {"type": "note", "input": {}, "output": {}, "confidence": 0.9} | more
    if model is not None:
        sent["model"] = {
            name: value for name in ("name", "version", "prompt_version") if (value := getattr(model, name))
        }
    return sent


@given(
    model=MODELS,
    cleared=CLEARED,
    more=st.fixed_dictionaries(
        {"type": st.sampled_from(["note", "payment"]), "input": _PAYLOAD, "output": _PAYLOAD},
        optional={"confidence": st.floats(0, 1)},
    ),
)
@example(model=None, cleared=NONE, more={})
@settings(max_examples=120)
def test_rules_decide_nothing_that_an_uncleared_version_made(
    model: Model | None, cleared: Cleared, more: dict[str, Any]
) -> None:
    """Promise 19: whatever the rules say, and replaying the stored item gives its route again."""
    item = routed(prepare(body(model, **more), compiled(), idempotency_key=None, cleared=cleared))
    uncleared = Called.by(model) not in cleared.versions
    if uncleared:
        assert item.route.action == "review"
        assert item.route.inclusion_probability == 1.0
        marked = [each.rule for each in item.route.evaluations if each.uncleared]
        assert len(marked) <= 1
        assert marked in ([], [item.route.rule])
    else:
        assert not any(each.uncleared for each in item.route.evaluations)
    row = {"id": item.id, "type": item.submission.type, "input": item.input, "output": item.output}
    past = past_of(row | {"details": item.details, "created_at": None, "verdict": None, "chance": None})
    restraint = Restraint(two_person=item.route.two_person, uncleared=uncleared)
    assert replayed(compiled(), past, restraint) == item.route


def test_clearing_is_asked_for_by_project_and_by_type() -> None:
    for models, note, payment in (
        ("{}", "approve", "approve"),
        ("{clear_new: false}", "approve", "approve"),
        ("{clear_new: true, types: [payment]}", "approve", "review"),
        ("{clear_new: true, types: [note]}", "review", "approve"),
        ("{clear_new: true}", "review", "review"),
    ):
        config = compile_config(parse(config_without_audit(models)))
        taken = [
            routed(prepare(body(None, type=kind), config, idempotency_key=None)).route.action
            for kind in ("note", "payment")
        ]
        assert taken == [note, payment], models


def config_without_audit(models: str) -> str:
    lines = [
        line for line in DOCUMENT.splitlines() if not line.startswith(("audit:", "  - {name: bad", "  - {name: sam"))
    ]
    return "\n".join(lines).replace("MODELS", models).replace(", two_person: true", "")


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ("true", "must be a mapping"),
        ("{clear_new: maybe}", "must be true or false"),
        ("{clear_new: true, types: [letter]}", "item type"),
        ("{clear_new: true, types: []}", "is empty"),
        ("{clear: true}", "clear_new"),
    ],
)
def test_a_models_section_that_means_nothing_is_refused(models: str, said: str) -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        compiled(models)
    assert any(said in fault.message for fault in refused.value.faults), refused.value.faults


def test_what_a_version_is_registered_as_and_what_may_be_done_to_it() -> None:
    states = ("seen", "waiting", "cleared", "revoked")
    assert first_state(is_asked=False, is_from_before=False) == "seen"
    assert first_state(is_asked=True, is_from_before=True) == "cleared"
    assert first_state(is_asked=True, is_from_before=False) == "waiting"
    assert [may_clear(each) for each in states] == [True, True, False, True]
    assert [may_revoke(each) for each in states] == [True, False, True, False]
    assert str(Called("m", "7", "p")) == "m@7, prompt p"
    assert str(Called()) == "no model named"
    assert ALL.has(None)
    assert "before" in BEFORE


@given(first=MODELS, second=MODELS)
@settings(max_examples=60)
def test_the_condition_to_copy_holds_for_the_version_it_names_and_fails_on_nothing(
    first: Model | None, second: Model | None
) -> None:
    called = Called.by(first)
    condition = compile_condition(condition_for(*called))
    facts = facts_of(body(second), needs_of([condition]))
    other = Called.by(second)
    says_as_much = other.name == called.name and all(
        not wanted or wanted == has for wanted, has in zip(called[1:], other[1:], strict=True)
    )
    assert condition.holds(facts) == (says_as_much if called.name else not other.name)


def test_rules_that_name_a_version_are_told_from_those_that_read_the_model() -> None:
    found = rules_that_read_models(compiled().ruleset.rules, Called("m", "2", ""))
    assert [(each.rule, each.is_named) for each in found] == [("pinned", True)]
    assert [each.is_named for each in rules_that_read_models(compiled().ruleset.rules, Called("m", "3", ""))] == [False]


def test_shares_are_told_apart_only_where_their_intervals_are() -> None:
    few, low, high = Share.seen(1, 19), Share.seen(2, 200), Share.seen(40, 200)
    assert (tell(high, low), tell(low, high)) == ("higher", "lower")
    assert tell(low, Share.seen(5, 200)) == "overlap"
    assert tell(few, high) == tell(high, few) == "too_few"
    assert Share.seen(0, 0) == Share(0, 0, None, 0.0, 1.0)


@given(st.integers(20, 300), st.integers(20, 300), st.data())
@settings(max_examples=60)
def test_telling_is_the_same_from_either_side(first: int, second: int, data: st.DataObject) -> None:
    one = Share.seen(data.draw(st.integers(0, first)), first)
    other = Share.seen(data.draw(st.integers(0, second)), second)
    turned = {"higher": "lower", "lower": "higher"}
    assert tell(one, other) == turned.get(tell(other, one), tell(other, one))


def test_a_side_is_put_together_from_its_own_figures() -> None:
    rows = [
        ("action", "approve", 30.0),
        ("action", "review", 10.0),
        ("judged", "approve", 6.0),
        ("judged", "reject", 1.0),
    ]
    rows += [
        ("judged", "correct", 2.0),
        ("by_rule", "stands", 29.0),
        ("by_rule", "overridden", 1.0),
        ("day", "2026-11-02", 40.0),
    ]
    rows += [
        ("confidence", "9", 39.0),
        ("confidence", "", 1.0),
        ("reason", "b", 1.0),
        ("reason", "a", 1.0),
        ("reason", "c", 2.0),
    ]
    found = [Found(what, 1, key, value, 0) for what, key, value in rows] + [Found("action", 2, "approve", 5.0, 0)]
    found += [
        Found("latency", 1, "0.5", 800.0, 7),
        Found("latency", 1, "0.95", 900.0, 7),
        Found("cost", 1, "USD", 3.0, 6),
    ]
    span = span_of("2026-11-03", 2)
    side = side_of(found, 1, span, 2)
    assert (side.items, side.let_through.count, side.changed.count, side.changed.of) == (40, 30, 3, 9)
    assert (side.overridden.count, side.overridden.of, side.without_confidence) == (1, 30, 1)
    assert [(each.reason, each.count) for each in side.reasons] == [("c", 2), ("a", 1)]
    assert [(each.day, each.items) for each in side.days] == [("2026-11-01", 0), ("2026-11-02", 40), ("2026-11-03", 0)]
    assert side.latency is not None
    assert (side.latency.median_ms, side.costs[0].mean, side.confidence) == (800.0, 0.5, [0] * (BINS - 1) + [39])
    empty = side_of(found, 2, span, 2)
    assert (empty.items, empty.latency, empty.costs, empty.changed.rate) == (5, None, [], None)
