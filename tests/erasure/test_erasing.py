"""Erasing on a real server: after it, a search of every table and every file finds nothing."""

from pathlib import Path

import msgspec
import pytest

from review.audit import sequencing
from review.erasure import keeping, queries, retention, running, service
from review.erasure.errors import NothingToErase
from review.erasure.schemas import ErasureIn
from review.feedback import service as feedback
from review.items.errors import ItemErased
from review.kernel.db import Database
from review.kernel.errors import Invalid
from review.kernel.settings import Settings
from review.queueing import comments
from review.reviewing import drafts
from tests.erasure import marks
from tests.erasure.marks import MARK, SUBJECT, found_in
from tests.make import BASE_URL


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """The settings of every test, with a folder for snapshots."""
    return msgspec.structs.replace(settings, snapshot_store=(tmp_path / "store").as_uri())


async def test_after_a_subject_is_erased_no_table_and_no_file_has_anything_of_them(
    db: Database, settings: Settings, tmp_path: Path
) -> None:
    """Promise 32: no plaintext in the database, exports or webhook bodies; the audit still verifies."""
    world = await marks.build(db, settings)
    judged = await marks.submit(world, confidence=0.5)
    seat = (await world.claim("ana"))[0]
    await marks.live(world, judged, seat)
    ruled = await marks.submit(world, confidence=0.9)
    still_open = await marks.submit(world, confidence=0.5)
    in_hand = (await world.claim("ben"))[0]
    await drafts.save(db.hot, who=world.people["ben"], assignment_id=in_hand.id, version=0, fields=[("comment", MARK)])
    await marks.settle(world)
    await marks.plant(world, judged)
    made = await marks.snapshot(world, settings)
    await sequencing.sequence_project(db, world.service.project_id)
    assert made.state == "ready"
    assert {"items", "item_bodies", "reviews", "decisions", "feedback", "events", "precedents"} <= await found_in(db)
    assert {"asides", "clock_pauses", "delivery_attempts", "bulk_acts", "queue_views"} <= await found_in(db)
    assert marks.files_with(tmp_path / "store")

    done = await marks.work(world, settings, await marks.ask(world, subject=SUBJECT))

    assert (done.items, done.checked, done.snapshots) == (3, 3, 1)
    assert await found_in(db) == set()
    assert marks.files_with(tmp_path / "store") == set()
    seen = await marks.view(world, made.number)
    assert seen.state == "withdrawn"
    assert seen.tombstone is not None
    assert (seen.tombstone.sha256, seen.tombstone.items_erased) == (made.manifest and made.manifest.sha256, 1)
    await sequencing.sequence_project(db, world.service.project_id)
    report = await marks.verify(world)
    assert report.fault is None
    assert report.erased > 0
    states = await db.hot.fetch("SELECT id, state, erased_by FROM items ORDER BY id")
    assert {row["id"]: row["state"] for row in states} == {judged: "decided", ruled: "decided", still_open: "withdrawn"}
    assert {row["erased_by"] for row in states} == {"ada@example.com"}
    async with db.transaction() as tx:
        page = await feedback.page(tx, world.service.project_id, of_type=None, after=None, limit=10)
    assert [b'"withdrawn":true' in bytes(each) for each in page.data] == [True, True]


