"""Feedback records for tests, and reading an exported table back to what was exported."""

import asyncio
import io
import json
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Any

from review.datasets.drafting import parquet_stream
from review.datasets.formats.arrow import parquet

JSON_MARK = {b"countersign.encoding": b"json"}


def record(number: int = 1, **given: Any) -> dict[str, Any]:
    """Make a record of the contract's form."""
    return {
        "id": f"01900000-0000-7000-8000-{number:012d}",
        "item_id": f"01900000-0000-7000-9000-{number:012d}",
        "external_id": f"msg-{number}",
        "type": "ticket_intent",
        "type_version": 2,
        "input": {"text": "where is my card?", "channel": "web"},
        "model_output": {"label": "lost_card"},
        "label": {"label": "card_arrival"},
        "verdict": "correct",
        "source": "review",
        "reasons": ["wrong_label"],
        "comment": None,
        "model": {"name": "intent-clf", "version": "2026-10-01"},
        "confidence": 0.62,
        "impact": "high",
        "tags": ["beta"],
        "route": {"rule": "low-confidence", "ruleset_version": 3, "inclusion_probability": 1.0},
        "reviews": 1,
        "agreement": 1.0,
        "decided_at": "2026-11-21T12:00:00.123456Z",
        "gold": False,
    } | given


def lines_of(records: Iterable[dict[str, Any]]) -> bytes:
    """Write records as the feed gives them."""
    return b"".join(json.dumps(each, ensure_ascii=True).encode() + b"\n" for each in records)


def parquet_of(records: Sequence[dict[str, Any]], *, chunk: int = 1_000) -> bytes:
    """Export records to Parquet, read in chunks of so many."""

    async def chunks() -> AsyncGenerator[bytes]:
        for start in range(0, len(records), chunk):
            yield lines_of(records[start : start + chunk])

    async def collect() -> bytes:
        return b"".join([piece async for piece in parquet_stream(chunks)])

    return asyncio.run(collect())


def read_back(file: bytes) -> list[dict[str, Any]]:
    """Read a Parquet export into values, with what is marked as JSON text decoded."""
    table = parquet.read_table(io.BytesIO(file))
    rows: list[dict[str, Any]] = table.to_pylist()
    return [{field.name: _restored(row[field.name], field) for field in table.schema} for row in rows]


def _restored(value: Any, field: Any) -> Any:
    if value is None:
        return None
    if (field.metadata or {}).get(b"countersign.encoding") == b"json":
        return json.loads(value)
    if hasattr(field.type, "value_field"):
        return [_restored(each, field.type.value_field) for each in value]
    if isinstance(value, dict):
        return {inner.name: _restored(value[inner.name], inner) for inner in field.type}
    return value


def pruned(value: Any) -> Any:
    """Drop null members, which Parquet does not tell from absent ones, and make true differ from 1."""
    if isinstance(value, dict):
        return {key: pruned(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [pruned(each) for each in value]
    if isinstance(value, bool):
        return "true" if value else "false", bool
    return value
