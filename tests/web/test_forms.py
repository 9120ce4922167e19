"""Forms from schemas: what is shown comes back as it was, and nothing that is sent can hurt."""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from review.web import forms
from review.web.forms import MISSING, Field

Pairs = list[tuple[str, str]]


def browser_pairs(field: Field) -> Pairs:
    """Send what a browser sends for a form nobody touched."""
    if field.kind == "group":
        return [pair for child in field.children for pair in browser_pairs(child)]
    if field.kind == "rows":
        sent: Pairs = []
        for row in field.rows:
            sent.append((row.field.marker, "" if row.origin is None else str(row.origin)))
            sent += browser_pairs(row.field)
        return sent
    if field.kind in {"choice", "select", "choices"}:
        return [(field.name, text) for text in field.chosen if any(text == option.text for option in field.options)]
    text = field.text
    if field.kind == "text":
        return [(field.name, text.replace("\r", "").replace("\n", ""))]
    return [(field.name, text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n"))]


def fields_of(field: Field) -> dict[str, Field]:
    found = {field.pointer: field} if not field.extras else {}
    for child in (*field.children, *(row.field for row in field.rows)):
        found |= fields_of(child)
    return found


text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), min_size=1, max_size=6)
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | text
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=6
)


@st.composite
def leaf(draw: st.DrawFn) -> tuple[dict[str, Any], st.SearchStrategy[Any]]:
    """Draw a schema of one control and a strategy for its values."""
    zone = draw(st.sampled_from(["Z", "+02:00", "-11:30", ""]))
    listed = draw(st.lists(scalars, min_size=1, max_size=14, unique_by=json.dumps))
    constant = draw(anything)
    moments = st.datetimes().map(lambda moment: moment.replace(microsecond=0).isoformat() + zone)
    leaves: list[tuple[dict[str, Any], st.SearchStrategy[Any]]] = [
        ({"type": "string"}, text),
        ({"type": "string", "x-multiline": True}, text),
        ({"type": "integer"}, st.integers(-(2**53) + 1, 2**53 - 1)),
        ({"type": "number"}, numbers),
        ({"type": "boolean"}, st.booleans()),
        ({"enum": listed}, st.sampled_from(listed)),
        ({"const": constant}, st.just(constant)),
        ({"type": "string", "format": "date"}, st.dates().map(lambda day: day.isoformat())),
        ({"type": "string", "format": "date-time"}, moments),
        ({}, anything),
    ]
    drawn: tuple[dict[str, Any], st.SearchStrategy[Any]] = draw(st.sampled_from(leaves))
    return drawn


@st.composite
def object_and_value(draw: st.DrawFn, depth: int) -> tuple[dict[str, Any], Any]:
    schema: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
    value: dict[str, Any] = {}
    for name in draw(st.lists(names, max_size=4, unique=True)):
        inner, inside = draw(schema_and_value(depth + 1))
        schema["properties"][name] = inner
        if draw(st.booleans()):
            schema["required"].append(name)
            value[name] = inside
        elif draw(st.booleans()):
            value[name] = inside
    if draw(st.integers(0, 4)) == 0:
        value |= {f"more{key}": more for key, more in draw(st.dictionaries(names, anything, max_size=2)).items()}
    if depth == 0 and draw(st.booleans()):
        return {"$defs": {"it": schema}, "$ref": "#/$defs/it"}, value
    return schema, value


@st.composite
def schema_and_value(draw: st.DrawFn, depth: int = 0) -> tuple[dict[str, Any], Any]:
    """Draw a schema of every shape the form knows, and a value that fits it."""
    shape = draw(st.sampled_from(["leaf", "leaf", "object", "array", "nullable", "set"] if depth < 3 else ["leaf"]))
    if shape == "object":
        return draw(object_and_value(depth))
    if shape == "array":
        inner, strategy = draw(leaf())
        return {"type": "array", "items": inner}, draw(st.lists(strategy, max_size=4))
    if shape == "set":
        listed = draw(st.lists(names, min_size=1, max_size=5, unique=True))
        chosen = st.lists(st.sampled_from(listed), unique=True)
        return {"type": "array", "uniqueItems": True, "items": {"enum": listed}}, draw(chosen)
    inner, strategy = draw(leaf())
    if shape == "nullable":
        if "type" in inner and draw(st.booleans()):
            inner = {**inner, "type": [inner["type"], "null"]}
        else:
            inner = {"anyOf": [inner, {"type": "null"}]}
        return inner, draw(st.none() | strategy)
    return inner, draw(strategy)


