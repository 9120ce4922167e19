"""The feed on a real server: what readers that follow it see while writers commit late, fail and race."""

import asyncio
import json
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest

from review.feedback import chunks, service
from review.feedback.errors import FeedCursorUnknown
from review.feedback.schemas import FeedbackPage
from review.kernel.db import Database
from review.kernel.errors import Invalid
from review.kernel.ids import new_id
from review.kernel.paging import cursor_of
from review.kernel.settings import Settings

INSERT = """
WITH decided AS (
  INSERT INTO decisions (project_id, item_id, revision, verdict, source, reasons, comment, decided_by, reviews)
  VALUES ($1, $3, $6, 'approve', 'review', '[]', '', 'ana', 1)
)
INSERT INTO feedback (project_id, id, item_id, revision, type, verdict, source, record, decided_at)
VALUES ($1, $2, $3, $6, $4, 'approve', 'review', $5::text::json, clock_timestamp())
"""


@pytest.fixture
async def project(db: Database) -> UUID:
    project_id = new_id()
    await db.hot.execute("INSERT INTO projects (id, slug, title) VALUES ($1, $2, 'P')", project_id, str(project_id))
    return project_id


async def leave(
    connection: "asyncpg.Connection[asyncpg.Record] | asyncpg.Pool[asyncpg.Record]",
    project_id: UUID,
    of_type: str = "t",
    *,
    text: str = "",
    item: UUID | None = None,
    revision: int = 1,
) -> str:
    feedback_id = new_id()
    record = json.dumps({"id": str(feedback_id), "text": text}, separators=(",", ":"), ensure_ascii=False)
    await connection.execute(INSERT, project_id, feedback_id, item or new_id(), of_type, record, revision)
    return str(feedback_id)


async def read(
    db: Database, project_id: UUID, after: str | None = None, limit: int = 1_000, of_type: str | None = None
) -> FeedbackPage:
    async with db.transaction() as tx:
        return await service.page(tx, project_id, of_type=of_type, after=after, limit=limit)


def ids(page: FeedbackPage) -> list[str]:
    return [json.loads(bytes(each))["id"] for each in page.data]


@asynccontextmanager
async def connection_to(settings: Settings) -> AsyncGenerator["asyncpg.Connection[asyncpg.Record]"]:
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(settings.database_url)
    try:
        yield connection
    finally:
        await connection.close()


async def test_an_empty_feed_has_no_cursor_yet(db: Database, project: UUID) -> None:
    assert await read(db, project) == FeedbackPage(data=(), next=None)


async def test_pages_continue_where_the_last_ended_and_the_end_keeps_its_cursor(db: Database, project: UUID) -> None:
    written = [await leave(db.hot, project) for _ in range(5)]

    first = await read(db, project, limit=2)
    second = await read(db, project, first.next, limit=2)
    third = await read(db, project, second.next, limit=2)
    beyond = await read(db, project, third.next, limit=2)

    assert ids(first) + ids(second) + ids(third) == written
    assert (ids(beyond), beyond.next) == ([], third.next)


async def test_a_record_that_commits_late_comes_after_what_was_read_and_is_not_skipped(
    db: Database, project: UUID, settings: Settings
) -> None:
    async with connection_to(settings) as slow:
        begun = slow.transaction()
        await begun.start()
        late = await leave(slow, project)
        early = await leave(db.hot, project)
        first = await read(db, project)
        await begun.commit()

        second = await read(db, project, first.next)

    assert (ids(first), ids(second)) == ([early], [late])
    assert ids(await read(db, project)) == [early, late]


async def test_a_record_that_rolls_back_leaves_no_hole_and_no_trace(
    db: Database, project: UUID, settings: Settings
) -> None:
    async with connection_to(settings) as failing:
        begun = failing.transaction()
        await begun.start()
        await leave(failing, project)
        kept = await leave(db.hot, project)
        first = await read(db, project)
        await begun.rollback()

    assert ids(first) == [kept]
    assert ids(await read(db, project, first.next)) == []


async def test_a_filter_by_type_moves_the_cursor_past_what_it_left_out(db: Database, project: UUID) -> None:
    wanted = await leave(db.hot, project, "wanted")
    other = await leave(db.hot, project, "other")

    page = await read(db, project, of_type="wanted")

    assert ids(page) == [wanted]
    assert page.next == cursor_of(UUID(other))


