"""The one place that commits: what it commits, undoes, and tells when."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from review.kernel.db import Database, after_commit, after_rollback, driver_of, libpq_url, sqlalchemy_url
from review.kernel.settings import Settings
from tests.make import World

COUNT = "SELECT count(*) FROM feedback_feeds"
ADD = "INSERT INTO feedback_feeds (project_id) SELECT id FROM projects LIMIT 1"


async def test_a_block_that_ends_is_committed_and_one_that_raises_is_undone(world: World) -> None:
    told: list[str] = []

    async def act() -> None:
        async with world.db.transaction() as tx:
            after_commit(tx, lambda: told.append("undone"))
            await tx.execute(text(ADD))
            raise LookupError

    with pytest.raises(LookupError):
        await act()
    assert await world.db.hot.fetchval(COUNT) == 0
    async with world.db.transaction() as tx:
        after_commit(tx, lambda: told.append("committed"))
        await tx.execute(text(ADD))
        assert told == []
    assert await world.db.hot.fetchval(COUNT) == 1
    assert told == ["committed"]


async def test_a_hint_that_fails_leaves_the_commit_standing(world: World, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise RuntimeError

    async with world.db.transaction() as tx:
        after_commit(tx, fail)
        await tx.execute(text(ADD))
    assert await world.db.hot.fetchval(COUNT) == 1
    assert "the commit stands" in caplog.text


async def test_the_driver_below_a_transaction_sees_and_shares_it(world: World) -> None:
    async def act() -> None:
        async with world.db.transaction() as tx:
            await tx.execute(text(ADD))
            driver = await driver_of(tx)
            assert await driver.fetchval(COUNT) == 1
            await driver.execute("DELETE FROM feedback_feeds")
            raise LookupError

    with pytest.raises(LookupError):
        await act()
    assert await world.db.hot.fetchval(COUNT) == 0


async def test_a_note_after_a_rollback_is_made_in_a_transaction_of_its_own(world: World) -> None:
    async def note(tx: AsyncSession) -> None:
        await tx.execute(text(ADD))

    async def act(*, fails: bool) -> None:
        async with world.db.transaction() as tx:
            await tx.execute(text(ADD))
            after_rollback(tx, note)
            if fails:
                raise LookupError

    with pytest.raises(LookupError):
        await act(fails=True)
    assert await world.db.hot.fetchval(COUNT) == 1, "the note's, not the block's"
    await world.db.hot.execute("DELETE FROM feedback_feeds")
    await act(fails=False)
    assert await world.db.hot.fetchval(COUNT) == 1, "the block's; what commits has nothing to note"


async def test_a_note_waits_for_no_connection_but_its_own_and_its_failure_hides_nothing(settings: Settings) -> None:
    db = await Database.connect(msgspec.structs.replace(settings, pool_connections=1))

    async def note(tx: AsyncSession) -> None:
        await tx.execute(text("SELECT 1 / 0"))

    async def act() -> None:
        async with db.transaction() as tx:
            after_rollback(tx, note)
            raise LookupError

    for _ in range(3):
        with pytest.raises(LookupError):
            await asyncio.wait_for(act(), 5)
    await db.close()


async def test_a_connection_lost_below_a_transaction_is_what_is_told(db: Database) -> None:
    """Not the rollback that fails after it; and the next transaction has another connection."""

    async def act() -> None:
        async with db.transaction() as tx:
            driver = await driver_of(tx)
            pid = await driver.fetchval("SELECT pg_backend_pid()")
            await db.hot.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)
            await asyncio.wait_for(_until_closed(driver), 5)
            raise asyncpg.ConnectionDoesNotExistError

    with pytest.raises(asyncpg.PostgresConnectionError):
        await act()
    async with db.transaction() as tx:
        assert (await tx.execute(text("SELECT 1"))).scalar_one() == 1


async def _until_closed(driver: Any) -> None:
    while not driver.is_closed():
        await asyncio.sleep(0.01)


async def test_statements_and_locks_do_not_last_for_ever(settings: Settings) -> None:
    db = await Database.connect(msgspec.structs.replace(settings, statement_timeout=timedelta(milliseconds=50)))
    with pytest.raises(asyncpg.QueryCanceledError):
        await db.hot.execute("SELECT pg_sleep(10)")
    shown = {name: await db.hot.fetchval(f"SHOW {name}") for name in ("lock_timeout", "TimeZone")}
    assert shown == {"lock_timeout": "3s", "TimeZone": "UTC"}
    assert await db.hot.fetchval("SHOW idle_in_transaction_session_timeout") == "10s"
    await db.close()


async def test_a_transaction_left_open_on_the_hot_pool_does_not_stay_open(world: World) -> None:
    async with world.db.hot.acquire() as connection:
        await connection.execute("BEGIN")
        await connection.execute(ADD)
    assert await world.db.hot.fetchval(COUNT) == 0


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_either_spelling_of_an_address_serves(scheme: str) -> None:
    rest = "://u:p%40ss@h:5/d?host=/tmp/x"
    assert libpq_url(scheme + rest) == "postgresql" + rest
    assert sqlalchemy_url("postgresql" + rest).startswith("postgresql+asyncpg://u:p%40ss@")
