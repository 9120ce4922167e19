"""Conditions that ask first whether a text stands at a path: told without the engine where it does not; no I/O.

Large rule sets are mostly these, one per desk, country or customer. Those that hold for an item are found by one
look-up for each path, however many they are. Where nothing stands at the path the engine is asked, and says so.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from heapq import merge
from typing import Final, NamedTuple

from review.kernel.shapes import is_object
from review.routing.tokens import Kind, Token

_QUOTES = ("'", '"')


class Equality(NamedTuple):
    """A path below `item`, and the text that is to stand there; `and_more` where the condition asks more than that."""

    path: tuple[str, ...]
    text: str
    and_more: bool = False


def equality_in(tokens: Sequence[Token]) -> Equality | None:
    """Read `item.a.b == "text"`, the text without escapes, alone or before `&&`; None for every other condition."""
    end = next((at for at, token in enumerate(tokens) if token.text == "&&"), len(tokens))
    if _has_another_way(tokens[end:]):
        return None
    found = _equality(tokens[:end])
    return found._replace(and_more=True) if found is not None and end < len(tokens) else found


def _has_another_way(tokens: Sequence[Token]) -> bool:
    """Tell whether a condition may hold though what stands before these does not: `||` and `?` bind less than `&&`."""
    depth = 0
    for token in tokens:
        if token.kind is Kind.MARK:
            depth += (token.text in {"(", "[", "{"}) - (token.text in {")", "]", "}"})
            if depth == 0 and token.text in {"||", "?"}:
                return True
    return False


def _equality(tokens: Sequence[Token]) -> Equality | None:
    *path, equals, last = tokens if len(tokens) > 4 else (None,) * 6
    if equals is None or last is None or (equals.kind, equals.text) != (Kind.MARK, "=="):
        return None
    text = last.text
    if last.kind is not Kind.TEXT or text[:1] not in _QUOTES or "\\" in text or text[:3] in {"'''", '"""'}:
        return None
    parts = [each.text if each is not None else "" for each in path]
    names, dots = parts[::2], parts[1::2]
    kinds = {each.kind for each in path[::2] if each is not None}
    if names[0] != "item" or len(names) != len(dots) + 1 or set(dots) != {"."} or kinds != {Kind.NAME}:
        return None
    return Equality(tuple(names[1:]), text[1:-1])


class Nothing(Enum):
    """What stands where nothing does; null is something."""

    HERE = "nothing"


NOTHING_HERE: Final = Nothing.HERE


def value_at(values: Mapping[str, object], path: Sequence[str]) -> object:
    """Give what stands at a path of objects, or `NOTHING_HERE`."""
    found: object = values
    for name in path:
        if not is_object(found) or name not in found:
            return NOTHING_HERE
        found = found[name]
    return found


class _Same(NamedTuple):
    """The equalities of one path: the places of all of them, and of those that want a text."""

    all: tuple[int, ...]
    wanting: Mapping[str, tuple[int, ...]]


class Places(NamedTuple):
    """Where conditions stand in their order: those that ask first for a text, by path and text, and all others."""

    asked: tuple[int, ...]
    equal: Mapping[tuple[str, ...], _Same]

    def open_to(self, stands_at: Callable[[tuple[str, ...]], object]) -> Iterator[int]:
        """Give the places, in order, of the conditions that may hold or fail on what stands at a path.

        Every other condition is false.
        """
        found = [self.asked]
        for path, same in self.equal.items():
            value = stands_at(path)
            if value is NOTHING_HERE:
                found.append(same.all)
            elif isinstance(value, str):
                found.append(same.wanting.get(value, ()))
        found = [each for each in found if each]
        return iter(found[0]) if len(found) == 1 else merge(*found)


def places_of(equalities: Sequence[Equality | None]) -> Places:
    """Index conditions, each by the equality that it asks first for, if it does."""
    asked, all_at = list[int](), dict[tuple[str, ...], list[int]]()
    wanting: dict[tuple[str, ...], dict[str, list[int]]] = {}
    for at, equality in enumerate(equalities):
        if equality is None:
            asked.append(at)
        else:
            all_at.setdefault(equality.path, []).append(at)
            wanting.setdefault(equality.path, {}).setdefault(equality.text, []).append(at)
    same = {
        path: _Same(tuple(places), {text: tuple(at) for text, at in wanting[path].items()})
        for path, places in all_at.items()
    }
    return Places(tuple(asked), same)
