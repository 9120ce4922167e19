"""Fields that an item type calls personal: where they stand, and what stands there for whoever does not see them.

Pure. A path is dotted and begins where the value belongs: `input.email`, `output.name`, `metadata.phone`, `subject`.
Lists are gone through element by element, with or without the `[]` that says so: `input.contacts[].email`.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from review.kernel.shapes import is_list, is_object

HIDDEN: Final = "hidden: personal data"
ELEMENTS: Final = "[]"
ROOTS: Final = ("input", "output", "metadata", "signals", "subject", "explanation")
WHOLE: Final = ("subject", "explanation")  # texts, which have nothing below them

_NAMES: Final = re.compile(r"""\[["']([^"'\]]*)["']\]""")
_PLACES: Final = re.compile(r"\[[^\]]*\]")

Change: TypeAlias = Callable[[object], object]


class Gone:
    """What a change gives for a field that is to leave no trace."""


GONE: Final = Gone()


def hide(_value: object) -> object:
    """Give what is shown in a value's place."""
    return HIDDEN


def steps_of(path: str) -> tuple[str, ...]:
    """Give the names along a path, the first of which is its root; lists are gone through wherever they stand."""
    return tuple(name for name in path.replace(ELEMENTS, "").split(".") if name)


def below(paths: Sequence[str], root: str) -> list[tuple[str, ...]]:
    """Give the steps below a root of those of the paths that begin there."""
    return [steps[1:] for steps in map(steps_of, paths) if steps and steps[0] == root]


def is_within(path: str, other: str) -> bool:
    """Tell whether a path is another one or lies below it."""
    steps, outer = steps_of(path), steps_of(other)
    return steps[: len(outer)] == outer


def overlap(path: str, other: str) -> bool:
    """Tell whether one of two paths leads to the other, or past it; places in lists count for nothing."""
    one, two = (tuple(step for step in steps_of(each) if not step.lstrip("-").isdigit()) for each in (path, other))
    shared = min(len(one), len(two))
    return one[:shared] == two[:shared]


def speaks_of(expression: str, path: str) -> bool:
    """Tell whether part of a condition, such as `item.input.email`, has to do with what stands at a path."""
    plain = _PLACES.sub("", _NAMES.sub(r".\1", expression))
    return f".{'.'.join(steps_of(path))}" in plain or overlap(plain.removeprefix("item."), path)


def changed(value: Any, steps: Sequence[str], change: Change) -> Any:
    """Give a value with what stands at a path changed, and the rest as it was; `value` itself stays untouched."""
    if not steps:
        return change(value)
    if is_list(value):
        return [changed(each, steps, change) for each in value]
    name = steps[0]
    if not is_object(value) or name not in value:
        return value
    inner = changed(value[name], steps[1:], change)
    if inner is GONE:
        return {key: each for key, each in value.items() if key != name}
    return {key: inner if key == name else each for key, each in value.items()}


def dumped(value: object) -> bytes:
    """Write a value as compact JSON; half of a surrogate pair survives as an escape."""
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, OverflowError):  # or an integer of more than 64 bits
        return json.dumps(value, separators=(",", ":")).encode()


def changed_raw(raw: bytes, places: Sequence[tuple[Sequence[str], Change]]) -> bytes:
    """Give a JSON text with what stands at each of these places changed; nothing is left of what is gone but null."""
    if not places:
        return raw
    value: Any = json.loads(raw)
    for steps, change in places:
        value = changed(value, steps, change)
    return dumped(None if value is GONE else value)


def hidden_raw(raw: msgspec.Raw, paths: Sequence[str], root: str) -> msgspec.Raw:
    """Give a part of an item as whoever does not see these fields is shown it."""
    steps = below(paths, root)
    return msgspec.Raw(changed_raw(bytes(raw), [(each, hide) for each in steps])) if steps else raw


def hidden_part(value: Any, paths: Sequence[str], root: str) -> Any:
    """Give a decoded part of an item as whoever does not see these fields is shown it."""
    for steps in below(paths, root):
        value = changed(value, steps, hide)
    return value


def hidden_body(body: str, hides: Mapping[str, Sequence[str]]) -> str:
    """Give the body of an event as whoever does not see these fields, by item type, is shown it."""
    if not hides:
        return body
    told: Any = json.loads(body)
    data = told.get("data")
    item = data.get("item") if is_object(data) else None
    paths = hides.get(str(item.get("type")), ()) if is_object(item) else ()
    if not is_object(item) or not paths:
        return body
    decision = item.get("decision")
    if is_object(decision) and below(paths, "output"):
        decision["output"] = hidden_part(decision.get("output"), paths, "output")
        decision["output_sha256"] = None
    item["route"] = hidden_route(item.get("route"))
    return dumped(told).decode()


def hidden_route(route: Any) -> Any:
    """Leave out of a route what may quote the item: errors of conditions, and what was measured."""
    if not is_object(route):
        return route
    kept = {name: each for name, each in route.items() if name != "measured"}
    if kept.get("error"):
        kept["error"] = HIDDEN
    if is_list(tried := kept.get("evaluations")):
        kept["evaluations"] = [
            {**each, "error": HIDDEN} if is_object(each) and each.get("error") else each for each in tried
        ]
    return kept
