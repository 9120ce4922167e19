"""From a schema and a value to start from to the tree of fields that shows it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from review.web.forms.fields import MISSING, Field, Kind, Missing, Option, Path, Row, Schema
from review.web.forms.schema import Reading, read
from review.web.shapes import is_list, is_number, is_object

MAX_ROWS = 200
MAX_DEPTH = 8
MAX_FIELDS = 1_000
KEYED_OPTIONS = 9
LONG_TEXT = 200

_DATE = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
_TIME = re.compile(
    r"(?P<minutes>[0-9]{4}-\d\d-\d\dT\d\d:\d\d)(?P<seconds>:[0-5]\d)?(?P<zone>Z|[+-]\d\d:\d\d)", re.ASCII
)
_UNSHOWABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(slots=True)
class Builder:
    """Makes fields for one form and counts them, so that no schema or value can make a page without end."""

    root: Any
    made: int = field(default=0)

    def build(self, schema: object, base: Any, path: Path, *, required: bool, depth: int = 0) -> Field:
        """Make the field for one place, filled with `base`. Never raises, whatever schema and value are."""
        self.made += 1
        reading = read(schema, self.root)
        plain = reading.schema
        made = Field(
            kind="json",
            path=path,
            schema=schema if is_object(schema) else {},
            label=_label(plain, path),
            hint=_sentence(plain.get("description")),
            required=required,
            nullable=reading.nullable,
            base=base,
        )
        if self.made > MAX_FIELDS or depth > MAX_DEPTH:
            return self.as_json(made)
        if reading.listed is not None:
            return self._choice(made, reading)
        shape = {
            "boolean": self._boolean,
            "integer": self._number,
            "number": self._number,
            "string": self._string,
        }.get(reading.type)
        if shape is not None:
            return shape(made, reading)
        if reading.type == "array":
            return self._array(made, reading, depth)
        if reading.type == "object":
            return self._group(made, reading, depth)
        return self.as_json(made)

    def build_row(self, array: Field, path: Path) -> Field:
        """Make the field of one more row of an array, with nothing in it yet."""
        items = read(array.schema, self.root).schema.get("items")
        return self.build(items, MISSING, path, required=True, depth=len(path))

    def as_json(self, made: Field) -> Field:
        """Show the value as the JSON text it is, for what no control fits."""
        text = "" if isinstance(made.base, Missing) else json_text(made.base)
        return _with(made, "json", text=text)

    def _choice(self, made: Field, reading: Reading) -> Field:
        listed = list(reading.listed or ())
        options = [Option(json_text(value), label or option_label(value), value) for value, label in listed]
        if len({option.text for option in options}) < len(options):
            return self.as_json(made)
        base = made.base
        allowed = [option.text for option in options] + ["null"] * made.nullable
        if not isinstance(base, Missing) and json_text(base) not in allowed:
            return self.as_json(made)
        few = len(options) <= KEYED_OPTIONS or _all_digits(options)
        return _with(
            made, "choice" if few else "select", options=_keyed(options, made) if few else _spare(options, made)
        )

    def _boolean(self, made: Field, _reading: Reading) -> Field:
        if not isinstance(made.base, bool | Missing) and not _is_allowed_null(made):
            return self.as_json(made)
        options = [Option("true", "Yes", value=True), Option("false", "No", value=False)]
        return _with(made, "choice", options=_spare(options, made))

    def _number(self, made: Field, reading: Reading) -> Field:
        wrong = isinstance(made.base, bool) or not isinstance(made.base, int | float | Missing)
        if wrong and not _is_allowed_null(made):
            return self.as_json(made)
        integer = reading.type == "integer"
        hint = " ".join(part for part in (made.hint, _bounds(reading.schema, integer=integer)) if part)
        return _with(made, "number", text=scalar_text(made.base), integer=integer, hint=hint)

    def _string(self, made: Field, reading: Reading) -> Field:
        plain, base = reading.schema, made.base
        text = scalar_text(base)
        wrong = not isinstance(base, str | Missing) and not _is_allowed_null(made)
        if wrong or _UNSHOWABLE.search(text):
            return self.as_json(made)
        stated = plain.get("format")
        if stated == "date" and (not text or _DATE.fullmatch(text)):
            return _with(made, "date", text=text)
        if stated == "date-time" and (not text or _TIME.fullmatch(text)):
            shown, zone = local_time(text) if text else ("", "Z")
            return _with(made, "datetime", text=shown, suffix=zone)
        limit = plain.get("maxLength")
        limit = limit if isinstance(limit, int) and not isinstance(limit, bool) else None
        asked = plain.get("x-multiline") is True or (limit or 0) > LONG_TEXT
        long = asked or len(text) > LONG_TEXT or "\n" in text or "\r" in text
        return _with(made, "longtext" if long else "text", text=text, max_length=limit)

    def _array(self, made: Field, reading: Reading, depth: int) -> Field:
        items = reading.schema.get("items")
        base = made.base
        wrong = not (is_list(base) or base is MISSING) and not _is_allowed_null(made)
        if wrong or not is_object(items):
            return self.as_json(made)
        values: list[Any] = base if is_list(base) else []
        inner = read(items, self.root)
        if reading.schema.get("uniqueItems") is True and inner.listed and not inner.nullable:
            options = [Option(json_text(value), label or option_label(value), value) for value, label in inner.listed]
            texts, chosen = [option.text for option in options], [json_text(value) for value in values]
            if len(set(texts)) == len(texts) and chosen == [text for text in texts if text in chosen]:
                return _with(made, "choices", chosen=tuple(chosen), options=tuple(options))
        if len(values) > MAX_ROWS or self.made + len(values) > MAX_FIELDS:
            return self.as_json(made)
        rows = tuple(
            Row(self.build(items, value, (*made.path, place), required=True, depth=depth + 1), origin=place)
            for place, value in enumerate(values)
        )
        return _with(made, "rows", rows=rows)

    def _group(self, made: Field, reading: Reading, depth: int) -> Field:
        properties = reading.schema.get("properties")
        base = made.base
        wrong = not (is_object(base) or base is MISSING) and not _is_allowed_null(made)
        if wrong or not is_object(properties) or not properties:
            return self.as_json(made)
        values: dict[str, Any] = base if is_object(base) else {}
        needed = reading.schema.get("required")
        needed = needed if is_list(needed) else []
        if any(_UNSHOWABLE.search(name) or "\n" in name or "\r" in name for name in properties):
            return self.as_json(made)
        children = [
            self.build(inner, values.get(name, MISSING), (*made.path, name), required=name in needed, depth=depth + 1)
            for name, inner in properties.items()
        ]
        rest = {name: value for name, value in values.items() if name not in properties}
        if rest:
            more = Field(
                "json",
                made.path,
                {},
                "Everything else",
                required=False,
                base=rest,
                extras=True,
                reserved=tuple(properties),
            )
            children.append(self.as_json(more))
        return _with(made, "group", children=tuple(children))


def json_text(value: object) -> str:
    """Write a value as JSON for a person to read and mend; only what cannot stand in a page is escaped."""
    deep = isinstance(value, dict | list)
    text = json.dumps(value, ensure_ascii=False, indent=2 if deep else None, allow_nan=True)
    return json.dumps(value, indent=2 if deep else None) if _UNSHOWABLE.search(text) else text


def scalar_text(value: object) -> str:
    """Write a string or a number as a control carries it."""
    if isinstance(value, Missing) or value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def option_label(value: object) -> str:
    """Name one listed value for a person."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return value if isinstance(value, str) and value.strip() else json.dumps(value, ensure_ascii=False)


