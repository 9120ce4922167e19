"""Routing: the first match wins, failure means a person, and the chance of a person is exact."""

from collections import Counter
from fractions import Fraction
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.kernel.ids import new_id
from review.routing.conditions import compile_condition
from review.routing.rules import Evaluation, Rule, RuleSet, is_sampled, route

ITEM: dict[str, Any] = {"type": "t", "confidence": 0.9, "input": {"amount": 5}, "output": {}, "tags": ["vip"]}
HOLDS = {True: "item.confidence > 0.5", False: "item.confidence > 0.95", None: "item.metadata.gone == 1"}


def rule(name: str, when: str, action: Any = "review", **more: Any) -> Rule:
    given: dict[str, Any] = {"pool": "triage" if action == "review" else None} | more
    return Rule(name=name, condition=compile_condition(when), action=action, **given)


def rule_set(*rules: Rule) -> RuleSet:
    return RuleSet.of(7, rules)


def test_the_first_match_wins_and_says_all_about_it() -> None:
    rules = rule_set(
        rule("no", "item.confidence < 0.5"),
        rule("vip", "'vip' in item.tags", priority=80, reviews_required=3, adjudicate_pool="boss", sla_policy="fast"),
        rule("rest", "true", "approve"),
    )
    taken = route(rules, ITEM, new_id(), "default")
    assert (taken.action, taken.rule, taken.pool, taken.priority) == ("review", "vip", "triage", 80)
    assert (taken.reviews_required, taken.adjudicate_pool, taken.sla_policy) == (3, "boss", "fast")
    assert (taken.ruleset_version, taken.inclusion_probability, taken.error) == (7, 1.0, None)
    assert taken.evaluations == (Evaluation("no", matched=False), Evaluation("vip", matched=True))


@pytest.mark.parametrize("action", ["approve", "reject"])
def test_a_verdict_by_rule_needs_no_pool(action: str) -> None:
    taken = route(rule_set(rule("rest", "true", action)), ITEM, new_id(), "default")
    assert (taken.action, taken.rule, taken.pool, taken.inclusion_probability) == (action, "rest", None, 0.0)


def test_nothing_matched_means_a_person() -> None:
    taken = route(rule_set(rule("no", "item.confidence < 0.5", "approve")), ITEM, new_id(), "default")
    assert (taken.action, taken.rule, taken.pool, taken.priority) == ("review", None, "default", 50)
    assert (taken.inclusion_probability, taken.error) == (1.0, None)
    assert route(rule_set(), ITEM, new_id(), "default").pool == "default"


@pytest.mark.parametrize("when", ["item.metadata.gone == 1", "item.input", "item.confidence < 0.8"])
def test_what_cannot_be_evaluated_goes_to_a_person_and_never_further(when: str) -> None:
    rules = rule_set(rule("broken", when, "approve"), rule("rest", "true", "approve"))
    taken = route(rules, ITEM | {"confidence": None}, new_id(), "default")
    assert (taken.action, taken.rule, taken.pool) == ("review", None, "default")
    assert taken.error is not None
    assert taken.error.startswith("rule broken: ")
    assert taken.inclusion_probability == 1.0
    assert [(each.rule, each.matched, bool(each.error)) for each in taken.evaluations] == [("broken", False, True)]


SETS = st.lists(
    st.tuples(
        st.sampled_from([True, False, None]),
        st.sampled_from(["review", "approve", "reject"]),
        st.sampled_from([1.0, 0.5, 0.25, 0.02, 0.999]),
    ),
    max_size=6,
)


@given(SETS, st.uuids())
def test_the_chance_of_a_person_is_what_enumerating_every_sample_gives(drawn: list[Any], item_id: UUID) -> None:
    rules = rule_set(
        *(rule(f"r{at}", HOLDS[holds], action, sample=share) for at, (holds, action, share) in enumerate(drawn))
    )
    expected = Fraction(0)
    for sampled in product([True, False], repeat=len(drawn)):
        weight = Fraction(1)
        for took, (_, _, share) in zip(sampled, drawn, strict=True):
            weight *= Fraction(share) if took else 1 - Fraction(share)
        expected += weight * (_outcome(drawn, sampled) == "review")
    taken = route(rules, ITEM, item_id, "default")
    assert taken.inclusion_probability == pytest.approx(float(expected), abs=1e-12)
    assert 0.0 <= taken.inclusion_probability <= 1.0
    assert taken.action == _outcome(drawn, [is_sampled(each, item_id) for each in rules.rules])
    if taken.action == "review":
        assert taken.inclusion_probability > 0


def _outcome(drawn: list[Any], sampled: Any) -> str:
    """Say what becomes of an item, by the definition and nothing else."""
    for (holds, action, _), took in zip(drawn, sampled, strict=True):
        if holds is None:
            return "review"
        if holds and took:
            return str(action)
    return "review"


@given(SETS, st.uuids())
def test_the_same_item_always_goes_the_same_way(drawn: list[Any], item_id: UUID) -> None:
    rules = [rule(f"r{at}", HOLDS[holds], action, sample=share) for at, (holds, action, share) in enumerate(drawn)]
    assert route(rule_set(*rules), ITEM, item_id, "d") == route(rule_set(*rules), dict(ITEM), UUID(str(item_id)), "d")


def test_a_sample_that_passes_an_item_by_is_told() -> None:
    rules = rule_set(rule("audit", "true", sample=1e-12), rule("rest", "true", "approve"))
    taken = route(rules, ITEM, UUID(int=1), "default")
    assert taken.action == "approve"
    assert taken.evaluations[0] == Evaluation("audit", matched=False, sampled_out=True)
    assert taken.inclusion_probability == pytest.approx(1e-12)


def test_samples_have_their_size_and_two_rules_are_independent() -> None:
    first, second = rule("first", "true", sample=0.5), rule("second", "true", sample=0.5)
    ids = [UUID(int=number) for number in range(4_000)]
    seen = Counter((is_sampled(first, each), is_sampled(second, each)) for each in ids)
    assert len(seen) == 4
    # The ids are fixed and the hash is too, so these counts never vary; 1,000 each is expected, sigma is 27.
    assert all(900 < count < 1_100 for count in seen.values())
