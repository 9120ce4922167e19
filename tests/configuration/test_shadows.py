"""Rules that shadow each other: warned about where it is certain, and never where an item still reaches them."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from review.configuration.document import parse
from review.configuration.rules import compile_config
from review.kernel.ids import new_id
from review.routing.rules import route

HEAD = """\
project: p
item_types: {a: {input_schema: true, output_schema: true}, b: {input_schema: true, output_schema: true}}
pools: {few: {members: [ana@example.com, ben@example.com]}, none: {}}
rules:
"""


def source(*rules: tuple[str, float, str]) -> str:
    lines = [
        f"  - {{name: r{at}, when: '{when}', sample: {sample}, then: {then}}}\n"
        for at, (when, sample, then) in enumerate(rules)
    ]
    return HEAD + "".join(lines)


def warnings(first: str, second: str, sample: float = 1.0, then: str = "{approve: true}") -> tuple[str, ...]:
    return compile_config(parse(source((first, sample, then), (second, 1.0, "{reject: true}")))).warnings


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("true", "item.confidence < 0.5"),
        ("item.confidence  < 0.5", "item.confidence < 0.5"),
        ("item.confidence < 0.5", "item.confidence <= 0.4"),
        ("item.confidence >= 0.5", "item.confidence == 0.5"),
        ('item.type == "a"', 'item.type == "a" && item.confidence > 0.9'),
        ('"x" in item.tags', '"x" in item.tags'),
    ],
)
def test_a_rule_that_nothing_reaches_is_warned_about_with_its_line(first: str, second: str) -> None:
    (told,) = warnings(first, second)
    assert told.startswith("6:")
    assert "can never be reached: rule 1, `r0`, " in told
    assert "says the contrary" in told


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("item.confidence < 0.5", "item.confidence < 0.6"),
        ("item.confidence < 0.5", "item.confidence <= 0.5"),
        ("item.confidence < 0.5", "item.impact < 0.4"),
        ('item.type == "a"', 'item.type == "b"'),
        ('item.type == "a" && item.confidence > 0.9', 'item.type == "a"'),
        ("item.confidence < 0.5 || item.impact < 5", "item.impact < 0.4"),
    ],
)
def test_a_rule_that_something_reaches_is_not(first: str, second: str) -> None:
    assert warnings(first, second) == ()


def test_a_sample_leaves_something_for_the_next_rule() -> None:
    assert warnings("item.confidence < 0.5", "item.confidence < 0.5", sample=0.5) == ()


def test_a_pool_of_two_that_takes_everything_is_warned_about_with_the_number() -> None:
    (told,) = compile_config(parse(source(("true", 1.0, "{review: few}")))).warnings
    assert "`few`, which has 2 member(s)" in told
    assert compile_config(parse(source(("item.confidence < 0.5", 1.0, "{review: few}")))).warnings == ()


NUMBERS = st.sampled_from([0, 1, 2, 2.5, 3])
ATOMS = st.one_of(
    st.builds(
        "item.{} {} {}".format,
        st.sampled_from(["confidence", "input.n"]),
        st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
        NUMBERS,
    ),
    st.sampled_from(['item.type == "a"', 'item.type != "a"', 'item.input.n == "x"', "true", "!true"]),
)
CONDITIONS = st.builds(
    lambda atoms, mark: mark.join(atoms), st.lists(ATOMS, min_size=1, max_size=3), st.sampled_from([" && ", " || "])
)
RULES = st.lists(
    st.tuples(CONDITIONS, st.sampled_from([1.0, 0.5]), st.sampled_from(["{approve: true}", "{review: none}"])),
    min_size=2,
    max_size=6,
)
ITEMS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["a", "b"]),
        "confidence": st.one_of(st.none(), NUMBERS),
        "input": st.fixed_dictionaries({}, optional={"n": st.one_of(NUMBERS, st.sampled_from(["x", None, True]))}),
        "output": st.just({}),
    }
)


@settings(max_examples=150)
@given(rules=RULES, items=st.lists(ITEMS, min_size=1, max_size=8))
def test_a_rule_that_is_warned_about_takes_no_item(
    rules: list[tuple[str, float, str]], items: list[dict[str, Any]]
) -> None:
    config = compile_config(parse(source(*rules)))
    lines = {int(told.split(":")[0]) for told in config.warnings if "can never be reached" in told}
    unreachable = {f"r{line - 5}" for line in lines}
    for item in items:
        assert route(config.ruleset, item, new_id(), "none").rule not in unreachable
