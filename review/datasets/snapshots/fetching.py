"""Bringing a file of a snapshot from where it is kept to this machine's disk, where it can be read in any order."""

from contextlib import aclosing
from pathlib import Path
from uuid import UUID

from review.datasets.errors import StoreRefused
from review.datasets.pipeline import in_thread
from review.datasets.snapshots.rules import FileOf, Manifest
from review.datasets.snapshots.service import path_of
from review.datasets.snapshots.store import Store
from review.kernel.sentences import say


async def fetch(store: Store, project_id: UUID, manifest: Manifest, file: FileOf, folder: Path) -> Path:
    """Fetch a file into a folder, under its own name.

    Raises:
        SnapshotNotFound: it is gone (404); StoreRefused: the store or the disk refuses (503).
    """
    found = folder / file.name
    path = path_of(project_id, manifest.dataset, manifest.number, file.name)
    try:
        with found.open("wb") as out:
            async with aclosing(store.read(path)) as pieces:
                async for piece in pieces:
                    await in_thread(out.write, piece)
    except OSError as fault:
        message = say(
            "The disk refused while a snapshot was read: %(fault)s. Nothing is lost; try again later.", fault=fault
        )
        raise StoreRefused(message) from fault
    return found
