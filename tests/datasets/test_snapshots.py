"""Snapshots on a real server: the same bytes each time, nothing half, and what faults leave behind."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from review.audit.rules import OPERATOR
from review.datasets.errors import SnapshotNotReady, SnapshotOver, StoreUnset, TooManySnapshots
from review.datasets.formats.arrow import Table, pa, parquet
from review.datasets.selections.rules import Criteria, Definition, Sampling, Splitting
from review.datasets.snapshots import comparing, queries, running, service, writing
from review.datasets.snapshots.rules import Manifest
from review.datasets.snapshots.schemas import SnapshotView
from review.datasets.snapshots.store import Keep, Store
from review.kernel.db import Database
from review.kernel.ids import new_id
from review.kernel.settings import Settings
from tests.datasets.test_export import leave

SPLIT = Splitting(parts={"train": 0.7, "test": 0.3})


class Place:
    """A project with a dataset, and a folder for its snapshots."""

    def __init__(self, db: Database, project_id: UUID, folder: Path) -> None:
        self.db = db
        self.project_id = project_id
        self.folder = folder
        self.settings = Settings(snapshot_store=folder.as_uri())

    async def define(self, definition: Definition) -> None:
        await self.db.hot.execute(
            "INSERT INTO datasets (project_id, id, name, definition, created_by, changed_by)"
            " VALUES ($1, $2, 'd', $3::text::json, 'ana', 'ana')"
            " ON CONFLICT (project_id, name) DO UPDATE SET definition = excluded.definition",
            self.project_id,
            new_id(),
            msgspec.json.encode(definition).decode(),
        )

    async def begin(self, cut_off: int | None = None) -> SnapshotView:
        async with self.db.transaction() as tx:
            return await service.begin(
                tx, self.settings, project_id=self.project_id, actor=OPERATOR, dataset="d", cut_off=cut_off
            )

    async def make(self, cut_off: int | None = None) -> SnapshotView:
        begun = await self.begin(cut_off)
        await running.work(self.db, self.settings, self.project_id, begun.id)
        return await self.get(begun.number)

    async def get(self, number: int) -> SnapshotView:
        return await service.get(self.db.hot, project_id=self.project_id, dataset="d", number=number)

    async def manifest(self, number: int) -> Manifest:
        return await service.get_manifest(self.db.hot, project_id=self.project_id, dataset="d", number=number)

    async def table(self, number: int) -> Table:
        tables: list[Table] = []
        for each in (await self.manifest(number)).files:
            file, pieces = await service.read_file(
                self.db.hot,
                Store.of(self.settings),
                project_id=self.project_id,
                dataset="d",
                number=number,
                name=each.name,
            )
            content = b"".join([piece async for piece in pieces])
            assert (hashlib.sha256(content).hexdigest(), len(content)) == (file.sha256, file.bytes)
            tables.append(parquet.read_table(io.BytesIO(content)))
        return pa.concat_tables(tables)

    async def end_lease(self, snapshot_id: UUID) -> None:
        await self.db.hot.execute("UPDATE snapshots SET lease_until = NULL WHERE id = $1", snapshot_id)


@pytest.fixture
async def place(db: Database, tmp_path: Path) -> Place:
    project_id = new_id()
    await db.hot.execute("INSERT INTO projects (id, slug, title) VALUES ($1, $2, 'P')", project_id, str(project_id))
    found = Place(db, project_id, tmp_path / "store")
    await found.define(Definition(splitting=SPLIT))
    return found


async def test_a_snapshot_has_every_record_once_and_says_all_about_them(db: Database, place: Place) -> None:
    items = [await leave(db, place.project_id, label=f"l{at % 3}") for at in range(30)]
    await db.hot.execute(
        "INSERT INTO item_types (project_id, name, version, definition) VALUES ($1, 'ticket_intent', 1, $2)",
        place.project_id,
        json.dumps({"guidelines": "Choose well."}),
    )

    made = await place.make()

    manifest, table = await place.manifest(1), await place.table(1)
    assert (made.state, made.records, made.progress) == ("ready", 30, 1.0)
    assert sorted(table["item_id"].to_pylist()) == sorted(map(str, items))
    assert sum(manifest.parts.values()) == manifest.looked_at == 30
    assert manifest.classes == {"l0": 10, "l1": 10, "l2": 10}
    assert [each.text for each in manifest.guidelines] == ["Choose well."]
    assert set(table["guidelines_sha256"].to_pylist()) == {manifest.guidelines[0].sha256}
    assert [each.name for each in manifest.columns] == table.column_names
    assert all(set(part["split"].to_pylist()) <= {"train", "test"} for part in [table])
    stored = json.loads((place.folder / service.path_of(place.project_id, "d", 1, "manifest.json")).read_text())
    assert stored == msgspec.to_builtins(manifest)
    event = await db.hot.fetchrow(
        "SELECT kind, payload::text AS payload FROM events WHERE project_id = $1", place.project_id
    )
    assert event is not None
    assert event["kind"] == "dataset.snapshot_ready"
    assert json.loads(event["payload"])["snapshot"]["sha256"] == manifest.sha256


async def test_the_same_definition_and_cut_off_give_the_same_bytes_however_much_came_since(
    db: Database, place: Place
) -> None:
    """Promise 30: a rerun gives the same hash."""
    items = [await leave(db, place.project_id, label=f"l{at % 3}") for at in range(20)]
    first = await place.make()
    await leave(db, place.project_id, item=items[0], revision=2, label="other")
    await leave(db, place.project_id)

    again, newer = await place.make(first.cut_off), await place.make()

    one, two, three = [await place.manifest(number) for number in (1, 2, 3)]
    assert (again.cut_off, one.files, one.sha256) == (first.cut_off, two.files, two.sha256)
    assert newer.records == 21
    assert three.left_out == {"replaced by a later revision": 1}
    found = await comparing.compare(
        db.hot, Store.of(place.settings), project_id=place.project_id, dataset="d", earlier=1, later=3
    )
    counts = (found.added, found.withdrawn, found.relabelled, found.revised, found.moved, found.same)
    assert counts == (1, 0, 1, 0, 0, 19)
    assert found.examples["relabelled"] == [str(items[0])]


async def test_subjects_stay_together_and_circumstances_are_told(db: Database, place: Place) -> None:
    await place.define(Definition(splitting=Splitting(parts=SPLIT.parts, by="subject")))
    for at in range(24):
        item = await leave(db, place.project_id)
        await db.hot.execute(
            "INSERT INTO item_bodies (project_id, item_id, input, output, details, route, submitted_by)"
            " VALUES ($1, $2, '{}', '{}', $3, '{}', '{}')",
            *(place.project_id, item, json.dumps({"subject": f"cüstomer\t{at % 4}\\"})),
        )

    await place.make()

    rows = (await place.table(1)).to_pylist()
    bodies = await db.hot.fetch(
        "SELECT item_id, details ->> 'subject' AS subject FROM item_bodies WHERE project_id = $1", place.project_id
    )
    subjects = {str(body["item_id"]): body["subject"] for body in bodies}
    parts = {(subjects[row["item_id"]], row["split"]) for row in rows}
    assert len(parts) == 4
    assert {(row["revision"], row["is_last"], row["sampling_probability"]) for row in rows} == {(1, True, 1.0)}


async def test_a_worker_that_is_cut_off_leaves_no_manifest_and_the_next_one_finishes(
    db: Database, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 30: no manifest without all parts."""
    for _ in range(5):
        await leave(db, place.project_id)
    begun = await place.begin()
    put, stored = Store.put, list[str]()

    async def die(self: Store, path: str, file: Path | bytes, keep: Keep | None = None) -> str:
        if stored:
            raise ConnectionResetError
        mark = await put(self, path, file, keep)
        stored.append(path)
        return mark

    monkeypatch.setattr(Store, "put", die)
    await running.work(db, place.settings, place.project_id, begun.id)
    half = await place.get(1)
    with pytest.raises(SnapshotNotReady):
        await place.manifest(1)
    monkeypatch.setattr(Store, "put", put)
    await leave(db, place.project_id)
    await place.end_lease(begun.id)
    await running.work(db, place.settings, place.project_id, begun.id)

    assert (half.state, half.manifest, len(stored)) == ("running", None, 1)
    assert (await place.get(1)).records == 5
    assert (await place.table(1)).num_rows == 5


