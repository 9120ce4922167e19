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

# What each of them reads of `Options`; the Hugging Face folder is no rendering of records, and reads none.
READS: Final[Mapping[str, tuple[str, ...]]] = {
    "jsonl": (),
    "csv": (),
    "huggingface": (),
    "classification": ("text_at", "label_at"),
    "chat": ("prompt_at", "answer_at", "system", "template"),
    "preference": ("prompt_at", "answer_at", "pair_at", "label_at", "style", "system", "template"),
    "spans": ("text_at", "spans_at", "style"),
    "extraction": ("text_at",),
    "label_studio": ("text_at", "label_at", "spans_at"),
    "argilla": ("text_at", "label_at", "spans_at", "user_id"),
    "template": ("template",),
}
