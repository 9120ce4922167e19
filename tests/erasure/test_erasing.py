"""Erasing on a real server: after it, a search of every table and every file finds nothing."""

from pathlib import Path

import msgspec
import pytest

from review.audit import sequencing
from review.erasure import queries, running
from review.erasure.errors import NothingToErase
from review.feedback import service as feedback
from review.kernel.db import Database
from review.kernel.errors import Invalid
from review.kernel.settings import Settings
from review.reviewing import drafts
from tests.erasure import marks
from tests.erasure.marks import MARK, SUBJECT, found_in
from tests.make import World


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
    made = await marks.snapshot(world, settings)
    await sequencing.sequence_project(db, world.service.project_id)
    assert made.state == "ready"
    assert {"items", "item_bodies", "reviews", "decisions", "feedback", "events", "precedents"} <= await found_in(db)
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
