"""What a JSON Schema says about one value, boiled down to what a form can use."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from review.kernel.shapes import is_list, is_object
from review.web.forms.fields import Schema
from review.web.forms.merging import NOTES, Condition, flatten, merge
from review.web.words.catalogue import N_, gettext, one_of

MAX_OPTIONS = 2_000
MAX_SHAPES = 24
_CHOICES = ("oneOf", "anyOf")
_FORM: Final = N_("Form")
_KINDS: Final = {
    "string": N_("Text"),
    "integer": N_("A whole number"),
    "number": N_("A number"),
    "boolean": N_("Yes or no"),
    "array": N_("A list"),
    "object": N_("Fields"),
}
# What says of which type a value is, where no `type` does.
_TELLING: Final[dict[str, str]] = {
    "properties": "object",
    "patternProperties": "object",
    "items": "array",
    "prefixItems": "array",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """One of several schemas a value may have, and what to call it."""

    schema: Schema
    label: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A schema boiled down: the one type it allows, or the values it lists, or its shapes, and whether null too.

    `type` is empty where the schema allows several types or says something that a form cannot.
    """

    schema: Schema
    type: str = ""
    nullable: bool = False
    listed: tuple[tuple[Any, str], ...] | None = None
    shapes: tuple[Shape, ...] = ()
    conditions: tuple[Condition, ...] = ()


def read(schema: object, root: object) -> Reading:
    """Boil down one subschema of `root`. Never raises, whatever the schema is."""
    flat = flatten(schema, root)
    if flat is None:
        return Reading({})
    reading = _boil(flat.schema, root)
    told = [each.written() for each in flat.conditions]
    shapes = tuple(replace(each, schema=_also(each.schema, told)) for each in reading.shapes)
    return replace(reading, conditions=flat.conditions + reading.conditions, shapes=shapes)


def _also(schema: Schema, told: list[Schema]) -> Schema:
    """Have more parts hold beside a schema."""
    return {**schema, "allOf": [*schema.get("allOf", ()), *told]} if told else schema


def _boil(plain: Schema, root: object) -> Reading:
    listed = _listed(plain)
    if listed is not None:
        if len(listed) > MAX_OPTIONS:
            return Reading(plain)
        nullable = any(value is None for value, _ in listed)
        return Reading(plain, nullable=nullable, listed=tuple((v, label) for v, label in listed if v is not None))
    for word in _CHOICES:
        if is_list(plain.get(word)):
            return _chosen_from(plain, word, root)
    return _typed(plain)


def _typed(plain: Schema) -> Reading:
    stated = plain.get("type")
    types = (
        [stated] if isinstance(stated, str) else [t for t in stated if isinstance(t, str)] if is_list(stated) else []
    )
    if not types:
        types = [kind for word, kind in _TELLING.items() if isinstance(plain.get(word), dict | list)][:1]
    nullable = "null" in types
    others = [kind for kind in dict.fromkeys(types) if kind != "null" and not (kind == "integer" and "number" in types)]
    if len(others) == 1:
        return Reading(plain, type=others[0], nullable=nullable)
    shapes = tuple(Shape({**plain, "type": kind}, gettext(_KINDS[kind])) for kind in others if kind in _KINDS)
    return Reading(plain, nullable=nullable, shapes=shapes if len(shapes) == len(others) else ())


def _chosen_from(plain: Schema, word: str, root: object) -> Reading:
    """Read a choice of schemas: one that may be null as itself, several as shapes."""
    rest = {key: value for key, value in plain.items() if key != word}
    branches: list[Schema] = []
    nullable = False
    for branch in plain[word]:
        flat = flatten(branch, root)
        if flat is None:
            return Reading(plain)
        if flat.schema.get("type") == "null" or ("const" in flat.schema and flat.schema["const"] is None):
            nullable = True
            continue
        merged = merge(flat.schema, rest)
        if merged is None:
            continue
        branches.append(_also(merged, [each.written() for each in flat.conditions]))
    if len(branches) == 1:
        inner = read(branches[0] | {key: rest[key] for key in ("title", "description") if key in rest}, root)
        return replace(inner, nullable=nullable or inner.nullable)
    if not 1 < len(branches) <= MAX_SHAPES:
        return Reading(plain)
    named = zip(branches, _names_of(branches, rest), strict=True)
    return Reading(plain, nullable=nullable, shapes=tuple(Shape(schema, name) for schema, name in named))


def _names_of(branches: list[Schema], rest: Schema) -> list[str]:
    """Name shapes by their titles, by the constant that tells them apart, by what they require, or by their type."""
    names: list[str] = []
    for place, branch in enumerate(branches, 1):
        title = branch.get("title")
        kind = branch.get("type")
        found = title if isinstance(title, str) and title != rest.get("title") else ""
        found = found or _constant(branch) or _asked(branch, rest)
        found = found or one_of(_KINDS, kind if isinstance(kind, str) else "")
        names.append(found if found and found not in names else f"{found or gettext(_FORM)} ({place})")
    return names


def _constant(branch: Schema) -> str:
    properties = branch.get("properties")
    for inner in properties.values() if is_object(properties) else ():
        told = inner.get("const") if is_object(inner) else None
        if isinstance(told, str) and told.strip():
            return told.replace("_", " ")
    return ""


def _asked(branch: Schema, rest: Schema) -> str:
    needed, anyway = branch.get("required"), rest.get("required")
    more = [name for name in needed if name not in (anyway if is_list(anyway) else [])] if is_list(needed) else []
    return gettext("With %(fields)s", fields=", ".join(str(name) for name in more[:4])) if more else ""


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
        words = {key for key in branch if key not in NOTES}
        title = branch.get("title")
        label = title if isinstance(title, str) else ""
        if "const" in branch and words <= {"const", "type"}:
            yield branch["const"], label
        elif branch.get("type") == "null" and words == {"type"}:
            yield None, label
        else:
            return
