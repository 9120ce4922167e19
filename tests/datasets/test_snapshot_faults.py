"""Faults while a snapshot is made: a disk that fills, a worker that is killed, records that are hard to write."""

import asyncio
import csv
import io
import json
import os
import random
import resource
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from review.datasets.errors import SnapshotNotReady
from review.datasets.formats import decoding
from review.datasets.selections.rules import Criteria, Definition, Sampling, Splitting
from review.datasets.snapshots import running
from review.datasets.snapshots.store import Keep, Store
from review.kernel.db import Database
from review.kernel.settings import Settings
from tests.datasets.records import pruned
from tests.datasets.snapshot_files import render
from tests.datasets.test_export import leave
from tests.datasets.test_snapshots import SPLIT, Place, place

__all__ = ["place"]
UNSAFE = {"=", "+", "@", "\t", "\r", "\0"}
MARK = "half of a pair"
HARD = ("=1+1", "+1", "-1", "@x", "\tx", "\rx", "a\0b", MARK, 'q"\r\n,', "\\", "\u2028", "\u202eabc")
# A worker that dies as soon as a first file is stored.
KILLED = """
import asyncio, os, signal, sys
from uuid import UUID
from review.datasets.snapshots import running
from review.datasets.snapshots.store import Store
from review.kernel.db import Database
from review.kernel.settings import Settings

put = Store.put

async def die(self, *given):
    await put(self, *given)
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    settings = Settings.from_env()
    db = await Database.connect(settings)
    Store.put = die
    await running.work(db, settings, UUID(sys.argv[1]), UUID(sys.argv[2]))

asyncio.run(main())
"""


