"""Conditions that only ask whether a text stands at a path: told without the engine, which gives the same; no I/O.

Large rule sets are mostly these, one per desk, country or customer. Asking Python costs a tenth of calling the engine.
Wherever the answer is not plainly yes or no, because nothing or no text stands there, the engine is asked.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from review.kernel.shapes import is_object
from review.routing.tokens import Kind, Token

_QUOTES = ("'", '"')


class Equality(NamedTuple):
    """A path below `item`, and the text that is to stand there."""

    path: tuple[str, ...]
    text: str


def equality_in(tokens: Sequence[Token]) -> Equality | None:
    """Read `item.a.b == "text"`, the text without escapes; None for every other condition."""
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


def text_at(values: Mapping[str, object], path: Sequence[str]) -> str | None:
    """Give the text at a path of objects; None where there is anything else, or nothing."""
    found: object = values
    for name in path:
        if not is_object(found) or name not in found:
            return None
        found = found[name]
    return found if isinstance(found, str) else None
