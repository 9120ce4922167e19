"""Datasets through the client: made, brought here whole, and read by the libraries that train from them."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from countersign_client import (
    AsyncClient,
    Client,
    Definition,
    DigestMismatch,
    LibraryMissing,
    LocalSnapshot,
    NotFound,
    NothingToRead,
    SnapshotFailed,
    SnapshotLate,
)
from review.datasets.snapshots import running
from review.identity.rules import Role
from review.kernel.db import Database
from review.kernel.settings import Settings
from tests.datasets.test_export import leave
from tests.make import World

Connect = Callable[..., AsyncClient]
HALVES: Definition = {"splitting": {"parts": {"train": 0.5, "test": 0.5}}}


@pytest.fixture
async def analyst(connect: Connect, world: World, db: Database, settings: Settings) -> AsyncClient:
    """A data scientist's client over forty records; while it pauses, a worker works."""
    await world.add_person("tess", Role.ANALYST)
    for at in range(40):
        await leave(db, world.service.project_id, label=f"l{at % 3}")

    async def work(seconds: float) -> None:
        assert seconds > 0
        await running.advance(db, settings)

    return connect(world.tokens["tess"], sleep=work)


async def test_a_snapshot_is_made_and_read_by_every_library(analyst: AsyncClient, tmp_path: Path) -> None:
    preview = await analyst.datasets.preview(HALVES)
    assert (preview.taken, set(preview.classes)) == (40, {"l0", "l1", "l2"})
    await analyst.datasets.create("intents", HALVES, description="what it is for")
    with pytest.raises(NothingToRead):
        await analyst.datasets.download("intents")

    made = await analyst.datasets.make_snapshot("intents", timeout=60)
    snapshot = await analyst.datasets.download("intents", into=tmp_path)

    assert made.manifest == snapshot.manifest == await analyst.datasets.manifest("intents")
    parts = snapshot.manifest.parts
    assert snapshot.splits == list(parts)
    frames = snapshot.to_pandas(), snapshot.to_polars(), snapshot.to_arrow()
    assert [len(each) for each in frames] == [40, 40, 40]
    both: Any = snapshot.to_dataset()
    assert {name: len(each) for name, each in both.items()} == parts
    train: Any = snapshot.to_dataset("train")
    assert train["label"] == snapshot.to_arrow("train")["label"].to_pylist()
    assert snapshot.to_pandas("train")["id"].tolist() == snapshot.to_polars("train")["id"].to_list() == train["id"]
    assert len(LocalSnapshot.open(tmp_path / "intents-1").to_arrow("test")) == parts["test"]
    assert sorted(path.name for path in snapshot.folder.iterdir()) == [
        "manifest.json",
        "test-00000.parquet",
        "train-00000.parquet",
    ]


async def test_datasets_are_listed_changed_and_compared(analyst: AsyncClient) -> None:
    for name in ("b", "a"):
        await analyst.datasets.create(name)
    assert [each.name async for each in analyst.datasets.all()] == ["a", "b"]
    await analyst.datasets.make_snapshot("a", timeout=60)
    await analyst.datasets.change("a", {"criteria": {"verdicts": ["correct"]}, "sampling": {"at_most": 1}})
    assert (await analyst.datasets.get("a")).definition["sampling"]["at_most"] == 1
    await analyst.datasets.make_snapshot("a", timeout=60)
    assert [each.number async for each in analyst.datasets.snapshots("a")] == [2, 1]
    difference = await analyst.datasets.compare("a", 2)
    assert (difference.added, difference.withdrawn + difference.same) == (0, 40)
    assert (await analyst.datasets.snapshot("a", 2)).state == "ready"
    asked = await analyst.datasets.set_schedule("a", cron="0 6 * * mon-fri", timezone="Europe/Berlin", paused=True)
    assert (asked.next_at, (await analyst.datasets.schedule("a")).timezone) == (None, "Europe/Berlin")
    with pytest.raises(NotFound):
        await analyst.datasets.schedule("b")