@contextmanager
def files_end_at(size: int) -> Generator[None]:
    """Let no file of this process grow beyond a size, as if its disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def cells_of(text: str) -> list[list[str]]:
    """Read CSV with cells of any length."""
    before = csv.field_size_limit(10**8)
    try:
        return list(csv.reader(io.StringIO(text, newline="")))
    finally:
        csv.field_size_limit(before)


def manifests(place: Place) -> list[Path]:
    return list(place.folder.rglob("manifest.json"))


@pytest.mark.parametrize("where", ["beside the worker", "where snapshots are kept"])
async def test_a_disk_that_fills_leaves_no_manifest_and_once_there_is_room_it_is_made(
    db: Database, place: Place, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    noise = random.Random(7)
    for _ in range(20):
        await leave(db, place.project_id, input={"text": noise.randbytes(4_000).hex()})
    begun = await place.begin()
    put = Store.put

    async def on_a_full_disk(self: Store, path: str, file: Path | bytes, keep: Keep | None = None) -> str:
        with files_end_at(8_192):
            return await put(self, path, file, keep)

    if where == "beside the worker":
        with files_end_at(8_192):
            await running.work(db, place.settings, place.project_id, begun.id)
    else:
        monkeypatch.setattr(Store, "put", on_a_full_disk)
        await running.work(db, place.settings, place.project_id, begun.id)
    full = await place.get(1)
    with pytest.raises(SnapshotNotReady):
        await place.manifest(1)
    assert manifests(place) == []
    monkeypatch.setattr(Store, "put", put)
    await place.end_lease(begun.id)
    await running.work(db, place.settings, place.project_id, begun.id)

    assert (full.state, full.manifest) == ("running", None)
    assert "refused" in full.error
    assert (await place.table(1)).num_rows == 20


async def test_a_worker_that_is_killed_between_two_files_is_followed_by_one_that_makes_the_same(
    db: Database, place: Place, settings: Settings
) -> None:
    """Promise 30: no manifest without all parts; the rerun gives the same hash."""
    for at in range(20):
        await leave(db, place.project_id, label=f"l{at % 3}")
    undisturbed = await place.make()
    begun = await place.begin()
    environment = os.environ | {
        "REVIEW_DATABASE_URL": settings.database_url,
        "REVIEW_SNAPSHOT_STORE": place.folder.as_uri(),
    }
    died = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", KILLED, str(place.project_id), str(begun.id)), env=environment
    )
    await died.wait()
    half = await place.get(2)
    with pytest.raises(SnapshotNotReady):
        await place.manifest(2)
    assert [each.parent.name for each in manifests(place)] == ["000001"]
    await place.end_lease(begun.id)
    await running.work(db, place.settings, place.project_id, begun.id)

    assert (died.returncode, half.state) == (-signal.SIGKILL, "running")
    assert (await place.manifest(2)).sha256 == (await place.manifest(1)).sha256
    assert (await place.get(2)).cut_off == undisturbed.cut_off


async def test_hard_records_are_exact_in_parquet_and_json_lines_and_inert_in_csv(db: Database, place: Place) -> None:
    """Promise 30: leading = + - @ tab CR, NUL, lone surrogates, 5 MB, mixed schema versions, through the database."""
    given: list[Any] = [{"text": text, text: [text, {"n": 2**70}]} for text in HARD]
    given += [{"text": "ß" * 2_500_000}, {"text": ["another", 1, None, {}]}, ["no object"], "text", 7]
    for at, value in enumerate(given):
        label = HARD[at % len(HARD)]
        await leave(db, place.project_id, input=value, comment=label, label=label if at % 4 else {"deep": at})
    # What intake refuses by now may have been stored before.
    half = "UPDATE feedback SET record = replace(record::text, $1, $2)::json WHERE project_id = $3"
    await db.hot.execute(half, MARK, "a\\ud800b", place.project_id)
    rows = await db.hot.fetch(
        "SELECT item_id, record::text AS record FROM feedback WHERE project_id = $1", place.project_id
    )
    frozen = {str(row["item_id"]): json.loads(row["record"]) for row in rows}

    for definition in (
        Definition(splitting=SPLIT),
        Definition(
            sampling=Sampling(distinct=True, text_at="text", label_at="label"), splitting=Splitting(by="input.text")
        ),
    ):
        await place.define(definition)
        made = await place.make()
        assert (made.state, made.error) == ("ready", "")
        manifest = await place.manifest(made.number)
        seen = set[str]()
        for each in manifest.files:
            path = place.folder / str(place.project_id) / "d" / f"{made.number:06d}" / each.name
            for records in decoding.read(path, with_nulls=False):
                for record in records:
                    same = {name: record.get(name) for name in frozen[record["item_id"]]}
                    assert pruned(same) == pruned(frozen[record["item_id"]])
                    seen.add(record["item_id"])
            lines, _ = render(path, "jsonl")
            for line in lines.splitlines():
                told = json.loads(line)
                assert pruned(told["input"]) == pruned(frozen[told["item_id"]]["input"])
            cells = render(path, "csv")[0].decode("utf-8-sig", "surrogatepass")
            assert not any(cell[:1] in UNSAFE for row in cells_of(cells) for cell in row)
        assert len(seen) == manifest.records
    assert (await place.get(1)).records == len(given)


async def test_labels_that_are_all_different_make_no_manifest_that_pages_cannot_read(
    db: Database, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "CLASSES_TOLD", 3)
    for at in range(9):
        await leave(db, place.project_id, label=f"free text {at % 8}")

    made = await place.make()

    manifest = await place.manifest(made.number)
    assert manifest.classes == {"free text 0": 2, "free text 1": 1, "free text 2": 1}
    assert (len(manifest.shares), manifest.records) == (3, 9)


async def test_a_filter_that_matches_nothing_says_what_was_left_out_and_leaves_nothing(
    db: Database, place: Place
) -> None:
    await leave(db, place.project_id)
    await place.define(Definition(criteria=Criteria(pools=("nowhere",))))

    made = await place.make()

    assert made.state == "failed"
    assert made.error == "Of 1 records none is taken, so no snapshot was made (judged in another pool: 1)."
    assert not place.folder.exists() or not list(place.folder.rglob("*.parquet"))
