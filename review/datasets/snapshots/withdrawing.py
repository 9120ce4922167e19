"""Withdrawing snapshots that hold items which were erased: their files go, and a tombstone takes the manifest's place.

A snapshot is not written anew without them: it would be another under the same number. A new one can be made.
"""

import logging
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from review.datasets.errors import SnapshotNotFound
from review.datasets.formats.arrow import compute, pa, parquet
from review.datasets.pipeline import in_thread
from review.datasets.snapshots import queries
from review.datasets.snapshots.rules import Manifest, Tombstone
from review.datasets.snapshots.service import MANIFEST, path_of
from review.datasets.snapshots.store import Store
from review.kernel.db import Hot, get_now
from review.kernel.settings import Settings

log = logging.getLogger(__name__)


async def restart_unfinished(hot: Hot, settings: Settings, *, project_id: UUID, position: int) -> None:
    """Begin snapshots anew that are being made of the feed from `position` on, and remove what they have written.

    Those that failed or were stopped lose what they have written too.

    Raises:
        StoreRefused (503).
    """
    for row in await queries.restart(hot, project_id, position):
        await _clear(Store.of(settings), project_id, row)


async def withdraw_holding(
    hot: Hot, settings: Settings, *, project_id: UUID, position: int, items: Collection[UUID]
) -> int:
    """Withdraw each snapshot that holds one of these items, the first of which came at `position` of the feed.

    Tells how many were withdrawn now. Their files are gone when this returns.

    Raises:
        StoreRefused (503).
    """
    withdrawn = 0
    for row in await queries.list_reaching(hot, project_id, position):
        manifest = msgspec.json.decode(row["manifest"], type=Manifest)
        held = await _count_held(Store.of(settings), project_id, manifest, items)
        if held:
            left = Tombstone(
                format_version=manifest.format_version,
                project=manifest.project,
                dataset=manifest.dataset,
                number=manifest.number,
                cut_off=manifest.cut_off,
                records=manifest.records,
                sha256=manifest.sha256,
                withdrawn_at=await get_now(hot),
                items_erased=held,
            )
            withdrawn += await queries.withdraw(hot, project_id, row["id"], left, _said(held))
    for row in await queries.list_unremoved(hot, project_id):
        store = Store.of(settings)
        await _clear(store, project_id, row)
        tombstone: str = row["tombstone"]
        text = msgspec.json.format(tombstone, indent=2) + "\n"
        await store.put(path_of(project_id, row["dataset"], row["number"], MANIFEST), text.encode())
        await queries.note_removed(hot, project_id, row["id"])
    return withdrawn


def _said(held: int) -> str:
    return (
        f"It held records of {held} item(s) that were erased, so its files were removed. "
        "A new snapshot of the dataset is made without them."
    )


async def _clear(store: Store, project_id: UUID, row: Any) -> None:
    await store.remove_unfinished(path_of(project_id, row["dataset"], row["number"], ""))
    for path in await store.list_below(path_of(project_id, row["dataset"], row["number"], "")):
        await store.remove(path)


async def _count_held(store: Store, project_id: UUID, manifest: Manifest, items: Collection[UUID]) -> int:
    """Count the items that are in the snapshot's files; of files that are gone nobody knows, so all may have been."""
    wanted = pa.array([str(each) for each in items], pa.string())
    found: set[str] = set()
    with tempfile.TemporaryDirectory(prefix="countersign-erasure-") as folder:
        for each in manifest.files:
            file = Path(folder) / each.name
            try:
                await store.fetch(path_of(project_id, manifest.dataset, manifest.number, each.name), file)
            except SnapshotNotFound:
                log.warning("snapshot %s of %s has lost a file, and is withdrawn", manifest.number, manifest.dataset)
                return len(items)
            found |= await in_thread(_held_in, file, wanted)
            await in_thread(file.unlink)
    return len(found)


def _held_in(file: Path, wanted: Any) -> set[str]:
    chosen = compute.field("item_id").isin(wanted)
    return set(parquet.read_table(file, columns=["item_id"], filters=chosen)["item_id"].to_pylist())
