"""The formats that a snapshot is given in, by name."""

from collections.abc import Callable, Mapping
from typing import Final

from review.datasets.formats import (
    argilla,
    chat,
    classification,
    extraction,
    label_studio,
    mapping,
    preference,
    rows,
    spans,
)
from review.datasets.formats.rendering import Rendering, Wanted

FORMATS: Final[Mapping[str, Callable[[Wanted], Rendering]]] = {
    "jsonl": rows.make_jsonl,
    "csv": rows.make_csv,
    "classification": classification.make,
    "chat": chat.make,
    "preference": preference.make,
    "spans": spans.make,
    "extraction": extraction.make,
    "label_studio": label_studio.make,
    "argilla": argilla.make,
    "template": mapping.make,
}
