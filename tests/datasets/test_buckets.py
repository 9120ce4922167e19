"""Snapshots in a bucket, through a server that speaks S3's protocol: what is refused, cut off, and done again."""

import json
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest

from review.datasets.errors import SnapshotNotReady, StoreRefused
from review.datasets.selections.rules import Definition
from review.datasets.snapshots import comparing, running, service, store, withdrawing, writing
from review.datasets.snapshots.store import Keep, Store
from review.kernel.db import Database
from review.kernel.ids import new_id
from review.kernel.settings import Settings
from tests.datasets.bucket import NAME, Bucket, bucket, bucket_server
from tests.datasets.test_export import leave
from tests.datasets.test_snapshots import Place

__all__ = ["bucket", "bucket_server"]

HELD: Final = Settings(snapshot_store=f"s3://{NAME}/kept/here")


@pytest.fixture
async def place(db: Database, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    assert not bucket.names()
    project_id = new_id()
    await db.hot.execute("INSERT INTO projects (id, slug, title) VALUES ($1, $2, 'P')", project_id, str(project_id))
    found = Place(db, project_id, tmp_path / "store")
    found.settings = HELD
    await found.define(Definition())
    monkeypatch.setattr(writing, "ROWS_PER_FILE", 2)
    return found


def names_of(place: Place, number: int, *names: str) -> list[str]:
    return [f"kept/here/{service.path_of(place.project_id, 'd', number, name)}" for name in names]


async def try_again(place: Place, snapshot_id: UUID) -> None:
    await place.end_lease(snapshot_id)
    await running.work(place.db, place.settings, place.project_id, snapshot_id)


async def test_a_snapshot_is_written_read_compared_and_withdrawn(db: Database, place: Place, bucket: Bucket) -> None:
    items = [await leave(db, place.project_id, label=f"l{at % 3}") for at in range(5)]
    first = await place.make()
    await leave(db, place.project_id)
    await place.make()

    files = [f"all-{at:05d}.parquet" for at in range(3)]
    assert bucket.names() == [
        *names_of(place, 1, *files, "manifest.json"),
        *names_of(place, 2, *files, "manifest.json"),
    ]
    assert ((await place.table(1)).num_rows, (await place.table(2)).num_rows) == (5, 6)
    assert await Store.of(HELD).list_below(str(place.project_id)) == [
        name.removeprefix("kept/here/") for name in bucket.names()
    ]
    found = await comparing.compare(
        db.hot, Store.of(HELD), project_id=place.project_id, dataset="d", earlier=1, later=2
    )
    assert (found.added, found.same) == (1, 5)
    assert first.cut_off is not None
    withdrawn = await withdrawing.withdraw_holding(
        db.hot, HELD, project_id=place.project_id, position=1, items=items[:1]
    )
    assert withdrawn == 2
    assert bucket.names() == [*names_of(place, 1, "manifest.json"), *names_of(place, 2, "manifest.json")]
    events = await db.hot.fetch(
        "SELECT kind, payload::text AS said FROM events WHERE project_id = $1 ORDER BY created_at, id", place.project_id
    )
    assert [each["kind"] for each in events] == ["dataset.snapshot_ready"] * 2 + ["dataset.snapshot_withdrawn"] * 2
    assert [json.loads(each["said"])["snapshot"]["items_erased"] for each in events[2:]] == [1, 1]


async def test_a_try_after_a_cut_sends_only_what_was_not_stored(db: Database, place: Place, bucket: Bucket) -> None:
    """Promise 30: no manifest without all parts; what was finished is known by its digest."""
    for _ in range(9):
        await leave(db, place.project_id)
    begun = await place.begin()
    files = [f"all-{at:05d}.parquet" for at in range(5)]
    bucket.refuse = lambda method, path: method == "PUT" and path.endswith(files[3])

    await try_again(place, begun.id)

    half = await place.get(1)
    assert (half.state, half.manifest) == ("running", None)
    assert "AccessDenied: Access Denied" in half.error
    assert "<" not in half.error
    assert bucket.names() == names_of(place, 1, *files[:3])
    with pytest.raises(SnapshotNotReady):
        await place.manifest(1)

    bucket.refuse, bucket.puts = lambda _method, _path: False, type(bucket.puts)()
    await try_again(place, begun.id)

    assert (await place.get(1)).state == "ready"
    assert (await place.table(1)).num_rows == 9
    assert bucket.puts == dict.fromkeys([*files[3:], "manifest.json"], 1)


async def test_a_file_that_went_or_changed_meanwhile_is_sent_again(db: Database, place: Place, bucket: Bucket) -> None:
    for _ in range(5):
        await leave(db, place.project_id)
    begun = await place.begin()
    bucket.refuse = lambda method, path: method == "PUT" and path.endswith("manifest.json")
    await try_again(place, begun.id)
    path = service.path_of(place.project_id, "d", 1, "")
    await Store.of(HELD).remove(f"{path}all-00000.parquet")
    await Store.of(HELD).put(f"{path}all-00001.parquet", b"other")
    await Store.of(HELD).put(f"{path}of-an-earlier-try.parquet", b"left")
    bucket.refuse, bucket.puts = lambda _method, _path: False, type(bucket.puts)()

    await try_again(place, begun.id)

    assert (await place.table(1)).num_rows == 5
    assert bucket.puts == {"all-00000.parquet": 1, "all-00001.parquet": 1, "manifest.json": 1}
    assert not any("earlier" in name for name in bucket.names())


async def test_an_upload_in_parts_that_is_cut_leaves_no_parts(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "PART_BYTES", 5 << 20)  # the least that S3 takes
    file, kept, sent = tmp_path / "large", Store.of(HELD), 0
    file.write_bytes(b"0123456789abcdef" * (17 << 16))

    async def lose() -> None:
        nonlocal sent
        sent += 1
        if sent == 3:
            raise ConnectionAbortedError

    bucket.refuse = lambda method, _path: method == "PUT" and bucket.puts["large"] == 2
    with pytest.raises(StoreRefused, match="AccessDenied"):
        await kept.put("a/large", file)
    assert (bucket.unfinished(), bucket.names()) == (0, [])
    bucket.refuse = lambda _method, _path: False
    with pytest.raises(StoreRefused):
        await kept.put("a/large", file, lose)
    assert (bucket.unfinished(), bucket.names()) == (0, [])
    mark = await kept.put("a/large", file)
    assert await kept.find("a/large") == (file.stat().st_size, mark)
    await kept.fetch("a/large", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == file.read_bytes()


async def test_a_bucket_that_is_not_there_and_a_server_that_goes_away_in_the_middle_are_said(
    db: Database, place: Place, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await leave(db, place.project_id)
    begun = await place.begin()
    place.settings = Settings(snapshot_store="s3://nobody-has-this")
    await try_again(place, begun.id)
    assert "NoSuchBucket: The specified bucket does not exist" in (await place.get(1)).error
    for ask in (Store.of(place.settings).list_below("a"), anext(Store.of(place.settings).read("a"))):
        with pytest.raises(StoreRefused, match="NoSuchBucket"):
            await ask

    bucket.puts.clear()
    monkeypatch.setattr(store, "MOST_RETRIES", 0)
    going, put = Bucket(), Store.put  # another door to the same buckets
    monkeypatch.setenv("AWS_ENDPOINT_URL", going.url)
    place.settings = HELD

    async def put_and_go(self: Store, path: str, file: Path | bytes, keep: Keep | None = None) -> str:
        mark = await put(self, path, file, keep)
        going.end()
        return mark

    with monkeypatch.context() as once:
        once.setattr(Store, "put", put_and_go)
        await try_again(place, begun.id)
    away = await place.get(1)
    assert (away.state, away.manifest) == ("running", None)
    assert "refused" in away.error
    assert bucket.names() == names_of(place, 1, "all-00000.parquet")
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.url)
    await try_again(place, begun.id)
    assert (await place.get(1)).state == "ready"
    assert bucket.puts == {"all-00001.parquet": 1, "manifest.json": 1}


def test_a_place_that_is_none_is_refused_before_anything_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    for url in ("memory:///", "ftp://somewhere/x", "https://bucket.example/x", "az://no-account", "s3"):
        with pytest.raises(StoreRefused, match="REVIEW_SNAPSHOT_STORE cannot be used"):
            Store.of(Settings(snapshot_store=url))


async def test_what_a_killed_upload_left_in_a_folder_goes_with_the_next_try(
    db: Database, place: Place, tmp_path: Path
) -> None:
    place.settings = Settings(snapshot_store=(tmp_path / "store").as_uri())
    await leave(db, place.project_id)
    folder = tmp_path / "store" / service.path_of(place.project_id, "d", 1, "")
    folder.mkdir(parents=True)
    (folder / "all-00000.parquet#1").write_bytes(b"half")

    assert (await place.make()).state == "ready"

    assert sorted(each.name for each in folder.iterdir()) == ["all-00000.parquet", "manifest.json"]