def typed(value: Any) -> str:
    """Write a value so that 1 and 1.0, and true and 1, differ."""
    return json.dumps(value, sort_keys=True)


@settings(max_examples=400, deadline=None)
@given(schema_and_value())
def test_a_form_left_alone_gives_back_exactly_the_value_it_showed(case: tuple[dict[str, Any], Any]) -> None:
    schema, value = case
    answer = forms.read(schema, value, browser_pairs(forms.build(schema, value)))
    assert forms.first_errors(answer.form) == []
    assert typed(answer.value) == typed(value)


@settings(max_examples=200, deadline=None)
@given(schema_and_value(), st.randoms(use_true_random=False))
def test_a_form_shown_again_after_an_error_gives_the_same_value(
    case: tuple[dict[str, Any], Any], chance: random.Random
) -> None:
    schema, value = case
    first = forms.read(schema, value, browser_pairs(forms.build(schema, value)))
    pairs = browser_pairs(first.form)
    chance.shuffle(pairs)
    again = forms.read(schema, value, pairs)
    assert typed(again.value) == typed(value)


hostile_names = st.one_of(
    st.sampled_from(
        ["o", "e", "r", "o/", "r/tags/0", "r/tags/999999", "r/tags/-1", "o/tags/0", "_add", "_remove", "o/n"]
    ),
    st.builds(lambda n: f"r/tags/{n}", st.integers(-5, 10**7)),
    st.text(max_size=8),
    st.builds(lambda part, times: "o" + f"/{part}" * times, st.text(max_size=3), st.integers(0, 400)),
)

TAGS = {
    "type": "object",
    "required": ["tags", "n"],
    "properties": {
        "tags": {"type": "array", "items": {"type": "string"}},
        "n": {"type": "integer"},
        "free": {},
        "when": {"type": "string", "format": "date-time"},
        "pick": {"enum": ["a", "b"]},
    },
}


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(hostile_names, st.text(max_size=30) | st.just("/tags") | st.just("9" * 5000)), max_size=30),
    anything,
)
def test_nothing_that_is_sent_raises(pairs: Pairs, value: Any) -> None:
    answer = forms.read(TAGS, value, pairs)
    again = browser_pairs(answer.form)
    forms.read(TAGS, value, again)


@settings(max_examples=200, deadline=None)
@given(anything, anything)
def test_no_schema_and_no_value_raises(schema: Any, value: Any) -> None:
    form = forms.build(schema, value)
    assert typed(forms.read(schema, value, browser_pairs(form)).value) == typed(value)


def test_a_million_rows_are_refused_and_not_built() -> None:
    pairs = [(f"r/tags/{place}", "") for place in range(100_000)] + [("o/n", "1")]
    answer = forms.read(TAGS, {"tags": [], "n": 0}, pairs)
    assert len(fields_of(answer.form)["/tags"].rows) == 200
    assert [message for _, message in forms.first_errors(answer.form)] == [
        "At most 200 rows fit in this form; the rest was left out."
    ]


