"""Named entities: spans of a text as BIO tags of its tokens, or as spaCy takes them.

A token is a word or a sign, cut where a span begins or ends, so that no span is lost to where words end. Blanks at the
ends of a span are not part of it. Spans that overlap fit neither form, so such a record is left out.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, TypeAlias

from review.datasets.errors import RenderingInvalid
from review.datasets.formats.decoding import Record, dump
from review.datasets.formats.finding import text_of
from review.datasets.formats.rendering import Lacks, Options, Rendering, Wanted
from review.datasets.selections.rules import at_path
from review.kernel.errors import FieldError
from review.kernel.sentences import say
from review.kernel.shapes import is_list, is_object

NO_SPANS: Final = "no list of spans at its place in the label"
BEYOND: Final = "a span that is not within the text"
OVERLAPPING: Final = "spans that overlap"
_LABELS: Final = ("label", "type", "entity")
_TOKEN: Final = re.compile(r"\w+|[^\w\s]")

Span: TypeAlias = tuple[int, int, str]


def make(wanted: Wanted) -> Rendering:
    """Make the format ready.

    Raises:
        RenderingInvalid: the style is none of this format (422).
    """
    options = wanted.options
    style = options.style or "bio"
    if style not in {"bio", "spacy"}:
        message = say("Spans have no style %(style)s; nothing was read. Mend what is named below.", style=repr(style))
        raise RenderingInvalid(
            message, errors=(FieldError("style", say("is not one of %(styles)s", styles="bio, spacy")),)
        )

    def render(record: Record) -> bytes:
        text = text_of(record, options.text_at)
        spans = apart(within(text, find(record["label"], options.spans_at)))
        told: dict[str, Any] = {"text": text, "entities": spans} if style == "spacy" else bio(text, spans)
        return dump(told | {"weight": record["weight"], "id": record["id"], "split": record["split"]}) + b"\n"

    return Rendering(render)


def find(output: object, path: str) -> list[Any]:
    """Give the list of spans in an output: what stands at the path, or the one list that there is.

    Raises:
        Lacks: there is none.
    """
    found = at_path(output, path)
    if not path and is_object(found):
        lists: list[list[Any]] = [each for each in found.values() if is_list(each)]
        found = lists[0] if len(lists) == 1 else None
    if not is_list(found) or not all(is_object(each) and "start" in each and "end" in each for each in found):
        raise Lacks(NO_SPANS)
    return found


def has_spans(output: object, options: Options) -> bool:
    """Say whether an output is one of spans, where a format takes classes as well."""
    if options.spans_at or options.label_at:
        return bool(options.spans_at)
    try:
        find(output, "")
    except Lacks:
        return False
    return True


def within(text: str, listed: Sequence[Any]) -> list[Span]:
    """Give the spans in order, without the blanks at their ends.

    Raises:
        Lacks: one of them is not within the text.
    """
    spans: list[Span] = []
    for each in listed:
        start, end = each["start"], each["end"]
        if not (_is_whole(start) and _is_whole(end) and 0 <= start < end <= len(text)):
            raise Lacks(BEYOND)
        label = next((each[name] for name in _LABELS if each.get(name) is not None), "")
        piece = text[start:end]
        start, end = start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())
        if start < end:
            spans.append((start, end, str(label)))
    return sorted(spans)


def apart(spans: list[Span]) -> list[Span]:
    """Give spans that do not overlap as they are.

    Raises:
        Lacks: two of them do.
    """
    if any(one[1] > other[0] for one, other in pairwise(spans)):
        raise Lacks(OVERLAPPING)
    return spans


def bio(text: str, spans: Sequence[Span]) -> dict[str, list[Any]]:
    """Give the tokens of a text with their tags: `B-` begins a span, `I-` goes on with it, `O` is in none."""
    tokens: list[str] = []
    tags: list[str] = []
    reached = 0
    for start, end, label in spans:
        _add(tokens, tags, text[reached:start], "")
        _add(tokens, tags, text[start:end], label)
        reached = end
    _add(tokens, tags, text[reached:], "")
    return {"tokens": tokens, "ner_tags": tags}


def _add(tokens: list[str], tags: list[str], text: str, label: str) -> None:
    found = _TOKEN.findall(text)
    tokens += found
    tags += [f"{'I' if at else 'B'}-{label}" if label else "O" for at in range(len(found))]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
