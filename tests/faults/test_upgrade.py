"""Promise 18: the schema changes under load, with processes of both releases at work."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import asyncpg
import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from review.cli.migrate import downgrade, upgrade
from review.escalation import service as escalation
from review.kernel.errors import Unavailable
from tests.faults import first_release
from tests.make import World

SENDERS = 4


class Load:
    """Upstreams and a reviewer of the first release, and every failure that one retry does not mend."""

    def __init__(self, pool: first_release.Pool, world: World) -> None:
        self.pool = pool
        self.world = world
        self.stop = asyncio.Event()
        self.submitted = 0
        self.claimed = 0
        self.retried = 0
        self._moved = asyncio.Event()

    async def send(self, sender: int) -> None:
        project, key = self.world.service.project_id, self.world.service.id
        while not self.stop.is_set():
            name = f"old-{sender}-{self.submitted}"
            await self._once_more(partial(first_release.submit, self.pool, project, key, name))
            self.submitted += 1
            self._moved.set()

    async def review(self) -> None:
        ana = self.world.people["ana"]
        while not self.stop.is_set():
            found = await self._once_more(
                lambda: first_release.claim(self.pool, ana.project_id, ana.id, "ana@example.com")
            )
            self.claimed += found is not None
            await asyncio.sleep(0)

    async def passed(self, more: int) -> None:
        """Wait until so many more submissions have been answered."""
        until = self.submitted + more
        while self.submitted < until:
            self._moved.clear()
            await self._moved.wait()

    async def _once_more(self, act: Callable[[], Awaitable[object]]) -> object:
        try:
            return await act()
        except asyncpg.PostgresError:
            self.retried += 1
            return await act()


@pytest.fixture
async def first(world: World) -> World:
    """A configured project on the schema of the first release."""
    await world.db.engine.dispose()
    await asyncio.to_thread(downgrade, world.settings.database_url, first_release.REVISION)
    await world.db.hot.expire_connections()
    return world


async def test_an_upgrade_under_load_fails_nobody_and_can_be_taken_back(first: World) -> None:
    url = first.settings.database_url
    async with asyncpg.create_pool(url, min_size=1, max_size=SENDERS + 1) as pool, asyncio.TaskGroup() as group:
        load = Load(pool, first)
        for sender in range(SENDERS):
            group.create_task(load.send(sender))
        group.create_task(load.review())
        await load.passed(50)
        await asyncio.to_thread(upgrade, url)
        await load.passed(50)
        await asyncio.to_thread(downgrade, url, first_release.REVISION)
        await load.passed(50)
        await asyncio.to_thread(upgrade, url)
        await load.passed(50)
        load.stop.set()
    assert load.claimed > 0
    assert load.submitted == await first.count("items") == await first.count("timers", kind="due")


async def test_what_the_first_release_left_is_taken_up(first: World) -> None:
    pool = await asyncpg.create_pool(first.settings.database_url, min_size=1, max_size=1)
    service = first.service
    item_id = await first_release.submit(pool, service.project_id, service.id, "left-behind")
    await asyncio.to_thread(upgrade, first.settings.database_url)
    later = await first_release.submit(pool, service.project_id, service.id, "sent while both ran")
    await pool.close()
    await first.db.hot.execute(
        "UPDATE cases SET due_at = now() - interval '1 s', opened_at = now() - interval '5 h';"
        " UPDATE timers SET fire_at = now() - interval '1 s' WHERE kind = 'due'"
    )
    await escalation.sweep(first.db)
    for each in (item_id, later):
        assert await first.count("events", item_id=each, kind="item.sla_breached") == 1
    assert await first.count("timers", kind="due") == 0
    held = await first.claim("ana", limit=2)
    assert {each.item.id for each in held} == {item_id, later}
    assert {(await first.judge("ana", each, "approve")).item.status for each in held} == {"decided"}


async def error_of(world: World, state: str) -> DBAPIError:
    """Give what a statement raises that the server refuses with this state."""
    with pytest.raises(DBAPIError) as told:
        async with world.db.transaction() as tx:
            await tx.execute(text(f"DO $$ BEGIN RAISE SQLSTATE '{state}'; END $$"))
    return told.value


@pytest.mark.parametrize("state", ["40P01", "55P03"], ids=["deadlock", "lock timeout"])
async def test_a_migration_that_gives_way_to_work_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    faults = [await error_of(world, state)]
    real = command.upgrade

    def once_in_the_way(*arguments: Any) -> None:
        if faults:
            raise faults.pop()
        real(*arguments)

    monkeypatch.setattr(command, "upgrade", once_in_the_way)
    await asyncio.to_thread(upgrade, world.settings.database_url)
    assert not faults


async def test_a_migration_that_is_refused_for_another_reason_is_not_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault, tries = await error_of(world, "42501"), 0

    def refused(*_: Any) -> None:
        nonlocal tries
        tries += 1
        raise fault

    monkeypatch.setattr(command, "upgrade", refused)
    with pytest.raises(Unavailable, match="could not be migrated"):
        await asyncio.to_thread(upgrade, world.settings.database_url)
    assert tries == 1
