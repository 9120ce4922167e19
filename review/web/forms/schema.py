"""What a JSON Schema says about one value, boiled down to what a form can use."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from review.web.forms.fields import Schema
from review.web.shapes import is_list, is_object

MAX_OPTIONS = 500
MAX_REFERENCES = 16
_NOTES = ("title", "description", "$comment", "default", "examples", "deprecated", "readOnly", "writeOnly", "$id")
_STEERING = ("$ref", "allOf", "anyOf", "oneOf", "not", "if", "prefixItems", "contains", "patternProperties")


@dataclass(frozen=True, slots=True)
class Reading:
    """A schema with its references followed: the one type it allows, or the values it lists, and whether null too.

    `type` is empty where the schema allows several types or says something that a form cannot.
    """

    schema: Schema
    type: str = ""
    nullable: bool = False
    listed: tuple[tuple[Any, str], ...] | None = None


def read(schema: object, root: object) -> Reading:
    """Boil down one subschema of `root`. Never raises, whatever the schema is."""
    plain = _flatten(schema, root)
    if plain is None:
        return Reading({})
    listed = _listed(plain)
    if listed is not None:
        if len(listed) > MAX_OPTIONS:
            return Reading(plain)
        nullable = any(value is None for value, _ in listed)
        return Reading(plain, nullable=nullable, listed=tuple((v, label) for v, label in listed if v is not None))
    branches = plain.get("anyOf", plain.get("oneOf"))
    if is_list(branches):
        return _nullable_branch(plain, branches, root)
    return _typed(plain)


def _typed(plain: Schema) -> Reading:
    stated = plain.get("type")
    types = [stated] if isinstance(stated, str) else [t for t in stated if isinstance(t, str)] if stated else []
    if not types and isinstance(plain.get("properties"), dict):
        types = ["object"]
    nullable = "null" in types
    others = [kind for kind in types if kind != "null"]
    if len(others) != 1 or any(word in plain for word in _STEERING if word not in {"not", "if", "contains"}):
        return Reading(plain)
    return Reading(plain, type=others[0], nullable=nullable)


def _nullable_branch(plain: Schema, branches: list[Any], root: object) -> Reading:
    """Read `anyOf: [X, {type: null}]` as X that may be null; any other choice of schemas is beyond a form."""
    others = [branch for branch in branches if not (is_object(branch) and branch.get("type") == "null")]
    if len(others) != 1 or len(branches) - len(others) > 1 or not is_object(others[0]):
        return Reading(plain)
    rest = {key: value for key, value in plain.items() if key not in {"anyOf", "oneOf"}}
    inner = read({**others[0], **rest}, root)
    nullable = inner.nullable or len(others) < len(branches)
    return Reading(inner.schema, inner.type, nullable, inner.listed)


def _flatten(schema: object, root: object) -> Schema | None:
    """Follow local `$ref`s and single `allOf`s; None where they lead nowhere or in circles."""
    for _ in range(MAX_REFERENCES):
        if not is_object(schema):
            return None
        both = schema.get("allOf")
        if "$ref" in schema:
            target = _resolve(schema["$ref"], root)
            rest = {key: value for key, value in schema.items() if key != "$ref"}
        elif is_list(both) and len(both) == 1:
            target = both[0]
            rest = {key: value for key, value in schema.items() if key != "allOf"}
        else:
            return schema
        if not is_object(target) or any(key in target for key in rest if key not in _NOTES):
            return None
        schema = {**target, **rest}
    return None


def _resolve(reference: object, root: object) -> object:
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    place = root
    for part in reference[1:].split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        place = place.get(key) if is_object(place) else None
    return place


def _listed(plain: Schema) -> list[tuple[Any, str]] | None:
    """List the values that `enum`, `const` or a choice of consts allows, each with its label."""
    if "const" in plain:
        return [(plain["const"], "")]
    values = plain.get("enum")
    if is_list(values):
        return [(value, "") for value in values]
    branches = plain.get("oneOf", plain.get("anyOf"))
    if not is_list(branches) or not branches:
        return None
    found = list(_consts(branches))
    return found if len(found) == len(branches) else None


def _consts(branches: list[Any]) -> Iterator[tuple[Any, str]]:
    for branch in branches:
        if not is_object(branch):
            return
        words = {key for key in branch if key not in _NOTES}
        title = branch.get("title")
        label = title if isinstance(title, str) else ""
        if "const" in branch and words <= {"const", "type"}:
            yield branch["const"], label
        elif branch.get("type") == "null" and words == {"type"}:
            yield None, label
        else:
            return
