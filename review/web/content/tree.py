"""A JSON value as a tree of lines that open and close, of a size that a page can bear."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from review.kernel.shapes import is_list, is_object
from review.web.content.text import visible

MAX_NODES = 2_000
MAX_DEPTH = 24
MAX_STRING = 20_000


@dataclass(frozen=True, slots=True)
class Node:
    """One value: a leaf with its text, or a branch with children; `left_out` counts the children not shown."""

    key: str
    kind: str
    text: Markup
    children: "tuple[Node, ...]" = ()
    left_out: int = 0
    is_cut: bool = False


def grow(value: object) -> Node:
    """Make the tree, leaving out and counting what is too much."""
    return _node("", value, 0, _Budget(MAX_NODES))


def is_cut(node: Node) -> bool:
    """Whether something is left out of a tree, or a text in it cut short."""
    return node.left_out > 0 or node.is_cut or any(is_cut(child) for child in node.children)


@dataclass(slots=True)
class _Budget:
    left: int


def _node(key: str, value: object, depth: int, budget: _Budget) -> Node:
    budget.left -= 1
    if not (is_object(value) or is_list(value)):
        cut = isinstance(value, str) and len(value) > MAX_STRING
        return Node(key, _kind(value), leaf_text(value), is_cut=cut)
    many = f"{len(value)} {'field' if is_object(value) else 'entr'}{_plural(value)}"
    kind = "object" if is_object(value) else "array"
    if depth >= MAX_DEPTH:
        return Node(key, kind, visible(many), left_out=len(value))
    children: list[Node] = []
    for name, inner in _entries(value):
        if budget.left <= 0:
            break
        children.append(_node(name, inner, depth + 1, budget))
    return Node(key, kind, visible(many), tuple(children), len(value) - len(children))


def _entries(value: object) -> Iterator[tuple[str, object]]:
    if is_object(value):
        yield from value.items()
    elif is_list(value):
        yield from ((str(place), inner) for place, inner in enumerate(value))


def leaf_text(value: object) -> Markup:
    """Write a string, number, true, false or null for reading."""
    if isinstance(value, str):
        return visible(value if len(value) <= MAX_STRING else value[:MAX_STRING] + " …")
    return visible(json.dumps(value))


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if value is None:
        return "null"
    return "string" if isinstance(value, str) else "number"


def _plural(value: "dict[str, object] | list[object]") -> str:
    one = len(value) == 1
    if is_object(value):
        return "" if one else "s"
    return "y" if one else "ies"
