"""What the demo's data scientist does, with the Python client: a dataset of the feedback, a snapshot of it, its labels.

The client is a distribution of its own, which nothing else here imports.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import click

from countersign_client import AsyncClient, CountersignError, Definition, LocalSnapshot

DATASET = "handwriting"
WITHIN_SECONDS = 60.0  # a worker begins within a second; a machine that is busy with other things has time to spare
DEFINITION: Definition = {"criteria": {"types": ["digit"]}}


@dataclass(frozen=True)
class Snapshot:
    """A snapshot that was read: its number, its digest, and what it holds for a trainer."""

    number: int
    records: int
    sha256: str
    examples: list[tuple[list[int], str]]


async def take(url: str, key: str) -> Snapshot:
    """Have a snapshot of the feedback made, and bring it here, where the client checks its digests.

    Raises:
        click.ClickException: the service refused it, it did not become ready, or a file is another.
    """
    try:
        async with AsyncClient(url, key) as client:
            await client.datasets.create(DATASET, DEFINITION, description="What people said of the digits.")
            made = await client.datasets.make_snapshot(DATASET, timeout=WITHIN_SECONDS)
            local = await client.datasets.download(DATASET, made.number)
    except CountersignError as fault:
        raise click.ClickException(str(fault)) from fault
    examples = await asyncio.to_thread(_read, local)
    return Snapshot(made.number, local.manifest.records, local.manifest.sha256, examples)


def _read(local: LocalSnapshot) -> list[tuple[list[int], str]]:
    """Read what the trainer needs: the pixels, and the label that counts."""
    rows: list[dict[str, Any]] = local.to_arrow().select(["input", "label"]).to_pylist()
    return [(row["input"]["pixels"], row["label"]["digit"]) for row in rows if row["label"] is not None]
