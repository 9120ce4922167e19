"""Conditions: one kind of number, nothing unknown, nothing unbounded, and a fault in its place."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.routing.conditions import EvaluationFailed, compile_condition, facts_of, needs_of
from review.routing.reading import FIELDS, ConditionInvalid

ITEM: dict[str, Any] = {
    "type": "ticket",
    "confidence": 0.62,
    "impact": "high",
    "input": {"text": "é😀", "amount": 1200, "has space": 1, "lines": ["a", "b"], "sent": "2026-05-01T00:00:00Z"},
    "output": {"label": "refund", "ok": True},
    "model": {"name": "clf", "version": "2"},
    "signals": {"pii": 0},
    "tags": ["beta", "vip"],
    "alternatives": [{"output": {"label": "lost"}, "confidence": 0.31}],
}


def holds(source: str, **changes: Any) -> bool:
    condition = compile_condition(source)
    return condition.holds(facts_of(ITEM | changes, needs_of([condition])))


@pytest.mark.parametrize(
    "source",
    [
        "item.confidence < 1",
        "item.input.amount * 1.5 == 1800",
        "item.input.amount + 1 > 1200.5",
        "item.input.amount - 0x10 == 1184u",
        "item.input.amount in [1200, 5]",
        "-item.input.amount < -1199",
        "size(item.tags) > 1",
        "size(item.tags) * 2 == 4.0",
        "item.tags.size() == 2",
        "size(item.input.text) == 2",
        "item.tags[0] == 'beta'",
        "item.input.lines[1] == 'b'",
        "item.input['has space'] == 1",
        "'vip' in item.tags && !('gone' in item.tags)",
        "item.tags.exists(tag, tag.startsWith('v'))",
        "item.alternatives.all(each, each.confidence < 0.5)",
        "size(item.tags.filter(x, x == 'vip')) == 1",
        "item.alternatives[0].output.label == 'lost'",
        "item.output.ok == true && type(item.output.ok) == bool",
        "has(item.input.amount) && !has(item.input.nothing)",
        "item.metadata == {}",
        "item.signals.pii == 0",
        "item.model.version == '2'",
        "timestamp(item.input.sent) > timestamp('2026-01-01T00:00:00Z')",
        "timestamp(item.input.sent).getFullYear() == 2026",
        "item.input.text.matches('^.+$') // 5 > 4",
        r"r'\' != '5' && item.tags.exists(item_, item_ == 'vip')",
        "item.impact == 'high' ? true : false",
        "item.confidence != null",
        "\"5\" == '5'",
    ],
)
def test_what_holds(source: str) -> None:
    assert holds(source) is True


@given(
    amount=st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False),
    bound=st.integers(0, 2**53 - 1) | st.floats(0, 1e15).map(lambda x: round(x, 3)),
)
def test_numbers_compare_as_numbers_however_they_are_written(amount: float, bound: float) -> None:
    literal = str(bound)
    for operator, expected in {
        "<": float(amount) < float(bound),
        ">=": float(amount) >= float(bound),
        "==": float(amount) == float(bound),
    }.items():
        assert holds(f"item.input.amount {operator} {literal}", input={"amount": amount}) is expected


def test_a_number_beyond_a_double_is_larger_than_any() -> None:
    assert holds("item.input.amount > 1e308", input={"amount": 10**400})
    assert holds("item.input.amount < -1e308", input={"amount": -(10**400)})


@pytest.mark.parametrize(
    ("source", "changes", "told"),
    [
        ("item.confidence < 0.8", {"confidence": None}, "empty or of another kind"),
        ("!(item.confidence < 0.8)", {"confidence": None}, "empty or of another kind"),
        ("item.input.gone > 1", {}, "field 'gone' is missing"),
        ("item.metadata.gone == 'x'", {}, "field 'gone' is missing"),
        ("item.tags[7] == 'x'", {}, "shorter than"),
        ("item.input.amount == '1' || item.input.amount.contains('1')", {}, "another kind"),
        ("item.input.text < 5", {}, "another kind"),
        ("size(item.confidence) > 1", {}, "another kind"),
        ("item.output.label", {}, "is text, not true or false"),
        ("item.input.amount", {}, "is a number, not true or false"),
        ("item.tags", {}, "is a list, not true or false"),
        ("item.confidence", {"confidence": None}, "is null, not true or false"),
        ("item.input.amount / 0 - item.input.amount / 0 > 1", {}, "another kind"),
        ("item.input.text.matches(item.output.label)", {"output": {"label": "("}}, "not a valid regex"),
        ("item.tags.exists(x, x == 'z')", {"tags": ["a"] * 1_001}, "longer than the 1000"),
        ("item.input.a.exists(x, x == 'z')", {"input": {"a": {str(n): 1 for n in range(2_000)}}}, "longer than"),
        ("item.alternatives.exists(x, x.o == 1)", {"alternatives": [{"o": list(range(2_000))}]}, "longer than"),
    ],
)
def test_what_cannot_be_evaluated_says_why(source: str, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(EvaluationFailed, match=told) as caught:
        holds(source, **changes)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("source", "told", "at"),
    [
        ("item.confidence <", "mismatched input the end", "<"),
        ("size(item.tags) > 5 && size(item.tags) <", "mismatched input the end", "<"),
        ("item.input.amount > 5 + 5 5", "extraneous input", "5"),
        ("item.confidense < 1", "did you mean `confidence`", "confidense"),
        ("item.model.nam == 'x'", "did you mean `name`", "nam"),
        ("item == 1", "must be followed by one of its fields", "item"),
        ("item['confidence'] < 1", "must be followed by one of its fields", "item"),
        ("confidence < 1", "conditions speak of `item` only", "confidence"),
        ("itm.confidence < 1", "did you mean `item`", "itm"),
        (".item.confidence < 1", "cannot begin with a dot", "."),
        ("item.tags.exists(x, x == 'a') && x == 'b'", "`x` is unknown", "x == 'b'"),
        ("x == 'b' || item.tags.exists(x, x == 'a')", "`x` is unknown", "x == 'b'"),
        ("item.tags.exists(item, item == 'a')", "variable of its own", "item, item"),
        ("item.tags.exists(x)", "variable of its own", "x)"),
        ("item.tags.exists(x, item.tags.all(y, y == x))", "inside another macro", "all"),
        ("item.tags.filter(x, x.filter(y, true) == [])", "inside another macro", "filter(y"),
        ("item.tags.map(x, x) == []", "`exists`, `all` and `filter` say the same", "map"),
        ("lower(item.type) == 'a'", "`lower` is no function", "lower"),
        ("item.type.startWith('a')", "did you mean `startsWith`", "startWith"),
        ("matches(item.type, 'a')", "is written `item.input.text.matches", "matches"),
        ("item.type.double() > 1", "is written `double", "double"),
        ("int(item.confidence) == 1", "write `double", "int"),
        ("item.input.amount % 2 == 0", "`%` is not available", "%"),
        ("item.type.matches('(a')", "is no regular expression", "'(a'"),
        ("Review{a: 1} == 1", "makes a message", "Review"),
        ("item.type in {1: true}", "keys of a map must be texts", "1"),
        ("1.e5 == 1", "a number has no fields", "1"),
        ("1 + 1", "not true or false", "1"),
        ("null", "not true or false", "null"),
        ("1 / 0", "not true or false", "1"),
        ("'a' < 1", "can never be evaluated", "'a'"),
        ('item.type == "abc', "token recognition error", '"abc'),
        ("(" * 200 + "true" + ")" * 200, "nests too deep", "("),
        ("true" + " && true" * 600, "longer than 4096 characters", "true"),
    ],
)
def test_what_is_refused_when_it_is_applied(source: str, told: str, at: str) -> None:
    with pytest.raises(ConditionInvalid) as caught:
        compile_condition(source)
    assert told in caught.value.message
    if at == "5":
        assert caught.value.offset == len(source) - 1
    elif at == "<":
        assert caught.value.offset == len(source)
    else:
        assert source[caught.value.offset :].startswith(at)


@given(st.text(max_size=60) | st.text(alphabet="item.tagsxy \n\"'()[]{}<>=!&|?:,0123456789.eu%-+*/\\r", max_size=60))
def test_any_text_is_a_condition_or_refused_with_a_place(source: str) -> None:
    offset = refused_at(source)
    if offset is None:
        assert evaluates(source)
    else:
        assert 0 <= offset <= len(source)


def refused_at(source: str) -> int | None:
    """Give the offset at which a condition is refused, or None if it is taken."""
    try:
        compile_condition(source)
    except ConditionInvalid as fault:
        return fault.offset
    return None


def evaluates(source: str) -> bool:
    """Tell whether the outcome is true, false, or a failure with a reason; anything else passes through."""
    try:
        return holds(source) in {True, False}
    except EvaluationFailed as fault:
        return bool(str(fault))


_ATOMS = st.sampled_from(
    [
        *(f"item.{field}" for field in FIELDS),
        *("item.input.amount", "item.tags[0]", "1", "0.5", "7u", "'a'", "r'\\'", "null", "true", "[1, 2]"),
        *("size(item.tags)", "double(item.confidence)", "item.tags.exists(x, x == 'vip')"),
    ]
)


@given(
    st.recursive(
        _ATOMS,
        lambda inner: (
            st.builds(
                "({} {} {})".format, inner, st.sampled_from(["<", "==", "+", "*", "/", "-", "in", "&&", "||"]), inner
            )
            | inner.map("!({})".format)
            | inner.map("size({})".format)
        ),
        max_leaves=12,
    )
)
def test_whatever_compiles_is_true_or_false_or_fails_with_a_reason(source: str) -> None:
    assert refused_at(source) is not None or evaluates(source)


def test_a_condition_is_compiled_once() -> None:
    assert compile_condition("item.confidence < 0.25") is compile_condition("item.confidence < 0.25")


def test_only_what_is_read_is_converted() -> None:
    conditions = [compile_condition(source) for source in ("item.input.amount > 1", "'a' in item.tags")]
    needs = needs_of(conditions)
    assert needs == {"input": frozenset({"amount"}), "tags": None}
    whole = needs_of([*conditions, compile_condition("'x' in item.input")])
    assert whole["input"] is None
    assert needs_of(reversed([*conditions, compile_condition("'x' in item.input")])) == whole
    assert facts_of(ITEM, needs)._values == {"input": {"amount": 1200.0}, "tags": ["beta", "vip"]}


def test_what_was_not_sent_is_null_or_empty() -> None:
    conditions = [compile_condition(f"item.{field} == null") for field in FIELDS]
    facts = facts_of({"type": "t", "input": 1, "output": None}, needs_of(conditions))
    assert facts._values == {
        "type": "t",
        "confidence": None,
        "impact": None,
        "input": 1.0,
        "output": None,
        "model": {},
        "signals": {},
        "tags": [],
        "subject": None,
        "metadata": {},
        "alternatives": [],
    }


@pytest.mark.parametrize(
    ("source", "types"),
    [
        ("item.type == 'a' || 'b' != item.type", ["a", "b"]),
        ("item.type in ['a', \"b\"]", ["a", "b"]),
        ("item.type in item.tags && 'c' in item.tags", []),
        ("item.input.type == 'a'", []),
    ],
)
def test_the_types_that_a_condition_names(source: str, types: list[str]) -> None:
    named = compile_condition(source).reading.types
    assert [literal.text for literal in named] == types
    assert all(source[literal.offset + 1 :].startswith(literal.text) for literal in named)
