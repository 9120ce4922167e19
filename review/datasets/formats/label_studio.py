"""Label Studio's import file: tasks with what people said as annotations, and what the model said as predictions."""

from typing import Any

from review.datasets.formats import spans
from review.datasets.formats.decoding import Record, dump
from review.datasets.formats.finding import label_of, text_of
from review.datasets.formats.rendering import JSON, Lacks, Rendering, Wanted
from review.datasets.selections.rules import UNLABELLED, class_of, model_named

FROM, TO = "label", "text"  # tags of the labelling configuration in docs/datasets.md


def make(wanted: Wanted) -> Rendering:
    """Make the format ready."""
    options = wanted.options

    def render(record: Record) -> bytes:
        text = text_of(record, options.text_at)
        are_spans = spans.has_spans(record["label"], options)
        if are_spans:
            said = _regions(text, record["label"], options.spans_at)
        else:
            said = _choice(label_of(record, options.label_at))
        task = {
            "data": {"text": text, "id": record["id"], "item_id": record["item_id"], "split": record["split"]},
            "annotations": [{"result": said, "ground_truth": False}],
            "predictions": _predictions(record, text, wanted, are_spans=are_spans),
        }
        return dump(task)

    return Rendering(render, "json", JSON, begin=b"[\n", between=b",\n", end=b"\n]\n")


def _predictions(record: Record, text: str, wanted: Wanted, *, are_spans: bool) -> list[dict[str, Any]]:
    """Give what the model said, or nothing where it is not of the kind that people's answer is."""
    output, options = record["model_output"], wanted.options
    if are_spans:
        try:
            result = _regions(text, output, options.spans_at)
        except Lacks:
            return []
    else:
        said = class_of(output, options.label_at)
        result = [] if said == UNLABELLED else _choice(said)
    score = {} if record["confidence"] is None else {"score": record["confidence"]}
    return [{"model_version": model_named(record["model"]), "result": result} | score] if result else []


def _choice(label: str) -> list[dict[str, Any]]:
    return [{"from_name": FROM, "to_name": TO, "type": "choices", "value": {"choices": [label]}}]


def _regions(text: str, output: object, path: str) -> list[dict[str, Any]]:
    return [
        {
            "id": f"s{at}",
            "from_name": FROM,
            "to_name": TO,
            "type": "labels",
            "value": {"start": start, "end": end, "text": text[start:end], "labels": [label]},
        }
        for at, (start, end, label) in enumerate(spans.within(text, spans.find(output, path)))
    ]
