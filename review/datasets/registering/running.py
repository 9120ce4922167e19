"""Telling MLflow in a worker, apart from the making: that it is away fails no snapshot, and it is told later."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from review.datasets.registering import queries
from review.datasets.registering.mlflow import Mlflow, MlflowRefused
from review.datasets.registering.rules import places_of, told_of, withdrawn
from review.datasets.snapshots.rules import Manifest, Tombstone
from review.datasets.snapshots.service import path_of
from review.datasets.snapshots.store import FOLDER
from review.kernel.db import Database
from review.kernel.settings import Settings

log = logging.getLogger(__name__)

LEASE: Final = timedelta(minutes=2)  # seven calls of at most 15 seconds
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
        async with Mlflow(settings.mlflow_url, settings.mlflow_token) as mlflow:
            url = await _say(mlflow, settings, row)
    except Exception as fault:
        if not isinstance(fault, MlflowRefused):
            log.exception("MLflow could not be told of snapshot %s; it is tried again", mine[1])
        error = (
            str(fault) if isinstance(fault, MlflowRefused) else "It failed for a reason that the server's log tells."
        )
        pause = min(PAUSE * 2 ** min(row["tries"] - 1, 10), LONGEST_PAUSE)
        await queries.fail(db.hot, mine, pause, MOST_TRIES, error)
        return False
    await queries.done(db.hot, mine, url, row["state"])
    return True


async def _say(mlflow: Mlflow, settings: Settings, row: Any) -> str:
    """Tell that a snapshot is ready, or that it was withdrawn."""
    experiment = f"countersign/{row['project']}"
    if row["manifest"] is None:
        tombstone = msgspec.json.decode(row["tombstone"], type=Tombstone)
        return await mlflow.tag(experiment, str(row["snapshot_id"]), withdrawn(tombstone))
    manifest = msgspec.json.decode(row["manifest"], type=Manifest)
    path = path_of(row["project_id"], manifest.dataset, manifest.number, "").rstrip("/")
    page = f"{settings.public_url}/p/{row['project']}/datasets/{manifest.dataset}/{manifest.number}"
    source = f"{_place(settings)}/{path}"
    return await mlflow.tell(experiment, told_of(manifest, row["snapshot_id"], source, page, row["ended_at"]))


def _place(settings: Settings) -> str:
    """Give where files are kept, without what an address may hold that is nobody else's."""
    if settings.snapshot_store:
        parts = urlsplit(settings.snapshot_store)
        return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    folder = settings.data_dir.resolve() if settings.data_dir else None
    return "" if folder is None else (folder / FOLDER).as_uri()
