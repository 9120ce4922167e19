"""Text classification: a line of JSON with `text`, `label`, `weight`, `id` and `split`."""

from review.datasets.formats.decoding import Record, dump
from review.datasets.formats.finding import label_of, text_of
from review.datasets.formats.rendering import Rendering, Wanted


def make(wanted: Wanted) -> Rendering:
    """Make the format ready."""
    options = wanted.options

    def render(record: Record) -> bytes:
        line = {
            "text": text_of(record, options.text_at),
            "label": label_of(record, options.label_at),
            "weight": record["weight"],
            "id": record["id"],
            "split": record["split"],
        }
        return dump(line) + b"\n"

    return Rendering(render)
