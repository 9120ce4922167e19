"""What the demo's data scientist does: a dataset of the feedback, a snapshot of it, and its labels read back."""

import asyncio
import hashlib
import io
import time
from dataclasses import dataclass
from typing import Any

import click
import httpx

from review.cli.demo.upstream import bearer
from review.datasets.formats.arrow import parquet

DATASET = "handwriting"
CALL = "/api/v1/datasets"
LOOK_SECONDS = 0.2
WITHIN_SECONDS = 60.0  # a worker begins within a second; a machine that is busy with other things has time to spare
DEFINITION = {"criteria": {"types": ["digit"]}}


@dataclass(frozen=True)
class Snapshot:
    """A snapshot that was read: its number, its digest, and what it holds for a trainer."""

    number: int
    records: int
    sha256: str
    examples: list[tuple[list[int], str]]


async def take(client: httpx.AsyncClient, key: str) -> Snapshot:
    """Have a snapshot of the feedback made through the API, and read its files, whose digests must be the manifest's.

    Raises:
        httpx.HTTPStatusError: the API refused it; click.ClickException: it did not become ready, or a file is another.
    """
    as_analyst = bearer(key)
    body = {"name": DATASET, "description": "What people said of the digits.", "definition": DEFINITION}
    (await client.post(CALL, json=body, headers=as_analyst)).raise_for_status()
    begun = (await client.post(f"{CALL}/{DATASET}/snapshots", json={}, headers=as_analyst)).raise_for_status().json()
    path = f"{CALL}/{DATASET}/snapshots/{begun['number']}"
    manifest = await _wait(client, path, as_analyst)
    examples: list[tuple[list[int], str]] = []
    for file in manifest["files"]:
        content = (await client.get(f"{path}/files/{file['name']}", headers=as_analyst)).raise_for_status().content
        if hashlib.sha256(content).hexdigest() != file["sha256"]:
            message = f"{file['name']} of the snapshot is not what its manifest says."
            raise click.ClickException(message)
        examples += await asyncio.to_thread(_read, content)
    return Snapshot(begun["number"], manifest["records"], manifest["sha256"], examples)


async def _wait(client: httpx.AsyncClient, path: str, headers: dict[str, str]) -> dict[str, Any]:
    """Give the manifest once the worker has written it."""
    began = time.monotonic()
    while True:
        seen = (await client.get(path, headers=headers)).raise_for_status().json()
        if seen["state"] == "ready":
            manifest: dict[str, Any] = seen["manifest"]
            return manifest
        if seen["state"] not in {"waiting", "running"} or time.monotonic() - began > WITHIN_SECONDS:
            waited = f"{time.monotonic() - began:.0f} s"
            message = f"The snapshot is {seen['state']} after {waited}. {seen['error']}"
            raise click.ClickException(message.rstrip())
        await asyncio.sleep(LOOK_SECONDS)


def _read(content: bytes) -> list[tuple[list[int], str]]:
    """Read what the trainer needs out of a file: the pixels, and the label that counts."""
    rows: list[dict[str, Any]] = parquet.read_table(io.BytesIO(content), columns=["input", "label"]).to_pylist()
    return [(row["input"]["pixels"], row["label"]["digit"]) for row in rows if row["label"] is not None]
