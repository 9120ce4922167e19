"""Datasets over HTTP: what is in them, their snapshots, and the files of these."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream
from msgspec import Meta

from review.datasets.selections import service as datasets
from review.datasets.selections.rules import Definition
from review.datasets.selections.schemas import DatasetView, Preview
from review.datasets.snapshots import comparing, holding
from review.datasets.snapshots import service as snapshots
from review.datasets.snapshots.rules import Difference, Manifest
from review.datasets.snapshots.schemas import Holdings, SnapshotView
from review.datasets.snapshots.store import Store
from review.identity.rules import Permission
from review.items import service as items
from review.kernel.paging import position_of
from review.web.api import bodies
from review.web.api.openapi import gives, takes
from review.web.downloads import PARQUET, snapshot_file
from review.web.guards import requires
from review.web.services import AnyRequest, Svc, Tx, Who

READ, WRITE = requires(Permission.READ_FEEDBACK), requires(Permission.WRITE_DATASETS)
Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=100)]
Before = Annotated[int | None, QueryParameter(name="before", ge=1, le=2**31 - 1)]
Since = Annotated[int | None, QueryParameter(name="since", ge=1, le=2**31 - 1)]


class DatasetIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A dataset as it is to be."""

    name: str
    description: str = ""
    definition: Definition = msgspec.field(default_factory=Definition)


class ChangeIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a dataset is to be from now on; all of it is replaced."""

    description: str = ""
    definition: Definition = msgspec.field(default_factory=Definition)


class PreviewIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be tried."""

    definition: Definition = msgspec.field(default_factory=Definition)


class SnapshotIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the feed ends for a snapshot: at its last record, or at the `cut_off` that an earlier manifest names."""

    cut_off: Annotated[int, Meta(ge=1, le=2**53)] | None = None


class Datasets(msgspec.Struct, frozen=True):
    """Datasets by name, and the name that goes on."""

    data: list[DatasetView]
    next: str | None = None


class Snapshots(msgspec.Struct, frozen=True):
    """Snapshots without manifests, the last first, and the number that goes on."""

    data: list[SnapshotView]
    next: int | None = None


@get("/datasets", opt=READ)
async def list_datasets(who: Who, tx: Tx, *, cursor: FromQuery[str] = "", limit: Limit = 100) -> Datasets:
    """List datasets by name."""
    after = cursor.replace("\0", "")
    found = await datasets.list_datasets(tx, project_id=who.project_id, after=after, limit=limit + 1)
    return Datasets(found[:limit], found[limit - 1].name if len(found) > limit else None)


@post("/datasets", opt=WRITE | takes(DatasetIn), status_code=201)
async def create_dataset(request: AnyRequest, who: Who, tx: Tx) -> DatasetView:
    """Keep a definition under a name."""
    given = await bodies.read(request, DatasetIn)
    return await datasets.create(
        tx, who=who, name=given.name, description=given.description, definition=given.definition
    )


@post("/datasets/preview", opt=READ | takes(PreviewIn), status_code=200)
async def preview_dataset(request: AnyRequest, services: Svc, who: Who) -> Preview:
    """Try a definition on the newest records: what it takes, what it leaves out and why, with samples."""
    given = await bodies.read(request, PreviewIn)
    return await datasets.preview(services.db, who=who, definition=given.definition)


@get("/datasets/{name:str}", opt=READ)
async def get_dataset(who: Who, tx: Tx, name: FromPath[str]) -> DatasetView:
    """Read a dataset."""
    return await datasets.get(tx, project_id=who.project_id, name=name)


@put("/datasets/{name:str}", opt=WRITE | takes(ChangeIn))
async def change_dataset(request: AnyRequest, who: Who, tx: Tx, name: FromPath[str]) -> DatasetView:
    """Give a dataset another definition; snapshots that were made keep theirs."""
    given = await bodies.read(request, ChangeIn)
    return await datasets.change(tx, who=who, name=name, description=given.description, definition=given.definition)


@post("/datasets/{name:str}/snapshots", opt=WRITE | takes(SnapshotIn), status_code=201)
async def begin_snapshot(request: AnyRequest, services: Svc, who: Who, tx: Tx, name: FromPath[str]) -> SnapshotView:
    """Have a worker make the next snapshot; the event `dataset.snapshot_ready` tells when it is there."""
    given = await bodies.read(request, SnapshotIn)
    return await snapshots.begin(
        tx, services.settings, project_id=who.project_id, actor=who.actor, dataset=name, cut_off=given.cut_off
    )


@get("/datasets/{name:str}/snapshots", opt=READ)
async def list_snapshots(
    services: Svc, who: Who, tx: Tx, name: FromPath[str], before: Before = None, limit: Limit = 50
) -> Snapshots:
    """List snapshots of a dataset, the last first; continue with `before` set to the last answer's `next`."""
    await datasets.get(tx, project_id=who.project_id, name=name)
    found = await snapshots.list_snapshots(
        services.db.hot, project_id=who.project_id, dataset=name, before=before, limit=limit + 1
    )
    return Snapshots(found[:limit], found[limit - 1].number if len(found) > limit else None)


