"""Issue 5, forms: the HTML of every construct, posted as a browser posts it, gives back the value it was made from."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from review.web import forms
from review.web.pages import differences
from tests.web.posted import html_of, posted
from tests.web.test_forms import names, schema_and_value, typed

Case = tuple[dict[str, Any], Any]

CONSTRUCTS: list[tuple[Any, Any]] = [
    ({"type": "string", "x-multiline": True}, "x" * 50_000),
    ({"type": "string", "x-multiline": True}, "\n\nlines\n"),
    ({"type": "object", "patternProperties": {"^a": {"type": "string"}}}, {"a1": "x", "a2": ""}),
    ({"enum": [f"option {n}" for n in range(500)]}, "option 499"),
    ({"type": "string", "pattern": "^[A-Z]+$", "minLength": 1, "maxLength": 9}, "AB"),
    ({"type": "number", "multipleOf": 0.5, "exclusiveMinimum": 0}, 1.5),
    ({"type": "string", "contentMediaType": "text/html"}, "<b>\r\n</b>"),
    ({"type": "array", "items": {"type": "object", "properties": {"a": {"type": "integer"}}}}, [{"a": 1}, {}]),
    ({"type": "array", "contains": {"const": 1}, "items": {"type": "integer"}}, [1, 2]),
    ({"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "integer"}}, ["a", 1, 2]),
    (
        {"dependentRequired": {"a": ["b"]}, "properties": {"a": {"type": "string"}, "b": {"type": "string"}}},
        {"a": "", "b": "x"},
    ),
    (
        {
            "dependentSchemas": {"a": {"properties": {"b": {"type": "integer"}}}},
            "properties": {"a": {"type": "string"}},
        },
        {"a": "y", "b": 3},
    ),
    ({"type": "object", "propertyNames": {"maxLength": 3}, "unevaluatedProperties": False}, {"abc": [1]}),
    ({"not": {"type": "string"}}, {"any": ["thing", 1.0]}),
    (True, [None]),
]


def sent_back(schema: Any, value: Any) -> forms.Answer:
    """Post a form that nobody touched."""
    return forms.read(schema, value, posted(html_of(forms.build(schema, value))))


@pytest.mark.parametrize(("schema", "value"), CONSTRUCTS)
def test_every_construct_comes_back_from_its_html(schema: Any, value: Any) -> None:
    answer = sent_back(schema, value)
    assert forms.first_errors(answer.form) == []
    assert typed(answer.value) == typed(value)
    assert differences.of_form(answer.form) == []


@st.composite
def alternatives(draw: st.DrawFn) -> Case:
    """Draw shapes to choose from, told apart by a constant."""
    inners = draw(st.lists(schema_and_value(2), min_size=2, max_size=3))
    shapes = [
        {
            "type": "object",
            "required": ["kind", "it"],
            "properties": {"kind": {"const": str(at)}, "it": schema},
        }
        for at, (schema, _) in enumerate(inners)
    ]
    at = draw(st.integers(0, len(inners) - 1))
    return {draw(st.sampled_from(["oneOf", "anyOf"])): shapes}, {"kind": str(at), "it": inners[at][1]}


@st.composite
def named(draw: st.DrawFn) -> Case:
    inner, value = draw(schema_and_value(3))
    many = draw(st.lists(names, max_size=4, unique=True))
    return {"type": "object", "additionalProperties": inner}, dict.fromkeys(many, value)


@st.composite
def places(draw: st.DrawFn) -> Case:
    inners = draw(st.lists(schema_and_value(3), min_size=1, max_size=3))
    return {"type": "array", "prefixItems": [schema for schema, _ in inners]}, [value for _, value in inners]


@st.composite
def conditions(draw: st.DrawFn) -> Case:
    then, value = draw(schema_and_value(2))
    other, instead = draw(schema_and_value(2))
    holds = draw(st.booleans())
    schema = {
        "type": "object",
        "required": ["is"],
        "properties": {"is": {"type": "boolean"}},
        "if": {"properties": {"is": {"const": True}}},
        "then": {"properties": {"then": then}, "required": ["then"]},
        "else": {"properties": {"other": other}},
    }
    return schema, {"is": True, "then": value} if holds else {"is": False, "other": instead}


@st.composite
def trees(draw: st.DrawFn) -> Case:
    schema = {
        "$defs": {
            "node": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "inside": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                },
            }
        },
        "$ref": "#/$defs/node",
    }
    leaf = st.fixed_dictionaries({"name": names})
    node = st.recursive(
        leaf, lambda inner: st.fixed_dictionaries({"name": names, "inside": st.lists(inner, max_size=2)}), max_leaves=6
    )
    return schema, draw(node)


@settings(max_examples=150, deadline=None)
@given(schema_and_value() | alternatives() | named() | places() | conditions() | trees())
def test_the_html_of_a_form_left_alone_gives_back_exactly_the_value(case: Case) -> None:
    schema, value = case
    answer = sent_back(schema, value)
    assert forms.first_errors(answer.form) == []
    assert typed(answer.value) == typed(value)
    again = forms.read(schema, value, posted(html_of(answer.form)))
    assert typed(again.value) == typed(value)


@pytest.mark.parametrize("schema", [{"not": {"type": "string"}}, {"$ref": "elsewhere.json"}, {"x-made-up": 1}, True])
def test_what_no_control_is_known_for_is_json_and_says_so(schema: Any) -> None:
    html = html_of(forms.build(schema, {"a": 1}))
    assert "Written as JSON." in html
    assert "<textarea" in html


def test_the_form_of_a_long_output_stays_small() -> None:
    """Issue 5, point 4: five megabytes of output make a page that is still quick, and come back whole."""
    schema = {
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "lines": {"type": "array", "items": {"type": "string"}},
            "free": {},
        },
    }
    value = {"text": "word " * 600_000, "lines": ["line " * 10] * 20_000, "free": {"many": list(range(200_000))}}
    assert len(json.dumps(value)) > 5_000_000
    html = html_of(forms.build(schema, value))
    assert len(html.encode()) < 600_000
    assert forms.read(schema, value, posted(html)).value == value
