"""The form a reviewer fills: a tree of fields made from an item type's JSON Schema and a value to start from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

Kind = Literal["choice", "select", "choices", "text", "longtext", "number", "date", "datetime", "rows", "group", "json"]
Path = tuple[str | int, ...]
Schema = dict[str, Any]


class Missing:
    """The absence of a value, which JSON's null is not."""

    def __repr__(self) -> str:
        """Name the one instance."""
        return "MISSING"


MISSING: Final = Missing()


@dataclass(frozen=True, slots=True)
class Option:
    """One value that may be chosen; `text` is what the form carries and `key` the digit that takes it."""

    text: str
    label: str
    value: Any
    key: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of an array: the field, and which line of the starting value it came from (None: a new one)."""

    field: "Field"
    origin: int | None


@dataclass(frozen=True, slots=True)
class Field:
    """One control, or a group of them, with what it shows and what is wrong with it.

    `text` and `chosen` are what the control carries now, `was` what it carried for the value the form started from.
    """

    kind: Kind
    path: Path
    schema: Schema
    label: str
    hint: str = ""
    required: bool = True
    nullable: bool = False
    integer: bool = False
    base: Any = MISSING
    text: str = ""
    chosen: tuple[str, ...] = ()
    was: str = ""
    was_label: str = ""
    suffix: str = ""
    max_length: int | None = None
    options: tuple[Option, ...] = ()
    children: "tuple[Field, ...]" = ()
    rows: tuple[Row, ...] = ()
    extras: bool = False
    reserved: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The control's name: `o` (or `e` for the rest of an object) and the JSON Pointer of its value."""
        return ("e" if self.extras else "o") + pointer(self.path)

    @property
    def marker(self) -> str:
        """The name of the hidden control that says "here is a row"."""
        return "r" + pointer(self.path)

    @property
    def pointer(self) -> str:
        """The JSON Pointer of the value this field fills."""
        return pointer(self.path)

    @property
    def is_changed(self) -> bool:
        """Whether the control carries something else than it started with."""
        return self.was != (self.chosen[0] if self.chosen else self.text)

    @property
    def id(self) -> str:
        """An HTML id, the same for the same place in every form."""
        return "f-" + "".join(c if c.isascii() and c.isalnum() else f"_{ord(c):x}" for c in self.name)


def pointer(path: Sequence[str | int]) -> str:
    """Write a path as an RFC 6901 JSON Pointer."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def is_blank(field: Field) -> bool:
    """Whether nothing at all is filled in here."""
    if field.kind == "group":
        return all(is_blank(child) for child in field.children)
    if field.kind == "rows":
        return not field.rows
    only = len(field.options) == 1 and field.kind == "choice"
    return only or not (field.text or any(field.chosen))


def with_errors(root: Field, errors: Mapping[Path, Sequence[str]]) -> Field:
    """Put each message beside the field that its path names, or beside the nearest field that contains it."""
    places = set(_places(root))
    wanted: dict[Path, list[str]] = {}
    for path, messages in errors.items():
        place = path
        while place and place not in places:
            place = place[:-1]
        wanted.setdefault(place, []).extend(messages)
    return _attach(root, wanted)


def first_errors(root: Field) -> list[tuple[Field, str]]:
    """List every message with its field, in the order of the form."""
    found = [(root, message) for message in root.errors]
    for child in (*root.children, *(row.field for row in root.rows)):
        found += first_errors(child)
    return found


def first_choice(root: Field) -> Field | None:
    """Find the field that the digit keys fill: the first one whose options carry keys, outside any array."""
    if root.kind == "choice" and any(option.key for option in root.options):
        return root
    for child in root.children:
        if (found := first_choice(child)) is not None:
            return found
    return None


def _places(field: Field) -> list[Path]:
    places = [] if field.extras else [field.path]
    for child in (*field.children, *(row.field for row in field.rows)):
        places += _places(child)
    return places


def _attach(field: Field, wanted: Mapping[Path, list[str]]) -> Field:
    own = () if field.extras else tuple(wanted.get(field.path, ()))
    return replace(
        field,
        errors=field.errors + own,
        children=tuple(_attach(child, wanted) for child in field.children),
        rows=tuple(replace(row, field=_attach(row.field, wanted)) for row in field.rows),
    )
