"""Goal G16: rules found by look-up route as trying each does, and cost no evaluation of those that do not hold."""

from typing import Any
from uuid import UUID

import cel
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.items.misses import Misses, is_compact
from review.kernel.ids import new_id
from review.routing.conditions import EvaluationFailed, compile_condition
from review.routing.equalities import Places
from review.routing.rules import MOST_MISSES, Evaluation, Restraint, Route, Rule, RuleSet, is_sampled, route

TEXTS = ["a", "b", "ä", ""]
CONDITIONS = [
    *(f"item.{path} == '{text}'" for path in ("metadata.desk", "metadata.gone", "type") for text in TEXTS),
    *("item.confidence > 0.5", "item.confidence > 0.95", "item.metadata.gone == 1", "true", "false"),
    *("item.type == 'a' && item.confidence > 0.5", "item.type == 'b' && item.metadata.gone == 1 && true"),
    *("item.type == 'a' && item.confidence > 0.95 || true", "item.metadata.desk == 'b' && (false || true)"),
    *("item.type == 'a' && true ? false : true", "item.type == 'b' && item.tags.exists(x, x == 'vip')"),
    *("item.type == 'ä' && item.metadata", "item.metadata.desk == 'a' && item.confidence == 0.9"),
    *("'vip' in item.tags", "[1, 2].exists(x, x == 1)", "item.metadata.desk != 'a'"),
]
RULES = st.lists(
    st.tuples(
        st.sampled_from(CONDITIONS),
        st.sampled_from(["review", "approve", "reject"]),
        st.sampled_from([1.0, 1.0, 0.5]),
    ),
    max_size=12,
)
# What stands far enough behind others that a route has no room for all of them.
MANY = st.integers(0, 60).map(lambda count: [(f"item.type == 'other-{at}'", "approve", 1.0) for at in range(count)])
SOMETHING = st.one_of(
    st.sampled_from(TEXTS), st.none(), st.booleans(), st.floats(0, 1), st.just(["a"]), st.just({"desk": "a"})
)
ITEMS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(TEXTS),
        "metadata": st.one_of(st.none(), st.dictionaries(st.sampled_from(["desk", "gone"]), SOMETHING)),
        "confidence": st.sampled_from([None, 0.9]),
        "tags": st.sampled_from([[], ["vip"], ["vip"] * 2_000]),
    }
)
RESTRAINTS = st.builds(
    Restraint,
    stopped=st.booleans(),
    two_person=st.booleans(),
    uncleared=st.booleans(),
    rules_held=st.sampled_from([frozenset[str](), frozenset({"r1"})]),
    falling=st.booleans(),
    fallback=st.sampled_from([None, "approve", "reject"]),
)


def rule_set(drawn: list[Any]) -> RuleSet:
    return RuleSet.of(
        7,
        tuple(
            Rule(name=f"r{at}", condition=compile_condition(when), action=action, sample=share, pool="triage")
            for at, (when, action, share) in enumerate(drawn)
        ),
    )


def asking_each(rules: RuleSet) -> RuleSet:
    """The same rules, each of which the engine is asked about."""
    asked = tuple(
        msgspec.structs.replace(each, condition=msgspec.structs.replace(each.condition, equality=None, constant=None))
        for each in rules.rules
    )
    return msgspec.structs.replace(rules, rules=asked, places=Places(tuple(range(len(asked))), {}))


def tried_in_order(rules: RuleSet, item: dict[str, Any], item_id: UUID) -> list[tuple[str, bool, bool, str | None]]:
    """What each rule makes of an item up to the one that takes it, by the definition and nothing else."""
    told, facts = list[tuple[str, bool, bool, str | None]](), rules.facts_of(item)
    for rule in asking_each(rules).rules:
        try:
            holds = rule.condition.holds(facts)
        except EvaluationFailed as fault:
            return [*told, (rule.name, False, False, str(fault))]
        taken = holds and is_sampled(rule, item_id)
        told.append((rule.name, taken, holds and not taken, None))
        if taken:
            break
    return told


@given(MANY, RULES, RULES, MANY, ITEMS, st.uuids(), RESTRAINTS)
def test_what_is_found_by_look_up_is_what_trying_each_in_order_finds(
    before: list[Any], some: list[Any], more: list[Any], between: list[Any], item: Any, item_id: UUID, restraint: Any
) -> None:
    """Absent, null and other values, errors, samples, restraints and long stretches of misses among them."""
    rules = rule_set([*some, *before, *more, *between])
    taken = route(rules, item, item_id, "default", restraint)
    assert rules.in_full(taken) == rules.in_full(route(asking_each(rules), item, item_id, "default", restraint))
    told = [(each.rule, each.matched, each.sampled_out, each.error) for each in rules.in_full(taken).evaluations]
    assert told == tried_in_order(rules, item, item_id)
    stored = msgspec.json.encode(taken).decode()
    assert msgspec.json.decode(stored, type=Route) == taken
    assert rules.misses.told(stored) == msgspec.json.encode(rules.in_full(taken)), "the API tells what it always told"
    assert not is_compact(stored) or Misses([]).told(stored) == stored.encode(), "where the rules are not known"
    plain = sum(each == Evaluation(each.rule, matched=False) for each in rules.in_full(taken).evaluations)
    assert is_compact(stored) == (plain > MOST_MISSES)


class Counted:
    """A program of the engine that counts how often it is executed."""

    executed = 0

    def __init__(self, program: Any) -> None:
        self._program = program

    def execute(self, context: cel.Context) -> Any:
        Counted.executed += 1
        return self._program.execute(context)


@pytest.mark.parametrize(
    ("desk", "taken", "executed"), [("d-0", "d-0", 0), ("d-997", "d-997", 1), ("d-998", "d-998", 0), ("x", "vip", 1)]
)
def test_a_thousand_equalities_cost_no_evaluation_and_few_bytes(desk: str, taken: str, executed: int) -> None:
    """Goal G16, by counts that no load disturbs: evaluations of the engine, and what is stored of a route."""
    more = ["", " && 'vip' in item.tags"]
    drawn = [(f'item.metadata.desk == "d-{at}"{more[at % 2]}', "review", 1.0) for at in range(999)]
    rules = rule_set([*drawn, ("'vip' in item.tags", "review", 1.0)])
    counting = tuple(
        msgspec.structs.replace(
            each,
            name="vip" if at == 999 else f"d-{at}",
            condition=msgspec.structs.replace(each.condition, program=Counted(each.condition.program)),
        )
        for at, each in enumerate(rules.rules)
    )
    Counted.executed = 0
    found = route(RuleSet.of(7, counting), {"metadata": {"desk": desk}, "tags": ["vip"]}, new_id(), "default")
    assert (found.rule, Counted.executed) == (taken, executed)
    assert len(msgspec.json.encode(found)) < 400
