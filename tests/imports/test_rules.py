"""What a row holds, and what becomes of it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.datasets.formats.csv import guard, unguard
from review.imports import label_studio
from review.imports.label_studio import BrokenOff, tasks_in
from review.imports.rules import Unfit, draw, mapping_of, named, value_at
from review.imports.schemas import Layout, Row
from review.items.types import ItemType, compile_schema

PROPERTIES = {"text": {"type": "string"}, "n": {"type": "number"}, "more": {"type": "object"}}
INPUT = {"type": "object", "properties": PROPERTIES}
OUTPUT = {"type": "object", "required": ["stars"], "properties": {"stars": {"type": "integer"}}}
KIND = ItemType(
    name="t",
    version=1,
    title="",
    input_schema=INPUT,
    output_schema=OUTPUT,
    input_validator=compile_schema(INPUT),
    output_validator=compile_schema(OUTPUT),
)


def drawn(fields: dict[str, Any], *pairs: str, **kind: bool) -> Any:
    return draw(Row(1, fields, 1, 1, **kind), mapping_of(pairs, Layout.JSONL), KIND)


@given(st.text(alphabet="'\"=+-@;\t\r\n a\uff1d\ufeff"))
def test_what_a_csv_export_guards_is_given_back_exactly(text: str) -> None:
    assert unguard(guard(text)) == text


def test_cells_are_read_as_what_the_schema_asks_for() -> None:
    fields = {"a": "7", "b": "7", "c": '{"x": [1]}', "d": "4"}
    row = drawn(fields, "input.text=a", "input.n=b", "input.more=c", "label=d", is_text=True)
    assert row.submission["input"] == {"text": "7", "n": 7, "more": {"x": [1]}}
    assert row.label == {"stars": 4}


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"label": {"stars": 1}}, "approve"),
        ({"label": {"stars": 1}, "model_output": {"stars": 1.0}}, "approve"),
        ({"label": {"stars": 1}, "model_output": {"stars": 2}}, "correct"),
        ({"label": None, "model_output": {"stars": 2}, "verdict": "reject"}, "reject"),
        ({"label": {"stars": 1}, "verdict": "correct"}, "approve"),
        ({"model_output": {"stars": 2}}, None),
    ],
)
def test_the_verdict_follows_from_output_and_label_where_none_is_given(
    fields: dict[str, Any], verdict: str | None
) -> None:
    assert drawn({"input": {"text": "a"}, **fields}).verdict == verdict


def test_rows_without_an_external_id_are_named_by_what_they_say() -> None:
    one, same, other = (
        named(drawn({"text": "a", "stars": stars}, "input.text=text", "label=stars")) for stars in (1, 1, 2)
    )
    assert one.submission["external_id"] == same.submission["external_id"] != other.submission["external_id"]


def test_null_that_stands_for_absent_is_left_out_where_the_schema_would_not_have_it() -> None:
    row = drawn({"input": {"text": "a", "n": None}, "label": {"stars": 1}}, is_sparse=True)
    assert row.submission["input"] == {"text": "a"}


@pytest.mark.parametrize(
    "fields",
    [
        {"label": {"stars": 1}},
        {"input": {}},
        {"input": {}, "label": {"stars": 1}, "verdict": "maybe"},
        {"input": {}, "label": {"stars": 1}, "external_id": 1.5},
        {"input": {}, "label": {"stars": 1}, "reasons": 7},
        {"input": {"text": "\ud800"}, "label": {"stars": 1}},
        {"input": {"n": 2**60}, "label": {"stars": 1}},
    ],
)
def test_what_cannot_be_an_item_says_why(fields: dict[str, Any]) -> None:
    with pytest.raises(Unfit) as told:
        drawn(fields)
    assert told.value.reason


def test_a_path_leads_into_objects_and_lists_and_a_whole_name_comes_first() -> None:
    fields = {"a": {"b": [{"c": 1}]}, "a.b": 2}
    assert (value_at(fields, "a.b"), value_at(fields, "a.b.0.c")) == (2, 1)


def test_each_control_of_label_studio_has_its_answer() -> None:
    result = [
        {"from_name": "one", "type": "choices", "value": {"choices": ["a"]}},
        {"from_name": "many", "type": "choices", "value": {"choices": ["a", "b"]}},
        {"from_name": "stars", "type": "rating", "value": {"rating": 4}},
        {"from_name": "note", "type": "textarea", "value": {"text": ["so"]}},
        {"from_name": "spans", "type": "labels", "value": {"start": 0, "end": 2, "labels": ["X"]}},
        {"from_name": "spans", "type": "labels", "value": {"start": 3, "end": 5, "labels": ["Y"]}},
        {"type": "relation"},
    ]
    answers = label_studio.answers_of(result)
    assert answers | {"spans": len(answers["spans"])} == {
        "one": "a",
        "many": ["a", "b"],
        "stars": 4,
        "note": "so",
        "spans": 2,
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='a"\\\\[]{},\\u00e9 '),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='a"\\\\}', max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.lists(st.dictionaries(st.text(alphabet='k"{', max_size=2), JSON, max_size=3), max_size=4),
    st.integers(1, 9),
    st.booleans(),
    st.data(),
)
def test_an_array_is_parted_into_its_tasks_wherever_its_pieces_end(
    tasks: list[dict[str, Any]], size: int, is_indented: bool, data: st.DataObject
) -> None:
    """Label Studio writes one array; a file of any size is read task by task, and one that breaks off says so."""
    text = json.dumps(tasks, ensure_ascii=False, indent=1 if is_indented else None).encode()
    pieces = [text[at : at + size] for at in range(0, len(text), size)]

    parted = list(tasks_in(pieces, 1_000_000))

    assert [json.loads(task or b"") for task, _ in parted] == tasks
    assert [reached for _, reached in parted] == sorted(reached for _, reached in parted)
    cut = data.draw(st.integers(1, len(text) - 1))
    with pytest.raises(BrokenOff):
        list(tasks_in([text[:cut]], 1_000_000))


def test_what_is_no_task_and_what_is_too_long_is_told_and_the_rest_is_read() -> None:
    assert [each for each, _ in tasks_in([b'\xef\xbb\xbf[1, {"a": 1}, "x",\n[2]] '], 10)] == [
        b"1",
        b'{"a": 1}',
        b'"x"',
        b"[2]",
    ]
    assert [each for each, _ in tasks_in([b'[{"a":"', b"x" * 50, b'"}, {}]'], 20)] == [None, b"{}"]
