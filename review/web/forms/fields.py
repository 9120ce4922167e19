"""The form a reviewer fills: a tree of fields made from an item type's JSON Schema and a value to start from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

Kind = Literal[
    "choice", "select", "choices", "text", "longtext", "number", "date", "time", "datetime",
    "rows", "named", "tuple", "group", "shapes", "closed", "fixed", "cut", "json",
]  # fmt: skip  # one line each
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
    """One line of an array or one name with its value: the field, and which line of the start it came from.

    `origin` is None for a new one; `name_errors` is what is wrong with its name, and `was` its name at the start.
    """

    field: "Field"
    origin: int | None
    name: str = ""
    name_errors: tuple[str, ...] = ()
    was: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One control, or a group of them, with what it shows and what is wrong with it.

    `at` is the address that its controls are named after: the JSON Pointer of its value, but for values whose names
    are themselves filled in. `text` and `chosen` are what the control carries now, `was` what it carries for the AI
    output. `suffix` is what the sent text leaves out: a time's zone, or how long what is cut is in full.
    """

    kind: Kind
    path: Path
    schema: Schema
    label: str
    at: str = ""
    hint: str = ""
    notes: tuple[str, ...] = ()
    required: bool = True
    nullable: bool = False
    integer: bool = False
    base: Any = MISSING
    text: str = ""
    chosen: tuple[str, ...] = ()
    was: str = ""
    was_label: str = ""
    suffix: str = ""
    mode: str = ""
    max_length: int | None = None
    max_rows: int | None = None
    options: tuple[Option, ...] = ()
    children: "tuple[Field, ...]" = ()
    rows: tuple[Row, ...] = ()
    extras: bool = False
    reserved: tuple[str, ...] = ()
    gone: tuple[tuple[str, Any], ...] = ()
    errors: tuple[str, ...] = ()
    is_fresh: bool = False
    is_open: bool = False
    is_live: bool = False
    is_conditional: bool = False
    is_deprecated: bool = False
    has_focus: bool = False

    @property
    def name(self) -> str:
        """The control's name: what it is (`o` a value, `s` a shape, `e` the rest of an object), and its address."""
        return ("e" if self.extras else "s" if self.kind == "shapes" else "o") + self.at

    @property
    def marker(self) -> str:
        """The name of the hidden control that says "here is a row"."""
        return "r" + self.at

    @property
    def pointer(self) -> str:
        """The JSON Pointer of the value this field fills."""
        return pointer(self.path)

    @property
    def now(self) -> str:
        """What the control carries, in one text."""
        if self.kind == "datetime":
            return self.text + self.suffix if self.text else ""
        if self.kind == "choices":
            return "\n".join(self.chosen)
        return self.chosen[0] if self.chosen else self.text

    @property
    def now_label(self) -> str:
        """What the control carries, as people read it."""
        if self.options:
            return ", ".join(option.label for option in self.options if option.text and option.text in self.chosen)
        return self.now.replace("T", " ", 1) if self.kind == "datetime" else self.text

    @property
    def is_changed(self) -> bool:
        """Whether the control carries something else than for the AI output; browsers send line ends their own way."""
        return self.was != self.now and self.was.replace("\r\n", "\n") != self.now.replace("\r\n", "\n")

    @property
    def origins(self) -> tuple[int | None, ...]:
        """Which lines of the start its rows came from, in their order now."""
        return tuple(row.origin for row in self.rows)

    @property
    def is_reordered(self) -> bool:
        """Whether the rows that were there at the start stand in another order."""
        known = [origin for origin in self.origins if origin is not None]
        return known != sorted(known)

    @property
    def is_long(self) -> bool:
        """Whether it is more than a screen or two."""
        return count(self) > MANY

    @property
    def id(self) -> str:
        """An HTML id, the same for the same place in every form."""
        return "f-" + "".join(c if c.isascii() and c.isalnum() else f"_{ord(c):x}" for c in self.name)


MANY: Final = 40
LEAVES: Final = frozenset(
    {"choice", "select", "choices", "text", "longtext", "number", "date", "time", "datetime", "json"}
)


def pointer(path: Sequence[str | int]) -> str:
    """Write a path as an RFC 6901 JSON Pointer."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def inner(field: Field) -> tuple[Field, ...]:
    """List the fields right inside one, in the order of the page."""
    return (*field.children, *(row.field for row in field.rows))


def is_blank(field: Field) -> bool:
    """Whether nothing at all is filled in here."""
    if field.kind in {"group", "tuple"}:
        return all(is_blank(child) for child in field.children)
    if field.kind == "shapes":
        return not any(field.chosen) or any(is_blank(child) for child in field.children)
    if field.kind in {"rows", "named"}:
        return not field.rows
    if field.kind == "fixed":
        return bool(field.options) or isinstance(field.base, Missing)
    if field.kind in {"closed", "cut"}:
        return field.kind == "closed"
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
    for child in root.children:
        found += first_errors(child)
    for row in root.rows:
        found += [(row.field, message) for message in row.name_errors]
        found += first_errors(row.field)
    return found


def first_choice(root: Field) -> Field | None:
    """Find the field that the digit keys fill: the first one whose options carry keys, outside any array."""
    if root.kind == "choice" and any(option.key for option in root.options):
        return root
    for child in root.children:
        if (found := first_choice(child)) is not None:
            return found
    return None


def count(root: Field) -> int:
    """Count the controls of a form."""
    return (root.kind in LEAVES) + sum(count(each) for each in inner(root))


def focused(field: Field) -> Field:
    """Mark the first control within, for the browser to go to."""
    if field.children:
        return replace(field, children=(focused(field.children[0]), *field.children[1:]))
    if field.rows:
        first = field.rows[0]
        return replace(field, rows=(replace(first, field=focused(first.field)), *field.rows[1:]))
    return replace(field, has_focus=True)


def against(made: Field, said: Field) -> Field:
    """Have a form that started from another value tell its changes from the AI output, whose form `said` is."""
    return _against(made, {each.name: each for each in _all(said) if each.kind in LEAVES | {"shapes"}})


def _against(made: Field, said: Mapping[str, Field]) -> Field:
    if made.kind in LEAVES | {"shapes"}:
        other = said.get(made.name)
        made = replace(made, was=other.was if other else "", was_label=other.was_label if other else "")
    return replace(
        made,
        children=tuple(_against(child, said) for child in made.children),
        rows=tuple(replace(row, field=_against(row.field, said)) for row in made.rows),
    )


def _all(field: Field) -> list[Field]:
    return [field, *(each for child in inner(field) for each in _all(child))]


def _takes_none(field: Field) -> bool:
    """Whether another field stands for the same value, and nearer to it."""
    return field.extras or (field.kind == "shapes" and bool(field.children))


def _places(field: Field) -> list[Path]:
    places = [] if field.extras else [field.path]
    for child in inner(field):
        places += _places(child)
    return places


def _attach(field: Field, wanted: Mapping[Path, list[str]]) -> Field:
    own = () if _takes_none(field) else tuple(wanted.get(field.path, ()))
    return replace(
        field,
        errors=field.errors + own,
        children=tuple(_attach(child, wanted) for child in field.children),
        rows=tuple(replace(row, field=_attach(row.field, wanted)) for row in field.rows),
    )
