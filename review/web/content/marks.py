"""Marks that an output makes on its input: boxes and polygons on a picture, spans of a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeGuard

from markupsafe import Markup

from review.kernel.shapes import is_list, is_number, is_object
from review.web.content.frames import NOTHING, first_of
from review.web.content.text import visible

MOST_MARKS = 500
MOST_CORNERS = 200
TONES = 6  # colours that labels take in turn
SCALE = 1_000  # the side of the square that a picture's marks are drawn on


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark: its label, how sure the model is, where it lies, and the field of the output it is evidence for."""

    key: str
    label: Markup
    tone: int
    confidence: float | None = None
    corners: tuple[tuple[float, float], ...] = ()
    start: int = 0
    end: int = 0
    field: str = ""
    quote: Markup = NOTHING

    @property
    def points(self) -> str:
        """Give the corners as SVG writes them."""
        return " ".join(f"{x:g},{y:g}" for x, y in self.corners)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text under the same marks; without a label it lies under none."""

    text: Markup
    start: int
    mark: Mark | None = None


class Tones:
    """Gives each label its colour, the same for the same label."""

    def __init__(self) -> None:
        self._of: dict[str, int] = {}

    def of(self, label: str) -> int:
        """Give the number of a label's colour, from 1."""
        return self._of.setdefault(label, len(self._of) % TONES + 1)

    def take(self, label: str, tone: int) -> None:
        """Keep the colour that a label was given elsewhere."""
        self._of[label] = tone


@dataclass(frozen=True, slots=True)
class Drawn:
    """Marks on one picture; `in_pixels` where its size is not known, so that they are brought to scale once it is."""

    marks: tuple[Mark, ...] = ()
    in_pixels: bool = False


def boxes(value: object, prefix: str, size: tuple[int, int], fields: Sequence[str] = ()) -> Drawn | None:
    """Read boxes and polygons; None where the value is no list of such.

    Numbers up to 1 are parts of the picture's sides, others pixels. `fields` names the field of the output that each
    is evidence for.
    """
    listed = value if is_list(value) else [value] if is_object(value) else None
    if listed is None:
        return None
    listed = listed[:MOST_MARKS]
    outlines = [_corners(each) if is_object(each) else None for each in listed]
    known = [outline for outline in outlines if outline is not None]
    if len(known) < len(listed):
        return None
    are_parts = all(-0.001 <= number <= 1.001 for outline in known for corner in outline for number in corner)
    width, height = (1, 1) if are_parts else size
    across, down = (SCALE / width, SCALE / height) if width and height else (1.0, 1.0)
    tones = Tones()
    found: list[Mark] = []
    for place, (each, outline) in enumerate(zip(listed, known, strict=True)):
        label = _text(first_of(each, "label", "class", "name", "type"))
        found.append(
            Mark(
                key=f"{prefix}-{place}",
                label=visible(label),
                tone=tones.of(label),
                confidence=share(first_of(each, "confidence", "score")),
                corners=tuple((round(x * across, 1), round(y * down, 1)) for x, y in outline),
                field=fields[place] if place < len(fields) else "",
            )
        )
    return Drawn(tuple(found), in_pixels=not (width and height))


def spans(value: object, length: int, prefix: str, fields: Sequence[str] = ()) -> list[Mark] | None:
    """Read spans of a text as `start`, `end` and `label`; None where the value is no list of such within the text.

    They count characters (Unicode code points) from 0, and `end` is the first behind the span.
    """
    if not is_list(value):
        return None
    tones, found = Tones(), list[Mark]()
    for place, each in enumerate(value[:MOST_MARKS]):
        if not is_object(each):
            return None
        start, end = each.get("start"), each.get("end")
        if not (_is_whole(start) and _is_whole(end) and 0 <= start < end <= length):
            return None
        label = _text(first_of(each, "label", "type", "entity"))
        sure = share(first_of(each, "confidence", "score"))
        field = fields[place] if place < len(fields) else ""
        key = f"{prefix}-{place}"
        found.append(Mark(key, visible(label), tones.of(label), sure, start=start, end=end, field=field))
    return found


def cut(text: str, found: Sequence[Mark]) -> list[Piece]:
    """Cut a text at its marks; where they overlap the shorter one shows."""
    edges = sorted({0, len(text), *(m.start for m in found), *(min(m.end, len(text)) for m in found)})
    edges = [edge for edge in edges if edge <= len(text)]
    shortest = sorted(found, key=lambda mark: mark.end - mark.start)
    pieces: list[Piece] = []
    for start, end in pairwise(edges):
        over = next((mark for mark in shortest if mark.start <= start and end <= mark.end), None)
        pieces.append(Piece(visible(text[start:end]), start, over))
    return pieces


def share(value: object) -> float | None:
    """Give a confidence from 0 to 1; None for everything else."""
    return float(value) if is_number(value) and 0 <= value <= 1 else None


def _corners(each: dict[str, object]) -> list[tuple[float, float]] | None:
    drawn = first_of(each, "polygon", "points")
    if drawn is not None:
        return _polygon(drawn)
    box = first_of(each, "bbox", "box")
    if is_object(box):
        return _corners(box)
    numbers = _numbers(box, 4) if box is not None else None
    if numbers is None and box is None:
        numbers = _numbers([each.get(name) for name in ("x", "y", "width", "height")], 4)
        if numbers is None:
            edges = _numbers([each.get(name) for name in ("x1", "y1", "x2", "y2")], 4)
            numbers = [edges[0], edges[1], edges[2] - edges[0], edges[3] - edges[1]] if edges else None
    if numbers is None:
        return None
    x, y, width, height = numbers
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]


def _polygon(drawn: object) -> list[tuple[float, float]] | None:
    if not is_list(drawn) or not 3 <= len(drawn) <= MOST_CORNERS:
        return None
    if all(is_list(corner) for corner in drawn):
        corners = [_numbers(corner, 2) for corner in drawn]
        return None if any(c is None for c in corners) else [(c[0], c[1]) for c in corners if c]
    numbers = _numbers(drawn, len(drawn))
    if numbers is None or len(numbers) % 2 or len(numbers) < 6:
        return None
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _numbers(value: object, count: int) -> list[float] | None:
    if not is_list(value) or len(value) != count:
        return None
    return [float(each) for each in value] if all(is_number(each) and abs(each) < 1e6 for each in value) else None


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _text(value: object) -> str:
    return value[:80] if isinstance(value, str) else "" if value is None else str(value)[:80]
