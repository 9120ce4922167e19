"""Drawing the output's marks over the input that they speak of, and listing them where they stand."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from review.kernel.shapes import is_list, is_object
from review.web.content import extraction, images, marks, media
from review.web.content.block import Block, Label
from review.web.content.frames import Frame, Spot, pick, pointer
from review.web.content.marks import Mark, Tones
from review.web.content.text import reveal, visible
from review.web.words.catalogue import gettext

MOST_LABELS = 30
KEYED = 9
_OF_A_TEXT: Final = ("spans", "text")


def spanned(spot: Spot, text: str) -> Block | None:
    """Show a text with the spans that the output marks in it; None where none are meant for this text."""
    if not _is_first(spot, _OF_A_TEXT):
        return None
    found: list[Mark] = []
    field = ""
    for place, (path, value) in enumerate(_lists(spot.frame)):
        made = _within(value, text, f"s{place}")
        if made is not None:
            found += made
            field = field or _field_of(path)
    places, fields = extraction.evidence(spot.frame)
    known = [(each, named) for each, named in zip(places, fields, strict=True) if is_object(each) and "start" in each]
    found += marks.spans([each for each, _ in known], len(text), "e", [named for _, named in known]) or []
    if not (found or field or spot.frame.view.get(_path(spot)) == "spans"):
        return None
    is_plain = reveal(text) == text  # what is named in it would count as characters
    labels = labels_of(spot.frame, field, found) if field and is_plain else ()
    note = gettext("Its spans are corrected in the form: the text holds characters that cannot be seen.")
    return Block(
        "spans",
        spot.label,
        pieces=tuple(marks.cut(text, found)),
        marks=tuple(found),
        labels=labels,
        field=field if is_plain else "",
        note=note if field and not is_plain else "",
    )


def legend(spot: Spot, value: object, kind: str) -> Block | None:
    """List boxes or spans with their labels; None where the value is neither."""
    listed = spot.frame.named(kind)
    place = next((at for at, (path, _) in enumerate(listed) if path == _path(spot)), 0)
    if kind == "boxes":
        drawn = marks.boxes(value, f"b{place}", _size_of_picture(spot.frame))
        return None if drawn is None else Block("boxes", spot.label, marks=drawn.marks)
    text = _base_text(spot.frame)
    place = next((at for at, (path, _) in enumerate(_lists(spot.frame)) if path == _path(spot)), 0)
    found = marks.spans(value, len(text), f"s{place}")
    if found is None:
        return None
    named = [replace(mark, quote=visible(" ".join(text[mark.start : mark.end].split())[:80])) for mark in found]
    return Block("boxes", spot.label, marks=tuple(named))


def on_picture(block: Block, spot: Spot) -> Block:
    """Draw over a picture the boxes that the output gives, and the evidence of its fields."""
    if block.picture is None or not _is_first(spot, ("image",)):
        return block
    size = (block.picture.width, block.picture.height)
    drawn = [marks.boxes(value, f"b{at}", size) for at, (_, value) in enumerate(spot.frame.named("boxes"))]
    places, fields = extraction.evidence(spot.frame)
    known = [
        (each, named) for each, named in zip(places, fields, strict=True) if is_object(each) and "start" not in each
    ]
    drawn.append(marks.boxes([each for each, _ in known], "e", size, [named for _, named in known]) if known else None)
    found = [each for each in drawn if each is not None and each.marks]
    if not found:
        return block
    all_marks = tuple(mark for each in found for mark in each.marks)
    if len({each.in_pixels for each in found}) > 1:
        note = gettext("Its boxes are given in pixels and in parts of the picture at once; none is drawn.")
        return replace(block, note=note)
    return replace(block, marks=all_marks, in_pixels=found[0].in_pixels)


def labels_of(frame: Frame, field: str, found: Iterable[Mark]) -> tuple[Label, ...]:
    """List the labels that a span may have: those of the output's schema, then those in use."""
    listed = _labels_of_schema(frame.schema, field)
    tones = Tones()
    texts = {str(mark.label.striptags()): mark.tone for mark in found if mark.label and mark.key.startswith("s")}
    for text, tone in texts.items():
        tones.take(text, tone)
    names = list(dict.fromkeys([*(str(each) for each in listed), *texts]))[:MOST_LABELS]
    known = {str(each) for each in listed}
    return tuple(
        Label(
            text=visible(name[:80]),
            tone=tones.of(name),
            key=str(place) if place <= KEYED else "",
            value=json.dumps(name, ensure_ascii=False) if name in known else name,
        )
        for place, name in enumerate(names, 1)
    )


def _labels_of_schema(schema: object, field: str) -> list[object]:
    steps = [step for name in field.split("/")[1:] for step in ("properties", name)]
    of_spans = pick(schema, [*steps])
    for rule in ("items", "unevaluatedItems"):
        for name in ("label", "type", "entity"):
            listed = pick(of_spans, [rule, "properties", name, "enum"])
            if is_list(listed):
                return [each for each in listed if isinstance(each, str)]
    return []


def _lists(frame: Frame) -> list[tuple[str, object]]:
    """List what the view shows as spans and is a list of them, not the text that they are drawn in."""
    return [(path, value) for path, value in frame.named("spans") if not isinstance(value, str)]


def _within(value: object, text: str, prefix: str) -> list[Mark] | None:
    """Read spans, leaving out those that lie in a part of the text that is not shown."""
    if not is_list(value):
        return None
    shown = [each for each in value if not (is_object(each) and _is_beyond(each.get("end"), len(text)))]
    return marks.spans(shown, len(text), prefix)


def _is_beyond(end: object, length: int) -> bool:
    return isinstance(end, int) and end > length


def _is_first(spot: Spot, kinds: tuple[str, ...]) -> bool:
    """Whether this is the first of the input that marks of these kinds are drawn on."""
    if spot.side != "input":
        return False
    return _path(spot) == _first_path(spot.frame, kinds)


def _first_path(frame: Frame, kinds: tuple[str, ...]) -> str:
    for kind in kinds:
        for path, value in frame.named(kind):
            fits = bool(media.addresses(value)) if kind == "image" else isinstance(value, str)
            if path.partition(".")[0] == "input" and fits:
                return f"{path}.1" if kind == "image" and is_list(value) else path
    return ""


def _base_text(frame: Frame) -> str:
    path = _first_path(frame, _OF_A_TEXT)
    value = frame.value(path) if path else ""
    return value if isinstance(value, str) else ""


def _size_of_picture(frame: Frame) -> tuple[int, int]:
    found = [address for _, value in frame.named("image")[:1] for _, address in media.addresses(value)[:1]]
    try:
        picture = images.read(found[0]) if found else None
    except images.NotAPicture:
        picture = None
    return (picture.width, picture.height) if picture else (0, 0)


def _path(spot: Spot) -> str:
    return ".".join((spot.side, *spot.path))


def _field_of(path: str) -> str:
    """Give the pointer into the output of a path of the view, '' for one into the input, which nobody corrects."""
    root, *steps = path.split(".")
    return pointer(tuple(steps)) or "/" if root == "output" else ""
