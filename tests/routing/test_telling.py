"""Issue 5: why an item is here is told with its own values, within bounds, whatever the condition and the item are."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from review.routing.conditions import MAX_LENGTH
from review.routing.reading import FIELDS
from review.routing.telling import MAX_TOLD, Known, Value, tell, values_of

ITEM: dict[str, Any] = {
    "type": "refund",
    "confidence": 0.62,
    "impact": "high",
    "input": {
        "amount": 1240,
        "text": "Please send the money back. " * 40 + "I will call my lawyer. " + "Thank you. " * 40,
        "lines": [{"count": 2}, {"count": 30}],
        "ok": None,
        "odd name": "x",
        "big": 10**400,
    },
    "output": {"amount": 900},
    "model": {"name": "intent-clf", "version": "7"},
    "signals": {"pii": 0.02},
    "tags": ["a", "b", "c", "d", "e", "f", "beta"],
    "metadata": {},
}


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("item.confidence < 0.8", "0.62 < 0.8"),
        ("item.input.amount > 1000", "amount 1,240 > 1,000"),
        ("1000 < item.input.amount", "1,000 < amount 1,240"),
        ("item.input.amount > item.output.amount", "input amount 1,240 > output amount 900"),
        ('item.impact in ["high", "top"]', 'impact "high" in ["high", "top"]'),
        ('"beta" in item.tags', '"beta" in tags ["a", "b", "c", "d", "beta", 2 more]'),
        ("size(item.input.text) > 1000", "size of text 1,583 > 1,000"),
        ("timestamp(item.metadata.at).getFullYear() == 2026", "timestamp(at not given).getFullYear() == 2026"),
        ("item.tags.size() > 1000", "size of tags 7 > 1,000"),
        ("item.tags.size() > 6", "size of tags 7 > 6"),
        (
            'item.input.text.contains("lawyer")',
            'text "… ack. I will call my lawyer. Thank you. Thank you. Thank you. …".contains("lawyer")',
        ),
        ("has(item.input.iban)", "iban is missing"),
        ("!has(item.input.iban)", "iban is missing"),
        ("has(item.input.amount) && true", "amount is given && true"),
        ("item.input.iban == null", "iban not given == null"),
        ("item.input.ok == null", "ok null == null"),
        ('item.input["odd name"] == "x"', 'odd name "x" == "x"'),
        ("item.input.lines[1].count > 20", "count 30 > 20"),
        ("item.input.lines.exists(l, l.count > 20)", "lines [2 elements].exists(l, l.count > 20)"),
        ('item.model.name == "intent-clf"', 'model name "intent-clf" == "intent-clf"'),
        ("item.signals.pii > 0.01 // why", "pii 0.02 > 0.01"),
        ("item.input.big > 5", "big a number too large to show > 5"),
        ("item.metadata == {}", "metadata {0 fields} == {}"),
        ('item.type\n  == "item.confidence"', 'type "refund" == "item.confidence"'),
    ],
)
def test_a_condition_is_told_with_the_items_own_values(condition: str, told: str) -> None:
    assert "".join(part.text for part in tell(condition, ITEM)) == told


def test_what_was_not_sent_is_said_to_be_missing() -> None:
    assert (
        "".join(part.text for part in tell("item.confidence < 0.8", {"confidence": None}))
        == "confidence not given < 0.8"
    )


def test_what_somebody_judged_is_never_put_in() -> None:
    """Promise of blind review: a condition over a judgement is told as it was written."""
    told = tell('review.verdict == "reject" && item.confidence < 0.5', {**ITEM, "review": {"verdict": "secret"}})
    assert "".join(part.text for part in told) == 'review.verdict == "reject" && 0.62 < 0.5'
    hidden = tell('item.comment == "x"', {**ITEM, "comment": "secret"})
    assert "".join(part.text for part in hidden) == 'item.comment == "x"'


def test_one_that_would_grow_too_long_is_given_as_it_was_written() -> None:
    condition = " && ".join(["item.tags.size() > 6"] * 100)
    assert [part.text for part in tell(condition, ITEM)] == [condition]


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=200)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=5), inner), max_leaves=20
)
pieces = st.sampled_from(
    [
        *(f"item.{field}" for field in FIELDS),
        *("item", ".a", "[0]", '["a"]', "has(", "size(", ".size()", ".contains(", '"a"', "in", "[", "]", "(", ")", "!"),
        *(
            "<",
            "==",
            "&&",
            "1000",
            "0x1F",
            "1e400",
            "'",
            '"',
            "\\",
            "\n",
            "//",
            "review.verdict",
            "\N{SUPERSCRIPT TWO}",
        ),
    ]
)
conditions = st.lists(pieces | st.text(max_size=4), max_size=30).map(" ".join) | st.text(max_size=60)


@settings(max_examples=150, deadline=None)
@given(conditions, st.dictionaries(st.sampled_from(FIELDS), values), st.booleans())
def test_no_condition_and_no_item_raises_or_outgrows_its_bound(
    condition: str, item: dict[str, Any], is_tight: bool
) -> None:
    condition = condition.replace(" ", "") if is_tight else condition
    told = "".join(part.text for part in tell(condition, item, known=KNOWN))
    assert all(value.name in condition for value in values_of(condition, item, known=KNOWN))
    assert told == condition[:MAX_LENGTH] or len(told) <= MAX_TOLD


@settings(deadline=None)
@given(st.text(min_size=1, max_size=30), st.text(max_size=30))
def test_a_condition_too_long_to_be_one_is_cut(piece: str, end: str) -> None:
    condition = piece * (MAX_LENGTH // len(piece) + 1) + end
    assert [part.text for part in tell(condition, ITEM)] == [condition[:MAX_LENGTH]]


KNOWN = Known(
    {"large": frozenset({1240.0, "x"}), "none": frozenset()}, {"risk": 55.0, "worth": 0.125, "odd": None, "big": 1e6}
)


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("item.input.amount in lists.large", "amount 1,240 is in large"),
        ("!(item.input.amount in lists.none)", "!(amount 1,240 is not in none)"),
        ('item.input["odd name"] in lists.large && true', 'odd name "x" is in large && true'),
        ("scores.risk > 50 && scores.worth < 1", "risk 55 > 50 && worth 0.125 < 1"),
        ("scores.odd > 50 || scores.big > 50", "odd not counted > 50 || big 1,000,000 > 50"),
        ("item.tags in lists.large", 'tags ["a", "b", "c", "d", "e", 2 more] in lists.large'),
        ('"x" in lists.large', '"x" in lists.large'),
        ("item.input.amount in lists.other && scores.other > 1", "amount 1,240 in lists.other && scores.other > 1"),
    ],
)
def test_lists_and_scores_are_told_with_what_they_are_for_the_item(condition: str, told: str) -> None:
    assert "".join(part.text for part in tell(condition, ITEM, known=KNOWN)) == told


def test_each_field_look_up_and_score_is_listed_once_with_its_value() -> None:
    condition = "item.confidence < 0.8 && item.confidence > 0.1 && item.input.amount in lists.large && scores.risk > 5"
    assert values_of(condition, ITEM, KNOWN) == (
        Value("item.confidence", "0.62"),
        Value("item.input.amount", "1,240"),
        Value("item.input.amount in lists.large", "true"),
        Value("scores.risk", "55"),
    )
    assert values_of("item.confidence < 0.8" + " " * MAX_LENGTH, ITEM) == ()