async def test_what_cannot_be_made_or_takes_too_long_is_told(
    analyst: AsyncClient, connect: Connect, world: World
) -> None:
    await analyst.datasets.create("none", {"criteria": {"types": ["no_such_type"]}})
    with pytest.raises(SnapshotFailed, match="none is failed"):
        await analyst.datasets.make_snapshot("none", timeout=60)
    assert (await analyst.datasets.retry_snapshot("none", 1)).state == "waiting"
    assert (await analyst.datasets.stop_snapshot("none", 1)).state == "stopped"
    begun = await analyst.datasets.begin_snapshot("none")
    idle = connect(world.tokens["tess"])
    with pytest.raises(SnapshotLate, match="still waiting"):
        await idle.datasets.wait_ready("none", begun.number, timeout=0.01)


async def test_a_temporary_folder_goes_with_its_snapshot(analyst: AsyncClient) -> None:
    await analyst.datasets.create("intents", HALVES)
    await analyst.datasets.make_snapshot("intents", timeout=60)
    snapshot = await analyst.datasets.download("intents", splits=["train"])
    folder = snapshot.folder
    assert snapshot.splits == ["train"]
    with pytest.raises(NothingToRead, match="not downloaded"):
        snapshot.to_pandas("test")
    with pytest.raises(NothingToRead, match="no records in the part 'holdout'"):
        snapshot.to_pandas("holdout")
    snapshot.close()
    assert not folder.exists()


def served(files: dict[str, bytes], manifest: bytes, asked: list[str]) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        asked.append(name)
        return httpx.Response(200, content=manifest if name == "manifest" else files[name])

    return httpx.MockTransport(answer)


@pytest.fixture
async def whole(analyst: AsyncClient, tmp_path: Path) -> LocalSnapshot:
    await analyst.datasets.create("intents", HALVES)
    await analyst.datasets.make_snapshot("intents", timeout=60)
    return await analyst.datasets.download("intents", into=tmp_path / "whole")


async def test_only_what_the_manifest_names_is_kept(whole: LocalSnapshot, tmp_path: Path) -> None:
    files = {path.name: path.read_bytes() for path in whole.paths()}
    manifest = (whole.folder / "manifest.json").read_bytes()
    asked: list[str] = []
    spoilt = files | {"train-00000.parquet": files["train-00000.parquet"][:-1] + b"?"}
    with (
        Client("http://somewhere", "key", transport=served(spoilt, manifest, asked)) as client,
        pytest.raises(DigestMismatch, match=r"train-00000\.parquet"),
    ):
        client.datasets.download("intents", 1, into=tmp_path / "again")
    kept = {path.name for path in (tmp_path / "again" / "intents-1").iterdir()}
    assert kept <= {"test-00000.parquet"}, "no half file, and no manifest before all is there"

    asked.clear()
    with Client("http://somewhere", "key", transport=served(files, manifest, asked)) as client:
        snapshot = client.datasets.download("intents", 1, into=tmp_path / "again")
    assert set(asked) == {"manifest", "train-00000.parquet", "test-00000.parquet"} - kept
    assert len(snapshot.to_pandas()) == 40

    (snapshot.folder / "train-00000.parquet").write_bytes(b"?")
    with pytest.raises(DigestMismatch):
        LocalSnapshot.open(snapshot.folder)


@pytest.mark.parametrize("named", ["../../train.parquet", "other-00000.parquet"])
async def test_a_manifest_cannot_lead_elsewhere_or_differ_from_its_digest(
    whole: LocalSnapshot, tmp_path: Path, named: str
) -> None:
    manifest = (whole.folder / "manifest.json").read_bytes().replace(b"train-00000.parquet", named.encode())
    with (
        Client("http://somewhere", "key", transport=served({}, manifest, [])) as client,
        pytest.raises(DigestMismatch),
    ):
        client.datasets.download("intents", 1, into=tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()


async def test_a_library_that_is_missing_is_named(whole: LocalSnapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, read in {"pandas": whole.to_pandas, "polars": whole.to_polars, "datasets": whole.to_dataset}.items():
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(LibraryMissing, match=rf"pip install {name}\."):
            read()


async def test_an_item_tells_which_snapshots_it_is_in(analyst: AsyncClient, world: World) -> None:
    await world.submit("the one")
    (held,) = await world.claim("cleo")
    await world.judge("cleo", held, "approve")
    await analyst.datasets.create("intents", HALVES)
    for _ in range(2):
        await analyst.datasets.make_snapshot("intents", timeout=60)

    found = [each async for each in analyst.datasets.snapshots_of(held.item.id)]

    assert [(each.dataset, each.number, each.label_class) for each in found] == [
        ("intents", 2, "card_arrival"),
        ("intents", 1, "card_arrival"),
    ]
