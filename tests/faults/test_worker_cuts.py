"""Promises 7, 10 and 11: the worker's connection dies at any message; what it began is whole or not there at all."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import asyncpg
import msgspec
import pytest
from sqlalchemy.exc import SQLAlchemyError

from review.delivery.feed import service as feed
from review.delivery.webhooks import service as webhooks
from review.escalation import service as escalation
from review.kernel.db import Database
from review.kernel.settings import Settings
from tests.delivery.feed.relaying import nobody, relay, stored
from tests.escalation.ladders import pass_time
from tests.faults.proxy import in_front_of
from tests.faults.test_downtime import BRISK, EFFECTS, stories
from tests.make import BASE_URL, World

MOST_MESSAGES = 200
LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError)
HOOK = (
    "webhooks:\n  - {name: crm, url: 'https://crm.example/hook', events: [item.queued, item.escalated, item.decided]}\n"
)

Act = Callable[[Database], Awaitable[object]]


@pytest.fixture
async def brisk(world: World, settings: Settings) -> World:
    return await World.build(world.db, settings, "brisk", BRISK.format(project="brisk") + HOOK)


async def cut_everywhere(settings: Settings, act: Act, *, after: bool, prepare: Act, check: Act) -> int:
    """Act over a connection that is cut one message later each time, until it gets through; gives how often it was."""
    async with in_front_of(settings.database_url) as (proxy, url):
        through = msgspec.structs.replace(settings, database_url=url, pool_connections=1, hot_connections=1)
        for at in range(1, MOST_MESSAGES):
            direct = await Database.connect(settings)
            await prepare(direct)
            db = await Database.connect(through)
            proxy.arm(at, after=after)
            try:
                await asyncio.wait_for(act(db), 20)
            except LOST:
                assert proxy.cut
            was_cut = proxy.cut
            proxy.disarm()
            proxy.cut = False
            await db.engine.dispose()
            db.hot.terminate()
            await _is_over(direct)
            await act(direct)
            await check(direct)
            await direct.close()
            if not was_cut:
                return at - 1
    message = "it never got through"
    raise AssertionError(message)


async def _is_over(direct: Database) -> None:
    """Wait until the server has noticed the cut: until then it holds locks, which a sweep rightly passes by."""
    others = "datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
    async with asyncio.timeout(20):
        while await direct.hot.fetchval(f"SELECT count(*) FROM pg_stat_activity WHERE {others}"):
            await asyncio.sleep(0.01)


@pytest.mark.faults
@pytest.mark.parametrize("after", [False, True], ids=["before the server has it", "after the server has acted"])
async def test_a_sweep_has_each_effect_once(settings: Settings, brisk: World, after: bool) -> None:
    async def prepare(_direct: Database) -> None:
        for number in range(2):
            await brisk.submit(f"late {number}")
        await pass_time(brisk, 60)

    async def check(_direct: Database) -> None:
        told = await stories(brisk)
        assert all(Counter(story) == EFFECTS for story in told.values()), told
        assert await brisk.count("timers") == 0
        assert await brisk.count("decisions") == len(told)

    cuts = await cut_everywhere(settings, escalation.sweep, after=after, prepare=prepare, check=check)
    assert cuts > 10


@pytest.mark.parametrize("after", [False, True], ids=["before the server has it", "after the server has acted"])
async def test_relaying_gives_each_event_one_place_and_owes_it_once(
    settings: Settings, brisk: World, after: bool
) -> None:
    async def prepare(_direct: Database) -> None:
        async with brisk.db.transaction() as tx:
            await webhooks.sync(tx, brisk.service.project_id, brisk.config)
        await brisk.submit("news")

    async def act(db: Database) -> None:
        await feed.relay(feed.Post(db, brisk.configs, nobody, BASE_URL))

    async def check(_direct: Database) -> None:
        await relay(brisk)
        bodies = await stored(brisk)
        assert len({body["id"] for body in bodies}) == len(bodies) == await brisk.count("events")
        assert await brisk.count("deliveries") == len(bodies)

    cuts = await cut_everywhere(settings, act, after=after, prepare=prepare, check=check)
    assert cuts > 5
