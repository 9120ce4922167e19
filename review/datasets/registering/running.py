"""Telling trackers in a worker, apart from the making: that one is away fails no snapshot, and it is told later."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from review.datasets.registering import queries, wandb
from review.datasets.registering.errors import TrackerRefused
from review.datasets.registering.mlflow import Mlflow
from review.datasets.registering.rules import WANDB, places_of, telling_of, telling_withdrawn, told_of, withdrawn
from review.datasets.snapshots.rules import Manifest, Tombstone
from review.datasets.snapshots.service import path_of
from review.datasets.snapshots.store import FOLDER
from review.kernel.db import UNREACHABLE, Database
from review.kernel.settings import Settings

log = logging.getLogger(__name__)

LEASE: Final = timedelta(minutes=2)  # seven calls of at most 15 seconds, or a program of 90
PAUSE: Final = timedelta(seconds=30)  # doubled with each try
LONGEST_PAUSE: Final = timedelta(hours=1)
MOST_TRIES: Final = 30  # about a day


async def advance(db: Database, settings: Settings, is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Tell of every snapshot that is to be told of; gives how many were."""
    told = 0
    places = places_of(settings)
    while places and not is_stopping():
        row = await queries.claim(db.hot, LEASE, places)
        if row is None:
            break
        told += await _tell(db, settings, row)
    return told


async def _tell(db: Database, settings: Settings, row: Any) -> bool:
    mine = (row["project_id"], row["snapshot_id"], row["place"], row["fence"])
    try:
        url = await _say(settings, row)
    except TrackerRefused as refusal:
        error = str(refusal)
    except UNREACHABLE:
        raise  # the lease runs out by itself
    except Exception:
        log.exception("%s could not be told of snapshot %s; it is tried again", row["place"], mine[1])
        error = "It failed for a reason that the server's log tells."
    else:
        await queries.done(db.hot, mine, url, row["state"])
        return True
    pause = min(PAUSE * 2 ** min(row["tries"] - 1, 10), LONGEST_PAUSE)
    await queries.fail(db.hot, mine, pause, MOST_TRIES, error)
    return False


async def _say(settings: Settings, row: Any) -> str:
    """Tell that a snapshot is ready, or that it was withdrawn; gives where that stands."""
    snapshot_id: UUID = row["snapshot_id"]
    if row["manifest"] is None:
        gone = msgspec.json.decode(row["tombstone"], type=Tombstone)
        if row["place"] == WANDB:
            return await wandb.tell(telling_withdrawn(gone, snapshot_id, settings.wandb_project))
        async with Mlflow(settings.mlflow_url, settings.mlflow_token) as mlflow:
            return await mlflow.tag(_experiment(row), str(snapshot_id), withdrawn(gone))
    manifest = msgspec.json.decode(row["manifest"], type=Manifest)
    number, name = manifest.number, manifest.dataset
    source = f"{_place(settings)}/{path_of(row['project_id'], name, number, '').rstrip('/')}"
    page = f"{settings.public_url}/p/{row['project']}/datasets/{name}/{number}"
    told = told_of(manifest, snapshot_id, source, page, row["ended_at"])
    if row["place"] == WANDB:
        files_at = f"{settings.public_url}/api/v1/datasets/{name}/snapshots/{number}/files"
        return await wandb.tell(telling_of(told, manifest, files_at, settings.wandb_project))
    async with Mlflow(settings.mlflow_url, settings.mlflow_token) as mlflow:
        return await mlflow.tell(_experiment(row), told)


def _experiment(row: Any) -> str:
    return f"countersign/{row['project']}"


def _place(settings: Settings) -> str:
    """Give where files are kept, without what an address may hold that is nobody else's."""
    if settings.snapshot_store:
        parts = urlsplit(settings.snapshot_store)
        return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    folder = settings.data_dir.resolve() if settings.data_dir else None
    return "" if folder is None else (folder / FOLDER).as_uri()