async def test_what_cannot_be_is_said_and_leaves_nothing_to_read(db: Database, place: Place) -> None:
    empty = await place.make()
    await leave(db, place.project_id)
    await place.define(Definition(criteria=Criteria(types=("nothing",))))
    none = await place.make()
    place.settings = Settings(snapshot_store="file:///proc/no/such/folder")
    await place.define(Definition(sampling=Sampling(at_most=1)))
    with pytest.raises(StoreUnset):
        async with db.transaction() as tx:
            await service.begin(tx, Settings(), project_id=place.project_id, actor=OPERATOR, dataset="d")

    assert (empty.state, none.state) == ("failed", "failed")
    assert "no records" in empty.error
    assert "no records" in none.error
    events = await db.hot.fetch(
        "SELECT kind, payload::text AS said FROM events WHERE project_id = $1 ORDER BY created_at", place.project_id
    )
    assert {each["kind"] for each in events} == {"dataset.snapshot_failed"}
    assert [json.loads(each["said"])["snapshot"]["number"] for each in events] == [1, 2]
    with pytest.raises(SnapshotNotReady, match="failed"):
        await place.manifest(2)


async def test_a_place_that_refuses_is_tried_again_and_in_the_end_said(db: Database, place: Place) -> None:
    await leave(db, place.project_id)
    begun = await place.begin()
    good = place.settings
    place.folder.parent.joinpath("file").write_text("no folder")
    place.settings = Settings(snapshot_store=(place.folder.parent / "file").as_uri())
    for _ in range(queries.MOST_TRIES + 1):
        await running.work(db, place.settings, place.project_id, begun.id)
        await place.end_lease(begun.id)
    failed = await place.get(1)

    place.settings = good
    async with db.transaction() as tx:
        await service.retry(tx, project_id=place.project_id, actor=OPERATOR, dataset="d", number=1)
    await running.work(db, place.settings, place.project_id, begun.id)

    assert failed.state == "failed"
    assert "refused" in failed.error
    assert (await place.get(1)).state == "ready"


