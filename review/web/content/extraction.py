"""Fields that a model read from a document: each with its value, how sure the model is, and where it read it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from review.kernel.shapes import is_list, is_object
from review.web.content.frames import ABSENT, Absent, Frame, follow, pointer
from review.web.content.marks import share
from review.web.content.text import visible

MOST_FIELDS = 300
MOST_DEPTH = 4
MOST_VALUE = 500
LOW = 0.8  # below it a field is marked for another look


@dataclass(frozen=True, slots=True)
class Extracted:
    """One field; `pointer` is its place in the output, by which the form names its control."""

    pointer: str
    name: Markup
    value: Markup
    confidence: float | None

    @property
    def is_low(self) -> bool:
        """Whether the model was so unsure that somebody should look twice."""
        return self.confidence is not None and self.confidence < LOW


def fields(frame: Frame, path: tuple[str, ...], value: object) -> list[Extracted]:
    """List the fields of an extracted object, nested ones by their path."""
    confidences = [given for _, given in frame.named("confidences")]
    found: list[Extracted] = []
    for steps, inner in _leaves(value, ()):
        if len(found) == MOST_FIELDS:
            break
        sure = next((s for s in (share(follow(each, pointer(steps))) for each in confidences) if s is not None), None)
        found.append(
            Extracted(
                pointer=pointer((*path, *steps)),
                name=visible(", ".join(str(step + 1) if isinstance(step, int) else step for step in steps)[:200]),
                value=_brief(inner),
                confidence=sure,
            )
        )
    return found


def evidence(frame: Frame) -> tuple[list[object], list[str]]:
    """List the places that stand as evidence for extracted fields, and the pointer of the field of each."""
    places: list[object] = []
    named: list[str] = []
    roots = [tuple(path.split(".")[1:]) for path, _ in frame.named("extraction") if path.startswith("output")]
    for _, given in frame.named("evidence"):
        for steps, place in _places(given, ()):
            field = next((p for p in (pointer((*root, *steps)) for root in roots) if _stands(frame, p)), "")
            places.append({**place, "label": ", ".join(str(step) for step in steps)} if is_object(place) else place)
            named.append(field)
    return places[:MOST_FIELDS], named[:MOST_FIELDS]


def _stands(frame: Frame, field: str) -> bool:
    return not isinstance(follow(frame.whole.get("output", ABSENT), field), Absent)


def _places(value: object, steps: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], object]]:
    """Walk down to what says where: an object of numbers and corners, or several of such in a list."""
    if is_object(value) and any(name in value for name in ("start", "x", "x1", "bbox", "box", "polygon", "points")):
        yield steps, value
    elif is_object(value) and len(steps) < MOST_DEPTH:
        for name, inner in value.items():
            yield from _places(inner, (*steps, name))
    elif is_list(value):
        for inner in value:
            if is_object(inner):
                yield from _places(inner, steps)


def _leaves(value: object, steps: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], object]]:
    deep = len(steps) < MOST_DEPTH
    if is_object(value) and value and deep:
        for name, inner in value.items():
            yield from _leaves(inner, (*steps, name))
    elif is_list(value) and value and deep and any(is_object(each) for each in value):
        for place, inner in enumerate(value):
            yield from _leaves(inner, (*steps, place))
    else:
        yield steps, value


def _brief(value: object) -> Markup:
    if value is None or isinstance(value, Absent):
        return Markup("")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return visible(text[:MOST_VALUE] + (" …" if len(text) > MOST_VALUE else ""))