@get("/datasets/{name:str}/snapshots/{number:int}", opt=READ)
async def get_snapshot(services: Svc, who: Who, name: FromPath[str], number: FromPath[int]) -> SnapshotView:
    """Tell how far a snapshot is, and once it is ready what its manifest says."""
    return await snapshots.get(services.db.hot, project_id=who.project_id, dataset=name, number=number)


@post("/datasets/{name:str}/snapshots/{number:int}/stop", opt=WRITE, status_code=200)
async def stop_snapshot(who: Who, tx: Tx, name: FromPath[str], number: FromPath[int]) -> SnapshotView:
    """End the making of a snapshot."""
    return await snapshots.stop(tx, project_id=who.project_id, actor=who.actor, dataset=name, number=number)


@post("/datasets/{name:str}/snapshots/{number:int}/retry", opt=WRITE, status_code=200)
async def retry_snapshot(who: Who, tx: Tx, name: FromPath[str], number: FromPath[int]) -> SnapshotView:
    """Have a snapshot that failed or was stopped made after all, of the same records."""
    return await snapshots.retry(tx, project_id=who.project_id, actor=who.actor, dataset=name, number=number)


@get("/datasets/{name:str}/snapshots/{number:int}/manifest", opt=READ)
async def get_manifest(services: Svc, who: Who, name: FromPath[str], number: FromPath[int]) -> Manifest:
    """Read the manifest of a snapshot: its files with digests, its columns, and all that went into it."""
    return await snapshots.get_manifest(services.db.hot, project_id=who.project_id, dataset=name, number=number)


@get("/datasets/{name:str}/snapshots/{number:int}/files/{file:str}", opt=READ | gives({PARQUET: None}))
async def read_snapshot_file(
    services: Svc, who: Who, tx: Tx, name: FromPath[str], number: FromPath[int], file: FromPath[str]
) -> Stream:
    """Download a file of a snapshot; that it left is in the audit."""
    return await snapshot_file(services, who, tx, dataset=name, number=number, name=file)


@get("/datasets/{name:str}/snapshots/{number:int}/difference", opt=READ)
async def compare_snapshots(
    services: Svc, who: Who, name: FromPath[str], number: FromPath[int], since: Since = None
) -> Difference:
    """Tell how a snapshot differs from an earlier one, by default the one before it: added, withdrawn, judged anew."""
    return await comparing.compare(
        services.db.hot,
        Store.of(services.settings),
        project_id=who.project_id,
        dataset=name,
        earlier=number - 1 if since is None else since,
        later=number,
    )


@get("/items/{item_id:uuid}/snapshots", opt=READ)
async def list_snapshots_of_item(
    services: Svc, who: Who, item_id: FromPath[UUID], cursor: FromQuery[str | None] = None, limit: Limit = 50
) -> Holdings:
    """List the snapshots that an item is in, the last first: the class of its label there, and the part it went to."""
    hot, before = services.db.hot, position_of(cursor)
    await items.get_detail(hot, who=who, item_id=item_id, base_url=services.base_url)
    return await holding.list_of_item(hot, who=who, item_id=item_id, before=before, limit=limit)
