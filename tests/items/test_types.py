"""Item types: what fits, what does not and why, and no schema that reaches outside itself."""

from typing import Any
from unittest.mock import patch

import pytest

from review.items.types import MAX_FAULTS, ItemType, SchemaInvalid, compile_schema
from review.kernel.sentences import Sentence

ANYTHING: dict[str, Any] = {}


def item_type(input_schema: Any, output_schema: Any = ANYTHING) -> ItemType:
    return ItemType(
        name="ticket",
        version=1,
        title="Ticket",
        input_schema=input_schema,
        output_schema=output_schema,
        input_validator=compile_schema(input_schema),
        output_validator=compile_schema(output_schema),
    )


def faults(schema: Any, value: Any) -> list[tuple[str, str]]:
    return [(fault.path, fault.message) for fault in item_type(schema).check_input(value)]


def test_what_fits_has_no_faults() -> None:
    kind = item_type({"type": "object", "required": ["text"]}, {"enum": ["a", "b"]})
    assert kind.check_input({"text": "x"}) == []
    assert kind.check_output("a") == []


def test_paths_name_the_side_and_every_step() -> None:
    schema = {"properties": {"items": {"items": {"properties": {"x": {"type": "number"}}}}}}
    kind = item_type({"type": "object", "required": ["text"]}, schema)
    assert [fault.path for fault in kind.check_output({"items": [{"x": 1}, {"x": "1"}]})] == ["output.items[1].x"]
    assert [fault.path for fault in kind.check_input(5)] == ["input"]


@pytest.mark.parametrize(
    ("schema", "value", "told"),
    [
        ({"type": "object", "required": ["text"]}, {}, "the field `text` is missing"),
        ({"type": ["string", "null"]}, 5, "must be of type null or string"),
        ({"enum": ["a", "b"]}, "c", "must be one of `a`, `b`"),
        ({"enum": list(range(50))}, "c", "and 30 more"),
        ({"const": {"a": 1}}, 6, 'must be `{"a":1}`'),
        ({"maximum": 3}, 5, "must be at most 3"),
        ({"exclusiveMinimum": 0}, 0, "must be more than 0"),
        ({"maxLength": 3}, "abcd", "must have at most 3 characters"),
        ({"minItems": 2}, [1], "must have at least 2 elements"),
        ({"maxProperties": 0}, {"a": 1}, "must have at most 0 fields"),
        ({"multipleOf": 0.5}, 0.3, "must be a multiple of 0.5"),
        ({"pattern": "^a"}, "b", "does not match the pattern `^a`"),
        ({"uniqueItems": True}, [1, 1], "has an element twice"),
        (
            {"properties": {"a": True, "c": True}, "additionalProperties": False, "required": ["a"]},
            {"a": 1, "b": 1},
            "has fields that are not allowed: `b`",
        ),
        ({"unevaluatedProperties": False}, {"b": 1}, "has fields that are not allowed: `b`"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 5, "fits none of the forms"),
        ({"oneOf": [{"minimum": 1}, {"maximum": 9}]}, 5, "must fit exactly one of the forms"),
        ({"oneOf": [{"minimum": 7}, {"maximum": 3}]}, 5, "must fit exactly one of the forms"),
        ({"not": {"type": "null"}}, None, "has a form that is not allowed"),
        ({"contains": {"const": 1}}, [2], "lacks an element that is required"),
        ({"propertyNames": {"maxLength": 1}}, {"ab": 1}, "has a field whose name is not allowed"),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, "the field `b` is missing"),
        (False, 1, "is not allowed here"),
        ({"format": "date"}, "2026-02-30", "does not have the format date"),
        ({"format": "date-time"}, "2026-02-01", "does not have the format date-time"),
        ({"format": "email"}, "ana", "does not have the format email"),
        ({"format": "uri"}, "not a uri", "does not have the format uri"),
    ],
)
def test_faults_are_told_in_plain_words(schema: Any, value: Any, told: str) -> None:
    (found,) = item_type(schema).check_input(value)
    assert told in found.message
    assert isinstance(found.sentence, Sentence), "beside its field it is said in the reader's language"