def test_a_schema_that_refers_to_itself_ends_in_a_json_field() -> None:
    schema = {"type": "object", "properties": {"next": {"$ref": "#"}, "name": {"type": "string"}}}
    value: dict[str, Any] = {"name": "top"}
    for _ in range(30):
        value = {"name": "x", "next": value}
    form = forms.build(schema, value)
    assert typed(forms.read(schema, value, browser_pairs(form)).value) == typed(value)
    assert any(field.kind == "json" for field in fields_of(form).values())


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"enum": ["a", "b"]}, "choice"),
        ({"enum": [str(n) for n in range(10)]}, "choice"),
        ({"enum": [f"option {n}" for n in range(12)]}, "choice"),
        ({"enum": [f"option {n}" for n in range(13)]}, "select"),
        ({"type": "boolean"}, "choice"),
        ({"type": "string"}, "text"),
        ({"type": "string", "maxLength": 500}, "longtext"),
        ({"type": "string", "x-multiline": True}, "longtext"),
        ({"type": ["integer", "null"], "minimum": 0}, "number"),
        ({"type": "string", "format": "date"}, "date"),
        ({"type": "string", "format": "date-time"}, "datetime"),
        ({"type": "array", "items": {"type": "string"}}, "rows"),
        ({"type": "array", "uniqueItems": True, "items": {"enum": ["a", "b"]}}, "choices"),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, "group"),
        ({"oneOf": [{"const": 1, "title": "One"}, {"const": 2, "title": "Two"}]}, "choice"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "text"),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "shapes"),
        ({"type": ["string", "integer", "null"]}, "shapes"),
        ({"type": "object"}, "json"),
        ({"type": "array", "prefixItems": [{"type": "string"}]}, "tuple"),
        (True, "json"),
    ],
)
def test_each_schema_gets_its_control(schema: Any, kind: str) -> None:
    assert forms.build(schema, MISSING).kind == kind


def test_digits_are_taken_by_their_own_key_and_words_by_their_place() -> None:
    digits = forms.build({"enum": list(range(10))}, 3)
    assert [option.key for option in digits.options] == list("0123456789")
    words = forms.build({"enum": ["dog", "cat"]}, "cat")
    assert [(option.key, option.label) for option in words.options] == [("1", "dog"), ("2", "cat")]


def test_a_title_names_the_option_and_the_bounds_are_said() -> None:
    form = forms.build(
        {
            "type": "object",
            "properties": {
                "grade": {"oneOf": [{"const": 1, "title": "Poor"}, {"const": 2, "title": "Good"}]},
                "score": {"type": "integer", "minimum": 0, "maximum": 10, "title": "Score"},
            },
        },
        {"grade": 2, "score": 3},
    )
    grade, score = form.children
    assert [option.label for option in grade.options] == ["Poor", "Good", "Not given"]
    assert (score.label, score.notes) == ("Score", ("A whole number from 0 to 10.",))


ORDER = {
    "type": "object",
    "required": ["lines"],
    "properties": {
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "count": {"type": "integer"},
                    "note": {"type": ["string", "null"]},
                },
            },
        },
        "customer": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
    },
}


def test_rows_are_added_and_taken_away_without_script_and_keep_what_was_typed() -> None:
    value = {"lines": [{"name": "bolt", "note": None}, {"name": "nut"}, {"name": "nail", "count": 4}]}
    pairs = browser_pairs(forms.build(ORDER, value))
    pairs[pairs.index(("o/lines/2/count", "4"))] = ("o/lines/2/count", "5")
    fewer = forms.read(ORDER, value, [*pairs, ("_remove", "/lines/0")])
    assert fewer.value == {"lines": [{"name": "nut"}, {"name": "nail", "count": 5}]}
    more = forms.read(ORDER, value, [*browser_pairs(fewer.form), ("_add", "/lines")])
    assert [row.field.path for row in fields_of(more.form)["/lines"].rows] == [("lines", 0), ("lines", 1), ("lines", 2)]
    assert more.value == {"lines": [{"name": "nut"}, {"name": "nail", "count": 5}, {"name": ""}]}


def test_emptied_controls_mean_nothing_null_or_empty_text_as_the_schema_has_it() -> None:
    schema = {
        "type": "object",
        "required": ["must", "maybe", "count"],
        "properties": {
            "must": {"type": "string"},
            "maybe": {"type": ["string", "null"]},
            "free": {"type": "string"},
            "count": {"type": "integer"},
        },
    }
    value = {"must": "a", "maybe": "b", "free": "c", "count": 1}
    answer = forms.read(schema, value, [("o/must", ""), ("o/maybe", ""), ("o/free", ""), ("o/count", " ")])
    assert answer.value == {"must": "", "maybe": None}
    assert [(field.pointer, message) for field, message in forms.first_errors(answer.form)] == [
        ("/count", "Fill this in.")
    ]


