"""Promises 10 and 15: clocks run out while nothing runs; when it runs again, everything happens once and in order."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from redis.asyncio import Redis

from review.embedded.postgres import EmbeddedPostgres
from review.embedded.redis import EmbeddedRedis
from review.kernel.db import Database
from review.kernel.settings import Settings
from tests.faults.processes import Running, running, start
from tests.faults.test_crashes import crash, durable
from tests.make import CONFIG, World

__all__ = ["durable"]  # a fixture; pytest finds it by its name here

ITEMS = 40
BRISK = CONFIG.replace(
    "  standard: {{decide: 4h}}",
    "  standard: {{first_claim: 1s, decide: 2s, warn_at: [50%], escalation: ladder}}\n"
    "escalation_policies:\n"
    "  ladder:\n"
    "    - {{after: 100%, move_to: seniors, priority: +20}}\n"
    "    - {{after: 200%, decide: reject}}",
)
STORY = [
    *("item.submitted", "case.warned", "case.breached", "case.breached"),
    *("escalation.step_taken", "escalation.step_taken", "item.decided"),
]
EFFECTS = Counter(STORY)


@pytest.fixture
async def brisk(durable: EmbeddedPostgres, own_redis: EmbeddedRedis) -> AsyncIterator[World]:
    """A project whose clocks run out in seconds, over servers of the test's own."""
    chosen = Settings(database_url=durable.url(), redis_url=own_redis.url())
    db = await Database.connect(chosen)
    yield await World.build(db, chosen, source=BRISK.format(project="support"))
    await db.close()


async def until(world: World, question: str) -> None:
    """Wait until the database answers yes."""
    async with asyncio.timeout(60):
        while not await world.db.hot.fetchval(question):
            await asyncio.sleep(0.05)


async def killed_at_work(world: World, condition: str) -> None:
    """Have a worker begin, and end it without notice once the database says it has come so far."""
    async with running(world.settings, "worker"):
        await until(world, condition)


async def stories(world: World) -> dict[UUID, list[str]]:
    """What happened to each item, in order."""
    rows = await world.db.hot.fetch("SELECT item_id, action FROM audit_entries WHERE item_id IS NOT NULL ORDER BY id")
    told: dict[UUID, list[str]] = {}
    for row in rows:
        told.setdefault(row["item_id"], []).append(row["action"])
    return told


async def test_what_was_due_while_nothing_ran_happens_once_each(
    durable: EmbeddedPostgres, own_redis: EmbeddedRedis, brisk: World
) -> None:
    world = brisk
    items = {(await world.submit(f"late {number}")).item.id for number in range(ITEMS)}
    await killed_at_work(world, "SELECT count(*) > 0 FROM audit_entries WHERE action = 'case.warned'")
    await crash(durable)
    await world.db.hot.expire_connections()
    await flush(world)
    await asyncio.to_thread(own_redis.stop)
    await until(world, "SELECT bool_and(clock_started_at + interval '4.1 s' < now()) FROM cases")
    await killed_at_work(world, "SELECT count(*) > 0 FROM decisions")  # and Redis is still away
    await asyncio.to_thread(own_redis.start)
    workers: list[Running] = [await start(world.settings, "worker") for _ in range(2)]
    try:
        await until(world, f"SELECT count(*) = {ITEMS} FROM decisions")
    finally:
        for worker in workers:
            await worker.kill()
    told = await stories(world)
    assert set(told) == items
    for story in told.values():
        assert Counter(story) == EFFECTS, story
        assert story[0] == "item.submitted"
        assert story[-1] == "item.decided"
    assert await world.count("timers") == 0
    assert await world.count("feedback") == 0
    kinds = await world.db.hot.fetch("SELECT item_id, kind, count(*) AS n FROM events GROUP BY 1, 2")
    assert {row["n"] for row in kinds if row["kind"] not in {"item.sla_breached", "item.escalated"}} == {1}
    assert {row["n"] for row in kinds if row["kind"] == "item.sla_breached"} == {2}


async def flush(world: World) -> None:
    client: Any = Redis.from_url(world.settings.redis_url)  # pyright: ignore[reportUnknownMemberType]  untyped upstream
    await client.flushall()
    await client.aclose()
