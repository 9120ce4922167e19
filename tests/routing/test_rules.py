"""Routing: the first match wins, failure means a person, and the chance of a person is exact."""

from collections import Counter
from fractions import Fraction
from itertools import product
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from review.kernel.ids import new_id
from review.routing.conditions import compile_condition
from review.routing.rules import Evaluation, Restraint, Rule, RuleSet, is_sampled, route
from review.routing.sampling import Active, Audit, AuditPlan, Stratum, is_drawn

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


AUDITED = AuditPlan(
    pool="audit",
    share=0.02,
    at_least=0.01,
    strata=(Stratum(share=0.5, low=0.95), Stratum(share=0.25, rule="r1")),
    active=Active(near=0.9, uncertainty=0.1, signals={"odd": 0.5}),
)


@given(SETS, st.uuids(), st.sampled_from([0.0, 0.3, 1.0]))
def test_with_an_audit_the_chance_of_a_person_is_still_what_enumeration_gives(
    drawn: list[Any], item_id: UUID, odd: float
) -> None:
    """Issue 6, point 5: the chances are exact, and what is audited keeps the outcome it would have had."""
    item = ITEM | {"signals": {"odd": odd}}
    named = [rule(f"r{at}", HOLDS[holds], action, sample=share) for at, (holds, action, share) in enumerate(drawn)]
    rules = RuleSet.of(7, tuple(named), audit=AUDITED)
    expected = Fraction(0)
    for sampled in product([True, False], repeat=len(drawn)):
        weight = Fraction(1)
        for took, (_, _, share) in zip(sampled, drawn, strict=True):
            weight *= Fraction(share) if took else 1 - Fraction(share)
        decided = next((at for at, took in enumerate(sampled) if drawn[at][0] is None or (drawn[at][0] and took)), None)
        outcome = _outcome(drawn, sampled)
        audited = Fraction(AUDITED.share_of(item, f"r{decided}") or 0)
        expected += weight * (1 if outcome == "review" else audited if outcome == "approve" else 0)
    taken = route(rules, item, item_id, "default")
    assert taken.inclusion_probability == pytest.approx(float(expected), abs=1e-12)
    bare = route(rule_set(*named), item, item_id, "default")
    assert taken == route(rules, dict(item), UUID(str(item_id)), "default")
    if bare.action != "approve":
        assert taken.audit is msgspec.UNSET
        assert taken.action == bare.action
        return
    assert isinstance(taken.audit, Audit)
    assert (taken.audit.outcome, taken.rule) == ("approve", bare.rule)
    assert taken.audit.share == pytest.approx(min(1.0, (0.25 if taken.rule == "r1" else 0.02) + 0.1 + 0.5 * odd))
    assert taken.audit.drawn == is_drawn(item_id, bare.rule or "", taken.audit.share)
    assert (taken.action, taken.pool) == (("review", "audit") if taken.audit.drawn else ("approve", None))


CONFIDENCES = st.none() | st.floats(0, 1)


@given(CONFIDENCES, st.lists(st.floats(0, 1), max_size=3), st.floats(0, 1))
def test_whatever_raises_a_share_it_stays_between_the_floor_and_certainty(
    confidence: float | None, others: list[float], odd: float
) -> None:
    plan = msgspec.structs.replace(AUDITED, active=Active(uncertainty=0.4, disagreement=0.9, signals={"odd": 0.5}))
    item = ITEM | {
        "confidence": confidence,
        "alternatives": [{"output": {}, "confidence": each} for each in others],
        "signals": {"odd": odd},
    }
    share = plan.share_of(item, "rest")
    assert share is not None
    assert plan.at_least <= share <= 1.0


def test_the_audit_draws_its_share() -> None:
    plan = AuditPlan(pool="audit", share=0.1, at_least=0.1)
    rules = RuleSet.of(1, (rule("rest", "true", "approve"),), audit=plan)
    drawn = sum(route(rules, ITEM, UUID(int=at), "d").action == "review" for at in range(5_000))
    assert 400 < drawn < 600


