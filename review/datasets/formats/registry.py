"""The formats that a snapshot is given in, by name."""

from collections.abc import Callable, Mapping
from typing import Final

from review.datasets.formats import classification, rows
from review.datasets.formats.rendering import Rendering, Wanted

FORMATS: Final[Mapping[str, Callable[[Wanted], Rendering]]] = {
    "jsonl": rows.make_jsonl,
    "csv": rows.make_csv,
    "classification": classification.make,
}
