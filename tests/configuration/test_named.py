"""Lists and scores: called by name, looked up by hash, refused in their place, and a person where they fail."""

from time import perf_counter
from typing import Any

import pytest

from review.configuration.document import parse
from review.configuration.errors import ConfigurationInvalid
from review.configuration.named import rules_of
from review.configuration.plans import compare
from review.configuration.rules import ProjectConfig, compile_config
from review.kernel.ids import new_id
from review.routing.conditions import Called, compile_condition
from review.routing.named import Names, entries_of
from review.routing.rules import Route, Rule, RuleSet, route

SOURCE = """\
project: p
item_types:
  t: {{input_schema: true, output_schema: true}}
pools: {{people: {{}}}}
lists:
  embargo: [IR, KP, 5]
  sizes: [2]
scores:
  risk:
    - {{when: 'item.input.country in lists.embargo', add: 30}}
    - {{when: 'item.input.amount > 100', add: 25}}
rules:
  - {{name: asked, when: '{0}', then: {{review: people}}}}
  - {{name: rest, when: true, then: {{approve: true}}}}
"""


def compiled(when: str) -> ProjectConfig:
    return compile_config(parse(SOURCE.format(when)))


def routed(when: str, **given: object) -> Route:
    item: dict[str, Any] = {"type": "t", "input": {"country": "IR", "amount": 120} | given, "output": {}}
    return route(compiled(when).ruleset, item, new_id(), "people")


def faults(when: str) -> list[str]:
    with pytest.raises(ConfigurationInvalid) as refused:
        compiled(when)
    return [str(fault) for fault in refused.value.faults]


@pytest.mark.parametrize(
    "when",
    [
        "item.input.country in lists.embargo",
        "!(item.input.amount in lists.embargo)",
        "size(item.input.country) in lists.sizes && item.input.country.size() in lists.sizes",
        '"a" in lists.embargo || (item.input.amount - 115) in lists.embargo',
        '["IR"].exists(each, each in lists.embargo)',
        "scores.risk == 55 && scores.risk / 2 > 27",
    ],
)
def test_conditions_call_lists_and_scores_by_name(when: str) -> None:
    assert routed(when).rule == "asked"


def test_a_text_and_a_number_are_told_apart_and_numbers_are_one_kind() -> None:
    assert routed("item.input.country in lists.embargo", country=5).rule == "asked"
    assert routed("item.input.country in lists.embargo", country=5.0).rule == "asked"
    assert routed("item.input.country in lists.embargo", country="5").rule == "rest"


@pytest.mark.parametrize("value", [None, True, ["IR"], {"IR": 1}])
@pytest.mark.parametrize("when", ["item.input.country in lists.embargo", "!(item.input.country in lists.embargo)"])
def test_what_cannot_be_looked_up_goes_to_a_person(when: str, value: object) -> None:
    taken = routed(when, country=value)
    assert (taken.rule, taken.pool, taken.error is not None) == (None, "people", True)


@pytest.mark.parametrize(
    "when", ["scores.risk + 1.0 > 0.5", "scores.risk * 2 < 1", "scores.risk + item.input.amount < 2"]
)
def test_a_score_of_nothing_is_a_number_like_any_other(when: str) -> None:
    taken = routed(when, country="FR", amount=1)
    assert (taken.rule, taken.error) == ("asked", None)


def test_a_score_with_a_part_that_fails_goes_to_a_person_and_says_why() -> None:
    taken = routed("scores.risk > 10", amount=None)
    assert (taken.rule, taken.pool) == (None, "people")
    assert taken.error is not None
    assert "the score risk: " in taken.error
    assert routed('"vip" in item.tags && scores.risk > 10', amount=None).rule == "rest"


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("item.input.country in lists.embrgo", "13:54: rules[0].when: `embrgo` is no list; did you mean `embargo`?"),
        ("scores.rsk > 1", "13:33: rules[0].when: `rsk` is no score; did you mean `risk`?"),
        ("size(lists.embargo) > 1", "a list is written behind `in`"),
        ("!item.input.country in lists.embargo", "one field or stand in brackets"),
        ("item.input.amount + 1 in lists.embargo", "one field or stand in brackets"),
    ],
)
def test_what_is_no_list_or_score_is_refused_in_its_place(when: str, told: str) -> None:
    (fault,) = faults(when)
    assert told in fault


def test_a_condition_that_costs_too_much_is_refused_with_the_numbers() -> None:
    costly = " || ".join(["item.tags.filter(a, a != item.type).size() > 3"] * 6)
    source = SOURCE.format(costly.replace("item.type", "item.input.kind"))
    with pytest.raises(ConfigurationInvalid, match="1 fault") as refused:
        compile_config(parse(source))
    (fault,) = refused.value.faults
    assert (fault.line, fault.path) == (13, "rules[0].when")
    assert "a condition may cost 5,000,000" in fault.message


def test_a_change_of_a_list_is_another_version_of_the_rules() -> None:
    """Promise 19: routing is a function of item and version, so a version holds its lists."""
    before = parse(SOURCE.format("true")).data
    after = parse(SOURCE.format("true").replace("KP, 5", "KP, 6")).data
    assert rules_of(before) != rules_of(after)
    assert [str(each) for each in compare(before, after)] == ["~ list embargo"]
    bare = {"rules": before["rules"]}
    assert rules_of(bare) == before["rules"]


def test_a_million_entries_are_looked_up_as_fast_as_ten() -> None:
    """Issue 6: a list of a million entries works."""
    condition = compile_condition("item.input.country in lists.many", Names(("many",)))
    rule = Rule(name="asked", condition=condition, action="review", pool="people")
    called = Called({"many": entries_of(f"entry {number}" for number in range(1_000_000))})
    rules = RuleSet.of(1, (rule,), called)
    item = {"type": "t", "input": {"country": "entry 999999"}, "output": {}}
    started = perf_counter()
    assert all(route(rules, item, new_id(), "people").rule == "asked" for _ in range(100))
    assert perf_counter() - started < 1.0  # one that walked the list would take seconds


def test_a_pattern_that_is_catastrophic_elsewhere_takes_linear_time_here() -> None:
    started = perf_counter()
    assert routed('item.input.country.matches("(a+)+$")', country="a" * 50_000 + "b").rule == "rest"
    assert perf_counter() - started < 1.0