def local_time(text: str) -> tuple[str, str]:
    """Split an RFC 3339 time into what a browser's field carries, as it writes it, and the offset."""
    match = _TIME.fullmatch(text)
    if match is None:
        return text, ""
    seconds = match["seconds"] or ""
    return match["minutes"] + ("" if seconds == ":00" else seconds), match["zone"]


def _with(made: Field, kind: Kind, **changes: Any) -> Field:
    """Copy the field with its control; a choice starts with what the base holds."""
    if kind in {"choice", "select"}:
        chosen = _chosen(made, changes["options"])
        labels = [option.label for option in changes["options"] if option.text == chosen]
        changes |= {"chosen": (chosen,), "was": chosen, "was_label": labels[0] if labels else ""}
    elif "text" in changes:
        changes |= {"was": changes["text"], "was_label": changes["text"]}
    return replace(made, kind=kind, **changes)


def _is_allowed_null(made: Field) -> bool:
    return made.base is None and made.nullable


def _chosen(made: Field, options: tuple[Option, ...]) -> str:
    if isinstance(made.base, Missing):
        return options[0].text if len(options) == 1 else ""
    return json_text(made.base)


def _spare(options: list[Option], made: Field) -> tuple[Option, ...]:
    """Add what else may be chosen: nothing at all, or null."""
    more = [Option("null", "None (null)", None)] if made.nullable else []
    if not made.required:
        more.append(Option("", "Not given", MISSING))
    return (*options, *more)


def _keyed(options: list[Option], made: Field) -> tuple[Option, ...]:
    """Give each option a digit key: its own digit where the options are digits, else its place."""
    own = _all_digits(options)
    keys: Iterator[str] = (option.label if own else str(place) for place, option in enumerate(options, 1))
    keyed = [Option(o.text, o.label, o.value, key) for o, key in zip(options, keys, strict=True)]
    return _spare(keyed, made)


def _all_digits(options: list[Option]) -> bool:
    return bool(options) and all(re.fullmatch("[0-9]", option.label) for option in options)


def _label(plain: Schema, path: Path) -> str:
    title = plain.get("title")
    if isinstance(title, str) and title.strip():
        return title
    if not path:
        return "Output"
    last = path[-1]
    if isinstance(last, int):
        return str(last + 1)
    return last.replace("_", " ").strip() or last


def _sentence(text: object) -> str:
    return text if isinstance(text, str) else ""


def _bounds(plain: Schema, *, integer: bool) -> str:
    """Say in words what a number may be."""
    kind = "A whole number" if integer else "A number"
    said: list[str] = []
    for word, phrase in (
        ("minimum", "from"),
        ("exclusiveMinimum", "above"),
        ("maximum", "to"),
        ("exclusiveMaximum", "below"),
        ("multipleOf", "in steps of"),
    ):
        bound = plain.get(word)
        if is_number(bound):
            said.append(f"{phrase} {json.dumps(bound)}")
    return f"{kind} {' '.join(said)}." if said else f"{kind}." if integer else ""