def test_an_object_that_is_left_empty_is_left_out() -> None:
    value = {"lines": [], "customer": {"name": "Ana"}}
    assert forms.read(ORDER, value, [("o/customer/name", "")]).value == {"lines": []}
    assert forms.read(ORDER, {"lines": []}, [("o/customer/name", "Ben")]).value == {
        "lines": [],
        "customer": {"name": "Ben"},
    }


@pytest.mark.parametrize(
    ("schema", "typed_in", "said"),
    [
        ({"type": "integer"}, "twelve", "This is not a number. Write it with digits and a point, such as 12.5."),
        ({"type": "integer"}, "1.5", "This must be a whole number."),
        ({"type": "number"}, "1e999", "This number is too large to be kept exactly."),
        ({"type": "integer"}, "9007199254740993", "This number is too large to be kept exactly."),
        (
            {"type": "string", "format": "date"},
            "2026-02-30",
            "This is not a date. Write it as year, month and day, such as 2026-10-01.",
        ),
        ({"type": "string", "format": "date-time"}, "soon", "This is not a time. Write it such as 2026-10-01T09:30."),
        ({"enum": ["a", "b"]}, '"c"', "Choose one of those listed."),
        ({"enum": ["a", "b"]}, "", "Choose one."),
        ({"type": "string"}, "a\0b", "This holds a character that cannot be stored."),
        ({}, "", "Write a JSON value."),
        ({}, '{"a": 1, "a": 2}', "This is not JSON that can be kept: a appears twice in the same object."),
        ({}, "[NaN]", "This is not JSON that can be kept: [0] is not a finite number."),
    ],
)
def test_what_cannot_be_read_is_said_beside_the_field(schema: Any, typed_in: str, said: str) -> None:
    answer = forms.read(schema, MISSING, [("o", typed_in)])
    assert answer.form.errors == (said,)
    assert answer.value is MISSING


@pytest.mark.parametrize(
    ("schema", "typed_in", "value"),
    [
        ({"type": "integer"}, " 12 ", 12),
        ({"type": "integer"}, "1e3", 1000),
        ({"type": "number"}, ".5", 0.5),
        ({"type": "string", "format": "date-time"}, "2026-10-01T09:30", "2026-10-01T09:30:00Z"),
        ({"type": "string"}, "  spaced  ", "  spaced  "),
        ({"type": "string", "x-multiline": True}, "a\r\nb", "a\nb"),
        ({}, '{"deep": [1, {"x": null}]}', {"deep": [1, {"x": None}]}),
    ],
)
def test_what_is_typed_becomes_the_value_that_was_meant(schema: Any, typed_in: str, value: Any) -> None:
    answer = forms.read(schema, MISSING, [("o", typed_in)])
    assert (answer.value, answer.form.errors) == (value, ())
    assert typed(answer.value) == typed(value)


def test_a_time_keeps_the_offset_it_had() -> None:
    schema = {"type": "string", "format": "date-time"}
    answer = forms.read(schema, "2026-10-01T09:30:00+02:00", [("o", "2026-10-01T10:15")])
    assert answer.value == "2026-10-01T10:15:00+02:00"


def test_messages_stand_beside_the_field_they_name_or_the_nearest_around_it() -> None:
    value = {"lines": [{"name": "bolt"}], "customer": {"name": "Ana"}}
    wrong: dict[forms.Path, list[str]] = {
        ("lines", 0, "name"): ["too short"],
        ("customer", "age"): ["unknown"],
        (): ["at odds"],
    }
    form = forms.with_errors(forms.build(ORDER, value), wrong)
    assert [(field.pointer, message) for field, message in forms.first_errors(form)] == [
        ("", "at odds"),
        ("/lines/0/name", "too short"),
        ("/customer", "unknown"),
    ]


def test_fields_the_schema_does_not_name_are_kept_and_can_be_mended() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    value = {"a": 1, "b": [2]}
    pairs = dict(browser_pairs(forms.build(schema, value)))
    assert json.loads(pairs["e"]) == {"b": [2]}
    assert forms.read(schema, value, [("o/a", "1"), ("e", '{"b": [3]}')]).value == {"a": 1, "b": [3]}
    clash = forms.read(schema, value, [("o/a", "1"), ("e", '{"a": 9}')])
    assert clash.value == {"a": 1}
    assert len(forms.first_errors(clash.form)) == 1