async def test_an_erasure_that_was_cut_off_goes_on_where_it_was_and_a_stale_worker_does_nothing(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 32: a kill in the middle leaves nothing half done that the next worker does not finish."""
    monkeypatch.setattr(running, "BATCH", 1)
    world = await marks.build(db, settings)
    for _ in range(3):
        await marks.submit(world, confidence=0.9)
    asked = await marks.ask(world, subject=SUBJECT)
    project_id = world.service.project_id
    looks = iter([False, False, True])

    await running.work(db, settings, lambda _: None, project_id, asked.id, lambda: next(looks))

    part = await service.get(db.hot, project_id=project_id, erasure_id=asked.id)
    assert (part.state, part.erased, part.checked) == ("running", 2, 0)
    assert await db.hot.fetchval("SELECT count(*) FROM items WHERE erased_at IS NOT NULL") == 2
    row = await queries.claim(db.hot, project_id, asked.id, running.LEASE)
    assert not await queries.end(db.hot, (project_id, asked.id, row["fence"] - 1))
    done = await marks.work(world, settings, asked)
    assert (done.erased, done.checked) == (3, 3)
    assert await found_in(db) == set()


async def test_one_item_goes_alone_and_asking_again_is_the_same_as_once(db: Database, settings: Settings) -> None:
    """Promise 32: by item; what arrives later and what is another's stay."""
    world = await marks.build(db, settings)
    gone = await marks.submit(world, confidence=0.9)
    stays = await marks.submit(world, confidence=0.9)
    asked = await marks.ask(world, item_id=gone)
    assert (await marks.ask(world, item_id=gone)).id == asked.id
    later = await marks.submit(world, confidence=0.9)

    await marks.work(world, settings, asked)

    rows = await db.hot.fetch("SELECT id, erased_at IS NOT NULL AS erased FROM items")
    assert {row["id"]: row["erased"] for row in rows} == {gone: True, stays: False, later: False}
    with pytest.raises(NothingToErase):
        await marks.ask(world, item_id=gone)
    for asked_wrongly in (ErasureIn(reason="x"), ErasureIn(reason="x", subject="s", item_id=gone)):
        with pytest.raises(Invalid):
            await service.preview(db.hot, project_id=world.service.project_id, asked=asked_wrongly)
    with pytest.raises(ItemErased):
        async with db.transaction() as tx:
            await comments.write(tx, who=world.people["lea"], item_id=gone, text="but", base_url=BASE_URL)


async def test_what_comes_while_it_is_done_is_found_by_the_second_look(db: Database, settings: Settings) -> None:
    """An event without a body and an entry without a place are waited for, and then erased like the rest."""
    world = await marks.build(db, settings)
    item = await marks.submit(world, confidence=0.5)
    async with db.transaction() as tx:
        await comments.write(tx, who=world.people["lea"], item_id=item, text=MARK, base_url=BASE_URL)
    asked = await marks.ask(world, item_id=item)
    project_id = world.service.project_id

    assert not await running.work(db, settings, lambda _: None, project_id, asked.id)

    seen = await service.get(db.hot, project_id=project_id, erasure_id=asked.id)
    assert (seen.state, seen.erased, seen.checked) == ("running", 1, 0)
    assert "events" in await found_in(db)
    await marks.work(world, settings, asked)
    assert await found_in(db) == set()


async def test_what_a_restore_brings_back_is_erased_again_even_where_the_erasure_is_lost(
    db: Database, settings: Settings, tmp_path: Path
) -> None:
    """Promise 32: survives restoring yesterday's backup, by the file that is kept outside the database."""
    settings = msgspec.structs.replace(settings, erasures_file=tmp_path / "erasures.jsonl")
    world = await marks.build(db, settings)
    item = await marks.submit(world, confidence=0.9)
    await marks.settle(world)
    kept = ("items", "item_bodies", "decisions", "events")
    for table in kept:
        await db.hot.execute(f"CREATE TABLE backup_{table} AS SELECT * FROM {table}")
    asked = await marks.ask(world, item_id=item)
    assert await keeping.keep(db, settings) == 1
    assert await keeping.keep(db, settings) == 0
    await marks.work(world, settings, asked)
    assert await keeping.recover(db, settings) == 0

    for table in ("erasure_items", "erasures", *kept):
        await db.hot.execute(f"DELETE FROM {table}")
    for table in kept:
        await db.hot.execute(f"INSERT INTO {table} SELECT * FROM backup_{table}")
        await db.hot.execute(f"DROP TABLE backup_{table}")
    assert "item_bodies" in await found_in(db)

    assert await keeping.recover(db, settings) == 1
    await marks.work(world, settings, asked)
    assert await found_in(db) == set()
    await db.hot.execute("UPDATE item_bodies SET input = '{}'")
    assert await keeping.replay(db) == 1
    lines = [line async for line in keeping.export(db)]
    assert len(lines) == 1
    assert await keeping.bring_back(db, lines, is_strict=True) == 0
    with pytest.raises(Invalid):
        await keeping.bring_back(db, [b"{}"], is_strict=True)


async def test_what_has_outlived_its_retention_is_erased_and_nothing_else(db: Database, settings: Settings) -> None:
    """Promise 32: per item type, from the end of the item on, in bounded steps."""
    world = await marks.build(db, settings, retention="90d")
    old = await marks.submit(world, confidence=0.9)
    fresh = await marks.submit(world, confidence=0.9)
    other = await marks.submit(world, confidence=0.9, type="forever")
    still_open = await marks.submit(world, confidence=0.5)
    await db.hot.execute(
        "UPDATE items SET closed_at = now() - interval '91 days', created_at = now() - interval '91 days'"
        " WHERE id <> $1 AND state <> 'open'",
        fresh,
    )

    assert await retention.take_outlived(db, world.configs) == 1
    assert await retention.take_outlived(db, world.configs) == 0

    asked = (await service.list_erasures(db.hot, project_id=world.service.project_id))[0]
    await marks.work(world, settings, asked)
    rows = await db.hot.fetch("SELECT id, erased_by FROM items")
    expected = {old: "retention", fresh: None, other: None, still_open: None}
    assert {row["id"]: row["erased_by"] for row in rows} == expected