@pytest.mark.parametrize(
    ("name", "value"),
    [("date", "2026-02-28"), ("date-time", "2026-02-01T10:00:00Z"), ("email", "ana@example.com"), ("uri", "urn:a:b")],
)
def test_what_has_its_format_passes(name: str, value: str) -> None:
    assert faults({"format": name}, value) == []


def test_no_message_repeats_a_large_value() -> None:
    large = "x" * 1_000_000
    schemas: list[dict[str, Any]] = [
        {"type": "integer"},
        {"enum": ["a"]},
        {"pattern": "^a"},
        {"not": {}},
        {"contains": False},
    ]
    for schema in schemas:
        for path, message in faults(schema, large) + faults(schema, [large]):
            assert len(message) < 300
            assert len(path) < 300
    assert all(len(path) < 600 for path, _ in faults({"additionalProperties": {"type": "null"}}, {large: 1}))
    assert all(len(message) < 300 for _, message in faults({"additionalProperties": False}, {large: 1}))


def test_at_most_twenty_faults_are_told() -> None:
    assert len(faults({"items": {"type": "string"}}, list(range(100)))) == MAX_FAULTS


def test_a_value_with_very_many_faults_is_told_the_first_without_listing_all() -> None:
    validator = _OneFault()
    kind = ItemType(
        name="t",
        version=1,
        title="t",
        input_schema=True,
        output_schema=True,
        input_validator=validator,
        output_validator=validator,
    )
    found = kind.check_input({"rows": list(range(200_000))})
    assert [(fault.path, fault.message) for fault in found] == [("input.rows[0]", "must be of type string")]


class _OneFault:
    """The engine's validator without its list of all faults, which takes 9 s for a million."""

    def __init__(self) -> None:
        self._real = compile_schema({"properties": {"rows": {"items": {"type": "string"}}}})

    def is_valid(self, value: object) -> bool:
        return bool(self._real.is_valid(value))

    def validate(self, value: object) -> None:
        self._real.validate(value)


@pytest.mark.parametrize(
    ("schema", "path", "told"),
    [
        (5, "", "must be a JSON Schema"),
        (None, "", "must be a JSON Schema"),
        ({"type": "strin"}, "type", "`strin` is not what the keyword takes"),
        ({"properties": {"a": {"type": 5}}}, "properties.a.type", "`5` is not what the keyword takes"),
        ({"required": "a"}, "required", "must be of type array"),
        ({"items": [{}, {"minimum": "x"}]}, "items", "is not what the keyword takes"),
        ({"pattern": "("}, "pattern", "regex"),
        ({"$ref": "#/$defs/gone"}, "", "'/$defs/gone' does not exist"),
        ({"description": "x" * 300_000}, "", "is larger than 256 KiB"),
    ],
)
def test_a_schema_that_is_none_is_refused_with_its_path(schema: Any, path: str, told: str) -> None:
    with pytest.raises(SchemaInvalid) as caught:
        compile_schema(schema)
    assert caught.value.path == path
    assert told in caught.value.message


@pytest.mark.parametrize("uri", ["https://example.com/person.json", "http://127.0.0.1:1/x", "file:///etc/passwd"])
def test_a_schema_never_reaches_outside_itself(uri: str) -> None:
    with (
        patch("socket.socket.connect", side_effect=AssertionError("tried to connect")),
        pytest.raises(SchemaInvalid, match=r"schemas are never fetched, so copy it in under \$defs"),
    ):
        compile_schema({"properties": {"a": {"$ref": uri}}})


def test_references_within_a_schema_are_followed() -> None:
    schema = {"$defs": {"node": {"properties": {"next": {"$ref": "#/$defs/node"}, "n": {"type": "integer"}}}}}
    found = faults(schema | {"$ref": "#/$defs/node"}, {"next": {"next": {"n": "x"}}})
    assert found == [("input.next.next.n", "must be of type integer")]


def test_a_schema_that_only_refers_to_itself_ends() -> None:
    assert faults({"$ref": "#"}, {"a": 1}) == []
