"""Equalities told without the engine: the same answer as the engine's, whatever stands there."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.routing.conditions import Condition, EvaluationFailed, compile_condition, facts_of, needs_of
from review.routing.equalities import Equality, equality_in
from review.routing.tokens import scan

HERE = 'item.metadata.desk == "a"'
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(allow_nan=False),
    st.sampled_from(["a", "A", "", "a\0", "ä"]),
)
PLACES = st.one_of(VALUES, st.lists(VALUES, max_size=2), st.dictionaries(st.sampled_from(["desk", "d"]), VALUES))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (HERE, Equality(("metadata", "desk"), "a")),
        ("item.type == 'ticket'", Equality(("type",), "ticket")),
        ('item.type == ""', Equality(("type",), "")),
        (r'item.type == "a\"b"', None),
        ('item.type == r"a"', None),
        ('item.type == """a"""', None),
        ('item.type != "a"', None),
        ('"a" == item.type', None),
        ('item.type == "a" && true', Equality(("type",), "a", and_more=True)),
        ('item.type == "a" && (true || item.ok)', Equality(("type",), "a", and_more=True)),
        ('item.type == "a" && true || item.ok', None),
        ('item.type == "a" && true ? false : true', None),
        ('item.type == "a" || true', None),
        ('true && item.type == "a"', None),
        ('!item.ok == "a"', None),
        ('item.metadata["desk"] == "a"', None),
        ("item.confidence == 1", None),
        ('item == "a"', None),
    ],
)
def test_only_plain_equalities_are_read_as_such(source: str, found: Equality | None) -> None:
    assert equality_in(list(scan(source))) == found


@given(
    metadata=PLACES,
    source=st.sampled_from(
        [
            HERE,
            "item.metadata.desk == 'ä'",
            'item.type == "ticket"',
            'item.type == ""',
            f"{HERE} && item.confidence > 0",
        ]
    ),
)
def test_the_answer_is_the_engine_s(metadata: Any, source: str) -> None:
    condition = compile_condition(source)
    by_engine = Condition(condition.source, condition.program, condition.reading, condition.steps)
    item = {"type": "ticket", "metadata": metadata}

    assert condition.equality is not None
    assert _told(condition, item) == _told(by_engine, item)


def _told(condition: Condition, item: dict[str, Any]) -> bool | str:
    try:
        return condition.holds(facts_of(item, needs_of([condition])))
    except EvaluationFailed as fault:
        return str(fault)
