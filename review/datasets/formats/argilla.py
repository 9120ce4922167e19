"""Argilla's records: fields, and answers to one question, `label`.

With `user_id`, an account of the Argilla server, people's answer is that account's response and the model's output a
suggestion; without one, a response has nobody to belong to and people's answer is the suggestion.
"""

from typing import Any, Final

from review.datasets.formats import spans
from review.datasets.formats.decoding import Record, dump
from review.datasets.formats.finding import label_of, text_of
from review.datasets.formats.rendering import JSON, Lacks, Rendering, Wanted
from review.datasets.selections.rules import UNLABELLED, class_of, model_named

QUESTION: Final = "label"
PEOPLE: Final = "countersign"


def make(wanted: Wanted) -> Rendering:
    """Make the format ready."""
    options = wanted.options

    def render(record: Record) -> bytes:
        text = text_of(record, options.text_at)
        are_spans = spans.has_spans(record["label"], options)
        said = _spans(text, record["label"], wanted) if are_spans else label_of(record, options.label_at)
        model = _model(record, text, wanted, are_spans=are_spans)
        by_people = {"value": said, "score": None, "agent": PEOPLE}
        suggestion = model if options.user_id else by_people
        told = {
            "id": record["id"],
            "fields": {"text": text},
            "metadata": {name: record[name] for name in ("split", "verdict", "type", "item_id", "weight")},
            "suggestions": {} if suggestion is None else {QUESTION: suggestion},
            "responses": {QUESTION: [{"value": said, "user_id": options.user_id}]} if options.user_id else {},
            "vectors": {},
        }
        return dump(told)

    return Rendering(render, "json", JSON, begin=b"[\n", between=b",\n", end=b"\n]\n")


def _model(record: Record, text: str, wanted: Wanted, *, are_spans: bool) -> dict[str, Any] | None:
    output = record["model_output"]
    if are_spans:
        try:
            value: Any = _spans(text, output, wanted)
        except Lacks:
            return None
    else:
        value = class_of(output, wanted.options.label_at)
        if value == UNLABELLED:
            return None
    return {"value": value, "score": record["confidence"], "agent": model_named(record["model"])}


def _spans(text: str, output: object, wanted: Wanted) -> list[dict[str, Any]]:
    found = spans.within(text, spans.find(output, wanted.options.spans_at))
    return [{"start": start, "end": end, "label": label} for start, end, label in found]