def test_what_is_stopped_or_takes_two_is_no_audit_sample() -> None:
    plan = AuditPlan(pool="audit", share=1.0, at_least=1.0)
    rules = RuleSet.of(1, (rule("rest", "true", "approve"),), audit=plan)
    for restraint in (Restraint(stopped=True), Restraint(two_person=True)):
        taken = route(rules, ITEM, new_id(), "default", restraint)
        assert (taken.action, taken.pool, taken.audit) == ("review", "default", msgspec.UNSET)
    other = RuleSet.of(1, rules.rules, audit=msgspec.structs.replace(plan, types=("another",)))
    assert route(other, ITEM, new_id(), "default").action == "approve"


RESTRAINTS = st.builds(
    Restraint,
    stopped=st.booleans(),
    two_person=st.booleans(),
    stopped_wholly=st.booleans(),
    rules=st.sampled_from([frozenset[str](), frozenset({"r0"})]),
    held=st.booleans(),
    rules_held=st.sampled_from([frozenset[str](), frozenset({"r0"})]),
    falling=st.booleans(),
    rules_falling=st.sampled_from([frozenset[str](), frozenset({"r0"})]),
    fallback=st.sampled_from([None, "approve", "reject"]),
)


@given(SETS, st.uuids(), RESTRAINTS)
@example(
    [(True, "review", 0.5)],
    UUID("cd613e30-d8f1-6adf-91b7-584a2265b1f5"),
    Restraint(rules_held=frozenset({"r0"}), falling=True, fallback="approve"),
)
def test_whatever_is_stopped_is_held_falls_back_or_goes_to_people(
    drawn: list[Any], item_id: UUID, restraint: Restraint
) -> None:
    """Issue 6, points 7 and "shown by": a stop's ways, and the same route again from the same item and restraint."""
    rules = rule_set(*(rule(f"r{at}", HOLDS[holds], act, sample=p) for at, (holds, act, p) in enumerate(drawn)))
    taken, free = route(rules, ITEM, item_id, "d", restraint), route(rules, ITEM, item_id, "d")
    stored = msgspec.json.decode(msgspec.json.encode(taken), type=type(taken))
    assert stored == taken == route(rules, dict(ITEM), UUID(str(item_id)), "d", restraint)
    assert (taken.rule, taken.error) == (free.rule, free.error), "what a rule would have done is still told"
    is_held = restraint.held or (taken.rule == "r0" and "r0" in restraint.rules_held)
    falls = restraint.falling or (taken.rule == "r0" and "r0" in restraint.rules_falling)
    assert (taken.held is True) == is_held
    if is_held:
        assert (taken.action, taken.fallback) == ("review", msgspec.UNSET)
    elif falls and restraint.fallback == "reject":
        assert (taken.action, taken.fallback) == ("reject", True)
    elif falls and taken.action != "review":
        assert (taken.action, taken.fallback, restraint.fallback) == ("approve", True, "approve")
        assert taken.error is None
        assert not restraint.stopped
        assert not restraint.stopped_wholly
        assert not restraint.two_person
    elif not falls and free.action == "approve" and (restraint.stopped or restraint.two_person):
        assert taken.action == "review"
    if restraint.falling and restraint.fallback == "reject" and not restraint.rules_held:
        assert taken.inclusion_probability == (1.0 if is_held else 0.0)
    expected = Fraction(0)
    for sampled in product([True, False], repeat=len(drawn)):
        weight = Fraction(1)
        for took, (_, _, share) in zip(sampled, drawn, strict=True):
            weight *= Fraction(share) if took else 1 - Fraction(share)
        fixed = [
            msgspec.structs.replace(each, sample=float(took)) for each, took in zip(rules.rules, sampled, strict=True)
        ]
        expected += weight * (route(rule_set(*fixed), ITEM, item_id, "d", restraint).action == "review")
    assert taken.inclusion_probability == pytest.approx(float(expected), abs=1e-12)