async def test_another_projects_records_and_cursors_are_not_seen(db: Database, project: UUID) -> None:
    stranger = new_id()
    await db.hot.execute("INSERT INTO projects (id, slug, title) VALUES ($1, 'stranger', 'S')", stranger)
    await leave(db.hot, stranger)
    theirs = (await read(db, stranger)).next

    assert ids(await read(db, project)) == []
    with pytest.raises(FeedCursorUnknown):
        await read(db, project, theirs)
    with pytest.raises(Invalid):
        await read(db, project, "not-a-cursor")


@pytest.mark.parametrize("seed", range(4))
async def test_readers_beside_racing_writers_see_every_record_once_and_in_one_order(
    db: Database, project: UUID, settings: Settings, seed: int
) -> None:
    dice = random.Random(seed)
    committed: set[str] = set()
    writing = 6

    async def write() -> None:
        nonlocal writing
        async with connection_to(settings) as connection:
            for _ in range(12):
                begun = connection.transaction()
                await begun.start()
                mine = [await leave(connection, project) for _ in range(dice.randint(1, 3))]
                for _ in range(dice.randint(0, 6)):
                    await connection.fetchval("SELECT 1")
                if dice.random() < 0.2:
                    await begun.rollback()
                else:
                    await begun.commit()
                    committed.update(mine)
        writing -= 1

    async def follow() -> list[str]:
        seen: list[str] = []
        after: str | None = None
        while True:
            last_look = writing == 0
            page = await read(db, project, after, limit=dice.randint(1, 7))
            seen += ids(page)
            after = page.next
            if last_look and not page.data:
                return seen

    readers = [asyncio.create_task(follow()) for _ in range(2)]
    await asyncio.gather(*(write() for _ in range(writing)))
    one, two = await asyncio.gather(*readers)

    assert len(one) == len(set(one))
    assert set(one) == committed
    assert one == two == ids(await read(db, project))


async def test_the_stream_gives_the_same_records_as_the_pages_and_its_cursor_beforehand(
    db: Database, project: UUID
) -> None:
    written = [await leave(db.hot, project, text='tab\t "quote" back\\slash \\n é \u2028') for _ in range(30)]
    middle = (await read(db, project, limit=10)).next

    lines, cursor = await service.stream(db, project, of_type=None, after=middle, limit=None)
    await leave(db.hot, project)
    text = b"".join([piece async for piece in lines])

    records = [json.loads(line) for line in text.splitlines()]
    assert [each["id"] for each in records] == written[10:]
    assert {each["text"] for each in records} == {'tab\t "quote" back\\slash \\n é \u2028'}
    assert len(ids(await read(db, project, cursor))) == 1


async def test_a_stream_with_a_limit_is_one_page(db: Database, project: UUID) -> None:
    written = [await leave(db.hot, project) for _ in range(3)]

    lines, cursor = await service.stream(db, project, of_type=None, after=None, limit=2)

    assert [json.loads(piece)["id"] async for piece in lines] == written[:2]
    assert ids(await read(db, project, cursor)) == written[2:]


async def test_chunks_stay_within_their_bound_when_records_suddenly_grow(db: Database, project: UUID) -> None:
    for size in (10, 10, 10, 200_000, 200_000, 200_000, 10, 10):
        await leave(db.hot, project, text="x" * size)
    upto = await service.settle_feed(db, project)
    stretch = chunks.Stretch(project_id=project, upto=upto)

    found = [chunk async for chunk in chunks.read(db.hot, stretch, target_bytes=60_000)]

    assert [json.loads(line)["text"].count("x") for chunk in found for line in chunk.lines.splitlines()] == [
        10, 10, 10, 200_000, 200_000, 200_000, 10, 10,
    ]  # fmt: skip  # one line each
    assert max(len(chunk.lines) for chunk in found) < 4 * 60_000
    assert found[-1].reached == upto


async def test_positions_are_given_to_every_project_at_once_by_the_worker(db: Database, project: UUID) -> None:
    await leave(db.hot, project)
    await leave(db.hot, project)

    assert await service.sequence_everything(db) == 2
    assert await service.sequence_everything(db) == 0
