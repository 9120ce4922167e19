"""Asking for snapshots, reading them, and telling two apart."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action, Actor
from review.datasets.errors import SnapshotNotFound, SnapshotNotReady, SnapshotOver, TooManySnapshots
from review.datasets.redaction import service as redaction
from review.datasets.selections.rules import Definition
from review.datasets.selections.service import not_found
from review.datasets.snapshots import queries
from review.datasets.snapshots.rules import FileOf, Manifest, Tombstone
from review.datasets.snapshots.schemas import Registration, SnapshotView
from review.datasets.snapshots.store import Store
from review.identity.rules import Principal
from review.kernel.db import Hot, driver_of
from review.kernel.foreign import English
from review.kernel.ids import new_id
from review.kernel.sentences import say
from review.kernel.settings import Settings

MOST_UNDER_WAY = 3
MANIFEST = "manifest.json"


async def begin(
    tx: AsyncSession, settings: Settings, *, project_id: UUID, actor: Actor, dataset: str, cut_off: int | None = None
) -> SnapshotView:
    """Have a worker make the next snapshot of a dataset, of what is in the feed, or was up to the position `cut_off`.

    Raises:
        DatasetNotFound (404); TooManySnapshots: three are being made (409); StoreUnset (409).
    """
    Store.of(settings)
    hot = await driver_of(tx)
    if await queries.count_under_way(hot, project_id) >= MOST_UNDER_WAY:
        message = say(
            "%(most)s snapshots are being made, so this was not begun. Wait for one to end, or stop one.",
            most=MOST_UNDER_WAY,
        )
        raise TooManySnapshots(message)
    number = await queries.add(hot, project_id, _name(dataset), new_id(), cut_off, actor.name)
    if number is None:
        raise not_found(dataset)
    audit.record(tx, project_id, actor, Action.SNAPSHOT_BEGUN, details={"dataset": dataset, "number": number})
    await tx.flush()
    return await get(hot, project_id=project_id, dataset=dataset, number=number)


async def get(hot: Hot, *, project_id: UUID, dataset: str, number: int) -> SnapshotView:
    """Give a snapshot as far as it is, with its manifest once there is one.

    Raises:
        SnapshotNotFound (404).
    """
    # The column holds 32 bits; what lies beyond is no number either.
    row = await queries.find(hot, project_id, _name(dataset), number) if 0 < number < 2**31 else None
    if row is None:
        message = say(
            "There is no snapshot %(number)s of a dataset %(dataset)s here.", number=number, dataset=repr(dataset)
        )
        raise SnapshotNotFound(message)
    return view_of(row)


async def list_snapshots(
    hot: Hot, *, project_id: UUID, dataset: str, before: int | None = None, limit: int = 50
) -> list[SnapshotView]:
    """List snapshots of a dataset without their manifests, the last first; those below the number `before`."""
    bound = min(before or 2**31 - 1, 2**31 - 1)
    rows = await queries.list_snapshots(hot, project_id, _name(dataset), bound, limit)
    return [view_of(row) for row in rows]


async def stop(tx: AsyncSession, *, project_id: UUID, actor: Actor, dataset: str, number: int) -> SnapshotView:
    """End the making of a snapshot; what was written is of no use and not shown.

    Raises:
        SnapshotNotFound (404); SnapshotOver: it is not being made (409).
    """
    found = await get(await driver_of(tx), project_id=project_id, dataset=dataset, number=number)
    return await _turn(tx, project_id, actor, found, queries.stop, Action.SNAPSHOT_STOPPED)


async def retry(tx: AsyncSession, *, project_id: UUID, actor: Actor, dataset: str, number: int) -> SnapshotView:
    """Have a snapshot that failed or was stopped made after all, with the same definition and cut-off.

    Raises:
        SnapshotNotFound (404); SnapshotOver: it did not fail (409).
    """
    found = await get(await driver_of(tx), project_id=project_id, dataset=dataset, number=number)
    return await _turn(tx, project_id, actor, found, queries.retry, Action.SNAPSHOT_BEGUN)


async def _turn(
    tx: AsyncSession,
    project_id: UUID,
    actor: Actor,
    found: SnapshotView,
    change: Callable[[Hot, UUID, UUID], Awaitable[bool]],
    action: Action,
) -> SnapshotView:
    """Change the state of a snapshot where that can be, and note it."""
    hot = await driver_of(tx)
    if not await change(hot, project_id, found.id):
        raise _over(found)
    details = {"dataset": found.dataset, "number": found.number}
    audit.record(tx, project_id, actor, action, details=details)
    await tx.flush()
    return await get(hot, project_id=project_id, dataset=found.dataset, number=found.number)


async def get_manifest(hot: Hot, *, project_id: UUID, dataset: str, number: int) -> Manifest:
    """Give the manifest of a snapshot.

    Raises:
        SnapshotNotFound (404); SnapshotNotReady: there is none yet, or never will be (409).
    """
    found = await get(hot, project_id=project_id, dataset=dataset, number=number)
    if found.manifest is None or found.state != "ready":
        message = say(
            "Snapshot %(number)s of %(dataset)s has no files to read: it is %(state)s.",
            number=number,
            dataset=dataset,
            state=found.state,
        )
        why = English(found.error)  # as it is stored
        raise SnapshotNotReady(say("%(what)s %(error)s", what=message, error=why) if why else message)
    return found.manifest


async def read_file(
    hot: Hot, store: Store, *, project_id: UUID, dataset: str, number: int, name: str
) -> tuple[FileOf, AsyncGenerator[bytes]]:
    """Give a file of a snapshot, piece by piece, and what the manifest says of it.

    Raises:
        SnapshotNotFound: there is no such snapshot or file (404); SnapshotNotReady (409); StoreRefused (503).
    """
    manifest = await get_manifest(hot, project_id=project_id, dataset=dataset, number=number)
    file = next((each for each in manifest.files if each.name == name), None)
    if file is None:
        message = say(
            "Snapshot %(number)s of %(dataset)s has no file %(name)s.",
            number=number,
            dataset=dataset,
            name=repr(name),
        )
        raise SnapshotNotFound(message)
    return file, store.read(path_of(project_id, dataset, number, name))


async def check_reader(hot: Hot, *, who: Principal, dataset: str, number: int) -> Manifest:
    """Let pass who may read what is in the files of a snapshot, and give its manifest; ask before they leave.

    Raises:
        SnapshotNotFound (404); SnapshotNotReady (409); PersonalWithheld: they hold personal fields that are hidden from
        the reader (403).
    """
    manifest = await get_manifest(hot, project_id=who.project_id, dataset=dataset, number=number)
    redaction.check_readable((each.type for each in manifest.guidelines), manifest.redaction.fields, who.hides)
    return manifest


async def note_read(tx: AsyncSession, *, project_id: UUID, actor: Actor, dataset: str, number: int, name: str) -> None:
    """Record that somebody takes a file of a snapshot with them; it is done before the first byte leaves."""
    details = {"dataset": dataset, "number": number, "file": name}
    audit.record(tx, project_id, actor, Action.SNAPSHOT_READ, details=details)
    await tx.flush()


def path_of(project_id: UUID, dataset: str, number: int, name: str) -> str:
    """Give where a file of a snapshot is kept."""
    return f"{project_id}/{dataset}/{number:06d}/{name}"


def view_of(row: Any) -> SnapshotView:
    """Show a stored snapshot."""
    same = ("id", "dataset", "number", "state", "records", "cut_off", "error")
    whole = 2 * row["cut_off"] if row["cut_off"] else 0
    return SnapshotView(
        **{name: row[name] for name in same},
        requested_by=row["requested_by"],
        requested_at=row["requested_at"],
        ended_at=row["ended_at"],
        progress=1.0 if row["state"] == "ready" else min(1.0, row["done"] / whole) if whole else 0.0,
        definition=msgspec.json.decode(row["definition"], type=Definition),
        manifest=None if row["manifest"] is None else msgspec.json.decode(row["manifest"], type=Manifest),
        tombstone=None if row["tombstone"] is None else msgspec.json.decode(row["tombstone"], type=Tombstone),
        registrations=msgspec.json.decode(row["registrations"] or "[]", type=list[Registration]),
    )


def _name(dataset: str) -> str:
    """Give a name that PostgreSQL can be asked for."""
    return dataset.replace("\0", "")


def _over(found: SnapshotView) -> SnapshotOver:
    message = say(
        "Snapshot %(number)s of %(dataset)s is %(state)s; nothing was changed.",
        number=found.number,
        dataset=found.dataset,
        state=found.state,
    )
    return SnapshotOver(message)
