"""What shape a column's values have, learnt from the values, so that Parquet can type them without changing any.

Shapes only ever grow: `merge` gives one that fits everything either side fitted. Where no type fits (a number here,
a word there; an object with keys that are data), the smallest part that differs becomes JSON text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, cast

MAX_FIELDS = 256  # more keys than this in one object are data, not names
MAX_LEAVES = 1_000  # of one column; readers grow slow on wider tables
MAX_DEPTH = 12
EXACT_IN_A_DOUBLE = 2**53
LARGEST_INTEGER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing but null has been seen."""


@dataclass(frozen=True, slots=True)
class Boolean:
    """True and false."""


@dataclass(frozen=True, slots=True)
class Integer:
    """Whole numbers; `wide` once one was seen that a double would round."""

    wide: bool = False


@dataclass(frozen=True, slots=True)
class Real:
    """Numbers, each exact as a double."""


@dataclass(frozen=True, slots=True)
class Text:
    """Strings."""


@dataclass(frozen=True, slots=True)
class Instant:
    """Moments as Countersign writes them. Never learnt, only declared: other text that looks like a date is text."""


@dataclass(frozen=True, slots=True)
class Json:
    """Values that have no type in common; kept as JSON text."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Arrays with elements of one shape."""

    element: "Shape"


@dataclass(frozen=True, slots=True)
class Mapped:
    """Objects; `fields` has every key that any of them had, sorted."""

    fields: tuple[tuple[str, "Shape"], ...]


Shape: TypeAlias = Unknown | Boolean | Integer | Real | Text | Instant | Json | Listing | Mapped


Container: TypeAlias = list[object] | dict[str, object]

# Two different shapes without parts that still have a type in common; every other such pair is JSON.
_MERGED: Mapping[frozenset[Shape], Shape] = {
    frozenset((Integer(), Integer(wide=True))): Integer(wide=True),
    frozenset((Integer(), Real())): Real(),
    frozenset((Instant(), Text())): Text(),
}


def mapped(fields: Mapping[str, Shape]) -> Mapped:
    """Make an object shape with its keys in order."""
    return Mapped(tuple(sorted(fields.items())))


def observe(value: object, depth: int = 0) -> Shape:
    """Give the narrowest shape that fits one value."""
    if value is None:
        return Unknown()
    if isinstance(value, list | dict):
        return _observe_container(cast("Container", value), depth) if depth < MAX_DEPTH else Json()
    match value:
        case bool():
            return Boolean()
        case int():
            return _observe_integer(value)
        case str():
            return Text() if is_text(value) else Json()
        case _:
            return Real()


def _observe_container(value: Container, depth: int) -> Shape:
    if isinstance(value, list):
        element: Shape = Unknown()
        for each in value:
            element = merge(element, observe(each, depth + 1))
        return Listing(element)
    if len(value) > MAX_FIELDS:
        return Json()
    return mapped({key: observe(each, depth + 1) for key, each in value.items()})


def _observe_integer(value: int) -> Shape:
    if not -LARGEST_INTEGER - 1 <= value <= LARGEST_INTEGER:
        return Json()
    return Integer(wide=abs(value) > EXACT_IN_A_DOUBLE)


def merge(one: Shape, other: Shape) -> Shape:
    """Give the narrowest shape that fits what either fits."""
    if one == other or isinstance(other, Unknown):
        return one
    if isinstance(one, Unknown):
        return other
    match one, other:
        case Listing(a), Listing(b):
            return Listing(merge(a, b))
        case Mapped(), Mapped():
            return _merge_fields(one, other)
        case _:
            return _MERGED.get(frozenset((one, other)), Json())


def _merge_fields(one: Mapped, other: Mapped) -> Shape:
    fields = dict(one.fields)
    for key, shape in other.fields:
        fields[key] = merge(fields[key], shape) if key in fields else shape
    return mapped(fields) if len(fields) <= MAX_FIELDS else Json()


def settle(shape: Shape) -> Shape:
    """Make a shape one that can be stored and read back everywhere, by turning the parts that cannot into JSON.

    These are: keys that are empty, not text, or differ only in case (DuckDB compares names without it); and
    columns wider than `MAX_LEAVES`. What has been turned stays so however the shape grows.
    """
    settled = _settle(shape)
    return settled if _leaves(settled) <= MAX_LEAVES else Json()


def _settle(shape: Shape) -> Shape:
    match shape:
        case Listing(element):
            return Listing(_settle(element))
        case Mapped(fields) if _are_names([key for key, _ in fields]):
            return Mapped(tuple((key, _settle(each)) for key, each in fields))
        case Mapped():
            return Json()
        case _:
            return shape


def _are_names(keys: list[str]) -> bool:
    folded = {key.casefold() for key in keys}
    return len(folded) == len(keys) and all(key and "\0" not in key and is_text(key) for key in keys)


def _leaves(shape: Shape) -> int:
    match shape:
        case Listing(element):
            return _leaves(element)
        case Mapped(fields):
            return sum(_leaves(each) for _, each in fields)
        case _:
            return 1


def is_text(value: str) -> bool:
    """Say whether a string can be written as UTF-8; half of a surrogate pair cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
