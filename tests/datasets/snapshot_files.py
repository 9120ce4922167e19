"""A file of a snapshot made of records, without a server, and what a format makes of it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from review.datasets.formats import decoding
from review.datasets.formats.fitting import Plan, first_plan, fit, learn
from review.datasets.formats.parquet import ParquetEncoder
from review.datasets.formats.registry import FORMATS
from review.datasets.formats.rendering import Lacks, Options, Rendering, Wanted
from review.datasets.snapshots.writing import ADDED
from tests.datasets.records import lines_of, record


def snapshot_record(number: int = 1, **given: Any) -> dict[str, Any]:
    """Make a record as a snapshot has it."""
    added = {
        "revision": 1,
        "is_last": True,
        "pool": "triage",
        "reviewers": ["01900000-0000-7000-a000-000000000001"],
        "label_class": "card_arrival",
        "guidelines_sha256": None,
        "split": "train",
        "sampling_probability": 0.5,
        "weight": 2.0,
    }
    return record(number) | added | given


def write(path: Path, *records: dict[str, Any]) -> Path:
    """Write records as a file of a snapshot."""
    lines = lines_of(records)
    first = Plan.of({**first_plan().shapes, **ADDED})
    plan = learn(lines, first)
    with path.open("wb") as out:
        encoder = ParquetEncoder(out, plan)
        encoder.add(fit(lines, plan))
        encoder.end()
    return path


def ready(path: Path, name: str, outputs: Mapping[tuple[str, int], Any] | None = None, **options: Any) -> Rendering:
    """Make a format ready for a file."""
    return FORMATS[name](Wanted(Options(**options), decoding.schema_of(path), outputs or {}))


def render(
    path: Path, name: str, outputs: Mapping[tuple[str, int], Any] | None = None, **options: Any
) -> tuple[bytes, list[str]]:
    """Give what a format makes of a file, and why it left records out."""
    rendering = ready(path, name, outputs, **options)
    pieces: list[bytes] = []
    left_out: list[str] = []
    for records in decoding.read(path, with_nulls=rendering.with_nulls):
        for each in records:
            try:
                pieces.append(rendering.render(each))
            except Lacks as fault:
                left_out.append(fault.reason)
    return rendering.begin + rendering.between.join(pieces) + rendering.end, left_out


def lines(made: bytes) -> list[Any]:
    """Read JSON Lines."""
    return [json.loads(line) for line in made.splitlines()]