async def test_stopping_ends_it_and_only_so_many_go_on_at_once(db: Database, place: Place) -> None:
    await leave(db, place.project_id)
    begun = [await place.begin() for _ in range(service.MOST_UNDER_WAY)]
    with pytest.raises(TooManySnapshots):
        await place.begin()
    async with db.transaction() as tx:
        stopped = await service.stop(tx, project_id=place.project_id, actor=OPERATOR, dataset="d", number=2)
    assert not await running.work(db, place.settings, place.project_id, begun[1].id)
    with pytest.raises(SnapshotOver):
        async with db.transaction() as tx:
            await service.stop(tx, project_id=place.project_id, actor=OPERATOR, dataset="d", number=2)

    assert stopped.state == "stopped"
    assert await running.advance(db, place.settings) == 2


async def test_a_process_that_is_to_stop_gives_the_work_back_without_counting_a_try(db: Database, place: Place) -> None:
    await leave(db, place.project_id)
    begun = await place.begin()

    await running.work(db, place.settings, place.project_id, begun.id, is_stopping=lambda: True)

    row = await db.hot.fetchrow("SELECT tries, lease_until, state FROM snapshots WHERE id = $1", begun.id)
    assert row is not None
    assert tuple(row) == (0, None, "running")


async def test_files_end_at_their_bound_whatever_the_chunks(
    db: Database, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(7):
        await leave(db, place.project_id)
    monkeypatch.setattr(writing, "ROWS_PER_FILE", 3)
    await place.define(Definition())

    await place.make()

    assert [(each.name, each.rows) for each in (await place.manifest(1)).files] == [
        ("all-00000.parquet", 3),
        ("all-00001.parquet", 3),
        ("all-00002.parquet", 1),
    ]


async def test_what_waits_to_be_written_is_bounded_for_all_parts_together(
    db: Database, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G12: memory grows neither with records nor with parts."""
    parts = {f"p{at}": 0.25 for at in range(4)}
    await place.define(Definition(splitting=Splitting(parts=parts)))
    for _ in range(40):
        await leave(db, place.project_id)
    add, bound, held = writing._Writer.add, 4_000, list[int]()

    def watched(self: Any, choice: Any, lines: bytes) -> None:
        for line in lines.splitlines():
            add(self, choice, line)
            held.append(sum(each.waiting_bytes for each in self._open.values()))

    monkeypatch.setattr(writing, "ROW_GROUP_BYTES", bound)
    monkeypatch.setattr(writing._Writer, "add", watched)

    await place.make()

    assert len(held) == 40
    assert max(held) < bound
    assert (await place.table(1)).num_rows == 40


async def test_near_duplicates_and_proportions_give_the_same_bytes_and_are_told_in_the_manifest(
    db: Database, place: Place
) -> None:
    """Promise 30: a rerun gives the same hash, also of what is estimated and drawn."""
    sampling = Sampling(similarity_at_least=0.9, weights={"l0": 1, "l1": 0.5}, text_at="text")
    await place.define(Definition(sampling=sampling, splitting=SPLIT))
    told = "where is my card, it should have come by now and I need it on Friday for a journey"
    for at in range(40):
        text = hashlib.sha512(b"%d" % at).hexdigest() if at % 4 else f"{told} {at // 20}"
        await leave(db, place.project_id, label=f"l{at % 3}", input={"text": text})

    first = await place.make()
    again = await place.make(first.cut_off)

    one, two = await place.manifest(1), await place.manifest(2)
    assert (first.cut_off, one.files, one.sha256) == (again.cut_off, two.files, two.sha256)
    assert one.left_out["nearly the same text as an earlier record"] == 9
    assert one.conflicts > 0
    assert one.shares["l2"] == one.shares["l0"] == 1
    assert 0 < one.shares["l1"] < 1
    table = await place.table(1)
    chances = zip(table["label_class"].to_pylist(), table["sampling_probability"].to_pylist(), strict=True)
    assert all(chance == one.shares[label] for label, chance in chances)
    assert not any(table["gold"].to_pylist())
