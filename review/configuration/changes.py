"""What differs between two documents, value by value and line by line, for people who compare versions; no I/O."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from review.configuration.checks import list_of, mapping_of
from review.configuration.plans import SECTIONS, Difference, compare

MOST_SHOWN = 300  # characters of one value
AROUND = 3  # lines of context

Sign = Literal["added", "removed", "same", "gap"]


class ValueChange(msgspec.Struct, frozen=True):
    """One value that differs: its path below what it belongs to, and its JSON before and after, None for none."""

    path: str
    before: str | None
    after: str | None


class Told(msgspec.Struct, frozen=True):
    """A difference with the values that make it; nothing is listed for what is added or removed whole."""

    difference: Difference
    values: tuple[ValueChange, ...]


class Line(msgspec.Struct, frozen=True):
    """A line of the two texts laid over each other; of a `gap` the text is empty."""

    sign: Sign
    text: str


def tell(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Told, ...]:
    """List what differs between two checked documents, with the values of what is changed."""
    return tuple(Told(each, tuple(_values(each, before, after))) for each in compare(before, after))


def lines(before: str, after: str) -> tuple[Line, ...]:
    """Lay two texts over each other line by line, with three lines around each change; nothing if they are the same."""
    found: list[Line] = []
    for text in list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=AROUND))[2:]:
        if text.startswith("@@"):
            found += [Line("gap", "")] if found else []
        else:
            sign: Sign = "added" if text[0] == "+" else "removed" if text[0] == "-" else "same"
            found.append(Line(sign, text[1:]))
    return tuple(found)


_SECTIONS = {kind: section for section, kind in SECTIONS.items()} | {"webhook": "webhooks", "rule": "rules"}


def _values(difference: Difference, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[ValueChange]:
    if difference.change != "changed":
        return
    old, new = (_found(difference, document) for document in (before, after))
    flat_old, flat_new = dict(_flat(old, "")), dict(_flat(new, ""))
    for path in dict.fromkeys([*flat_old, *flat_new]):
        if flat_old.get(path) != flat_new.get(path):
            yield ValueChange(path, flat_old.get(path), flat_new.get(path))


def _found(difference: Difference, document: Mapping[str, Any]) -> object:
    """Give what a difference speaks of in one document; of an order, the names in it."""
    if difference.kind == "rules":
        rules: list[dict[str, Any]] = document.get("rules") or []
        return {"order": [each["name"] for each in rules]}
    if difference.kind == "project":
        said = document.get(difference.name)
        return None if said is None else {difference.name: said}
    section: object = document.get(_SECTIONS[difference.kind])
    for each in list_of(section) or ():
        named = mapping_of(each) or {}
        if named.get("name") == difference.name:
            return named
    return (mapping_of(section) or {}).get(difference.name)


def _flat(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Give each value that is no mapping by its path, as JSON; a list is one value."""
    inside = mapping_of(value)
    if inside:
        for key, below in inside.items():
            yield from _flat(below, f"{path}.{key}" if path else str(key))
        return
    if value is None and not path:
        return
    text = msgspec.json.encode(value).decode()
    yield path, text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"
