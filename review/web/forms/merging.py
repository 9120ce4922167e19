"""Several schemas that hold at once, as one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from review.kernel.shapes import is_list, is_number, is_object
from review.web.forms.fields import Schema

MAX_STEPS = 64
NOTES: Final = frozenset(
    ("title", "description", "$comment", "default", "examples", "deprecated", "readOnly", "writeOnly")
) | {"$id", "$schema", "$defs", "definitions", "$anchor", "$dynamicAnchor"}
_GONE = ("$ref", "$dynamicRef", "allOf", "if", "then", "else", "dependentRequired", "dependentSchemas")


@dataclass(frozen=True, slots=True)
class Condition:
    """What also holds if something does, and if it does not."""

    test: Any
    then: Any
    otherwise: Any

    def written(self) -> Schema:
        """Write it as a schema again."""
        words = {"if": self.test, "then": self.then, "else": self.otherwise}
        return {word: told for word, told in words.items() if told is not None}


@dataclass(frozen=True, slots=True)
class Flat:
    """A schema without references and `allOf`, and what holds only sometimes."""

    schema: Schema
    conditions: tuple[Condition, ...] = ()


class _TooMuch(Exception):
    """References in circles, or parts that cannot hold at once."""


def flatten(schema: object, root: object) -> Flat | None:
    """Follow local references and merge what must hold together; None where that cannot be told in one schema."""
    try:
        return _flatten(schema, root, [MAX_STEPS])
    except _TooMuch:
        return None


def merge(one: Schema, other: Schema) -> Schema | None:
    """Make one schema of two that both hold, where the first names itself; None where they exclude each other."""
    merged = dict(one)
    for word, value in other.items():
        if word not in merged or merged[word] == value:
            merged[word] = value
        elif word in _BOTH:
            both = _BOTH[word](merged[word], value)
            if both is None:
                return None
            merged[word] = both
    return merged


def resolve(reference: object, root: object) -> object:
    """Find what a local reference names; None where there is no such place."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    named = unquote(reference[1:])
    if named and not named.startswith("/"):
        return next(
            (each for each in _definitions(root) if named in {each.get("$anchor"), each.get("$dynamicAnchor")}), None
        )
    place = root
    for part in named.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if is_list(place):
            place = place[int(key)] if key.isascii() and key.isdigit() and int(key) < len(place) else None
        else:
            place = place.get(key) if is_object(place) else None
    return place


def definitions_of(root: object) -> Schema:
    """Give what references lead to, to stand beside a part of the schema."""
    return {word: root[word] for word in ("$defs", "definitions") if is_object(root) and word in root}


def _definitions(root: object) -> Iterator[Schema]:
    if is_object(root):
        yield root
    for each in definitions_of(root).values():
        yield from (inner for inner in each.values() if is_object(inner)) if is_object(each) else ()


def _flatten(schema: object, root: object, budget: list[int]) -> Flat:
    budget[0] -= 1
    if schema is True:
        return Flat({})
    if budget[0] < 0 or not is_object(schema):
        raise _TooMuch
    plain: Schema = {word: value for word, value in schema.items() if word not in _GONE}
    conditions = list(_conditions(schema))
    parts = [resolve(schema[word], root) for word in ("$ref", "$dynamicRef") if word in schema]
    both = schema.get("allOf")
    parts += both if is_list(both) else []
    for part in parts:
        flat = _flatten(part, root, budget)
        merged = merge(plain, flat.schema)
        if merged is None:
            raise _TooMuch
        plain = merged
        conditions += flat.conditions
    return Flat(plain, tuple(conditions))


def _conditions(schema: Schema) -> Iterator[Condition]:
    if "if" in schema:
        yield Condition(schema["if"], schema.get("then"), schema.get("else"))
    needs, shapes = schema.get("dependentRequired"), schema.get("dependentSchemas")
    for name, names in needs.items() if is_object(needs) else ():
        yield Condition({"type": "object", "required": [name]}, {"required": names}, None)
    for name, then in shapes.items() if is_object(shapes) else ():
        yield Condition({"type": "object", "required": [name]}, then, None)


def _types(one: object, other: object) -> object:
    """Give what both allow; a whole number is a number."""
    first, second = ([each] if isinstance(each, str) else each if is_list(each) else [] for each in (one, other))
    kept = [each for each in first if each in second or (each == "integer" and "number" in second)]
    kept += [each for each in second if each == "integer" and "number" in first and each not in kept]
    return kept or None


def _properties(one: object, other: object) -> object:
    if not (is_object(one) and is_object(other)):
        return one
    return {**one, **{name: {"allOf": [one[name], it]} if name in one else it for name, it in other.items()}}


def _listed(one: object, other: object) -> object:
    """Give the values that both list; 1 and true differ."""
    if not (is_list(one) and is_list(other)):
        return one
    kept = [value for value in one if any(type(value) is type(each) and value == each for each in other)]
    return kept or None


def _names(one: object, other: object) -> object:
    if not (is_list(one) and is_list(other)):
        return one
    return [*one, *(name for name in other if name not in one)]


def _schemas(one: object, other: object) -> object:
    return {"allOf": [one, other]} if is_object(one) and is_object(other) else one if other is True else other


def _narrower(choose: Callable[[Any, Any], Any]) -> Callable[[object, object], object]:
    return lambda one, other: choose(one, other) if is_number(one) and is_number(other) else one


_BOTH: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "type": _types,
    "properties": _properties,
    "patternProperties": _properties,
    "required": _names,
    "enum": _listed,
    "const": lambda _one, _other: None,
    "items": _schemas,
    "additionalProperties": _schemas,
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), _narrower(max)),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), _narrower(min)),
}
