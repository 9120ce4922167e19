"""What JSON Schema can say beyond single values comes back as it was, and changes as it is asked to."""

import json
from typing import Any

import pytest

from review.web import forms
from review.web.pages import differences
from tests.web.posted import html_of, posted
from tests.web.test_forms import browser_pairs, fields_of

PAYMENT: dict[str, Any] = {
    "type": "object",
    "required": ["how"],
    "properties": {"how": {"enum": ["card", "bank"]}, "note": {"type": "string"}},
    "if": {"properties": {"how": {"const": "card"}}},
    "then": {"properties": {"digits": {"type": "string"}}, "required": ["digits"]},
    "else": {"properties": {"iban": {"type": "string"}}, "required": ["iban"]},
}
SHAPES: dict[str, Any] = {
    "oneOf": [
        {
            "title": "A circle",
            "required": ["kind", "r"],
            "properties": {"kind": {"const": "c"}, "r": {"type": "number"}},
        },
        {"title": "A box", "required": ["kind", "w"], "properties": {"kind": {"const": "b"}, "w": {"type": "number"}}},
    ]
}
CASES: list[tuple[Any, Any]] = [
    (PAYMENT, {"how": "card", "digits": "12"}),
    (PAYMENT, {"how": "bank", "iban": "x", "digits": "kept"}),
    (SHAPES, {"kind": "b", "w": 1.0}),
    ({"type": ["string", "integer", "null"]}, None),
    ({"type": ["string", "integer", "null"]}, 7),
    ({"type": "object", "additionalProperties": {"type": "integer"}}, {"a/b~": 1, "": 2}),
    ({"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}]}, ["a"]),
    (
        {"allOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {"type": "integer"}}}]},
        {"a": "x", "b": 1},
    ),
    ({"type": "string", "format": "time"}, "09:30:00.120+02:00"),
    ({"type": "string", "format": "date-time"}, "2026-10-01T09:30:00.120Z"),
    ({"type": "string", "format": "date"}, "0000-02-31"),
    ({"type": "string", "readOnly": True}, "left alone"),
    (
        {
            "type": "object",
            "properties": {"v": {"const": 1}, "o": {"properties": {"v": {"const": 1}}}},
            "required": ["v"],
        },
        {"v": 1},
    ),
    ({"type": "string"}, "x" * 50_000),
]


@pytest.mark.parametrize(("schema", "value"), CASES)
def test_what_is_left_alone_comes_back_exactly_and_counts_as_no_change(schema: Any, value: Any) -> None:
    answer = forms.read(schema, value, posted(html_of(forms.build(schema, value))))
    assert (json.dumps(answer.value), forms.first_errors(answer.form)) == (json.dumps(value), [])
    assert differences.of_form(answer.form) == []


def test_a_condition_asks_for_its_field_and_says_so() -> None:
    made = forms.build(PAYMENT, {"how": "card", "digits": "12"})
    assert fields_of(made)["/digits"].is_conditional
    answer = forms.read(
        PAYMENT, {"how": "card", "digits": "12"}, [("o/how", '"bank"'), ("o/digits", "12"), ("_show", "")]
    )
    assert "/iban" in fields_of(answer.form)
    assert "/digits" not in fields_of(answer.form)


def test_another_shape_keeps_what_fits_it() -> None:
    answer = forms.read(SHAPES, {"kind": "b", "w": 1}, [("s", "0"), ("h", "1"), ("o/w", "1"), ("_show", "")])
    assert answer.value == {"kind": "c"}
    assert forms.first_errors(answer.form) == []
    assert forms.read(SHAPES, {"kind": "b", "w": 1}, [("s", "0"), ("h", "0"), ("o/r", "2")]).value == {
        "kind": "c",
        "r": 2,
    }


def test_rows_change_places_and_a_change_is_taken_back() -> None:
    schema = {"type": "array", "items": {"type": "string"}}
    pairs = browser_pairs(forms.build(schema, ["a", "b"]))
    moved = forms.read(schema, ["a", "b"], [*pairs, ("_up", "/1")])
    assert moved.value == ["b", "a"]
    assert [str(each.after) for each in differences.of_form(moved.form)] == ["2, 1"]
    back = forms.read(schema, ["a", "b"], [*browser_pairs(moved.form), ("_take", "o")])
    assert back.value == ["a", "b"]


@pytest.mark.parametrize("inside", [{}, SHAPES], ids=["plain", "in shapes"])
def test_rows_are_numbered_as_they_stand(inside: dict[str, Any]) -> None:
    schema = {"type": "array", "items": {"title": "Line", **(inside or {"type": "string"})}}
    value: list[Any] = [{"kind": "c", "r": 1}, {"kind": "b", "w": 2}] if inside else ["a", "b"]
    without = forms.read(schema, value, [*posted(html_of(forms.build(schema, value))), ("_remove", "/0")])
    more = forms.read(schema, value, [*posted(html_of(without.form)), ("_add", "")])
    assert [row.field.label for row in more.form.rows] == ["Line 1", "Line 2"]
    assert [[child.label for child in row.field.children] for row in more.form.rows] == [
        [row.field.label] * len(row.field.children) for row in more.form.rows
    ]
    moved = forms.read(schema, value, [*posted(html_of(forms.build(schema, value))), ("_up", "/1")])
    assert moved.value == value[::-1]
    assert [row.field.label for row in moved.form.rows] == ["Line 1", "Line 2"]


def test_a_time_in_another_zone_is_the_same_time() -> None:
    schema = {"type": "string", "format": "date-time"}
    same = forms.read(schema, "2026-10-01T09:30:00+02:00", [("o", "2026-10-01T07:30"), ("z", "Z")])
    assert same.value == "2026-10-01T09:30:00+02:00"
    later = forms.read(schema, "2026-10-01T09:30:00+02:00", [("o", "2026-10-01T08:45"), ("z", "+01:00")])
    assert later.value == "2026-10-01T08:45:00+01:00"


def test_a_number_that_would_be_rounded_is_refused() -> None:
    answer = forms.read({"type": "number"}, 1, [("o", "0.1000000000000000055")])
    assert "more digits" in answer.form.errors[0]


NAMED: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "string"}}


def test_a_name_that_was_taken_out_is_taken_back_with_its_value() -> None:
    value = {"a": "x", "b": "y"}
    without = forms.read(NAMED, value, [("r/~0", "0"), ("n/~0", "a"), ("o/~0", "x")])
    assert without.value == {"a": "x"}
    assert [(each.label, each.name) for each in differences.of_form(without.form)] == [("Names and values, b", "e")]
    back = forms.read(NAMED, value, [("r/~0", "0"), ("n/~0", "a"), ("o/~0", "x"), ("_take", "e")])
    assert back.value == value


def test_a_new_name_for_a_value_is_a_change_and_is_taken_back() -> None:
    pairs = [("r/~0", "0"), ("n/~0", "zz"), ("o/~0", "x")]
    renamed = forms.read(NAMED, {"a": "x"}, pairs)
    assert renamed.value == {"zz": "x"}
    assert [(each.before, each.after, each.name) for each in differences.of_form(renamed.form)] == [("a", "zz", "n/~0")]
    assert forms.read(NAMED, {"a": "x"}, [*pairs, ("_take", "n/~0")]).value == {"a": "x"}
