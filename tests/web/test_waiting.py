"""Promises 9 and 15: callers who wait cost no connection, and losing Redis costs the poll interval."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from redis.asyncio import Redis

from review.embedded.redis import EmbeddedRedis
from review.kernel.hints import CHANNEL, Hints
from review.kernel.ids import new_id
from review.kernel.settings import Settings
from tests.faults.serving import bearer, services_of, serving
from tests.make import World, submission

POLL = timedelta(milliseconds=300)


async def parked(http: httpx.AsyncClient, count: int) -> None:
    """Wait until so many callers are parked."""
    while services_of(http).hints.waiters < count:
        await asyncio.sleep(0.01)


async def nothing_runs(world: World) -> None:
    """Wait until no session but this one does anything; the servers of the last answers may still end theirs."""
    busy = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'"
    while await world.db.hot.fetchval(f"{busy} AND pid <> pg_backend_pid()"):
        await asyncio.sleep(0.01)


async def wait_closed(hints: Hints, project_id: UUID, item_id: UUID) -> None:
    with hints.park(project_id, item_id) as place:
        await place.wait(60)


async def decide(http: httpx.AsyncClient, world: World) -> None:
    key = bearer(world.tokens["ana"])
    (held,) = (await http.post("/api/v1/pools/triage/claims", **key)).json()["data"]
    body = {"fence": held["fence"], "verdict": "approve"}
    assert (await http.post(f"/api/v1/assignments/{held['id']}/review", json=body, **key)).status_code == 200


async def test_a_thousand_waiting_callers_hold_no_connection(http: httpx.AsyncClient, world: World) -> None:
    key = bearer(world.service_key)
    item_id = (await http.post("/api/v1/items", json=submission(), **key)).json()["id"]
    path = f"/api/v1/items/{item_id}?wait=60"
    waiting = [asyncio.create_task(http.get(path, **key, timeout=90)) for _ in range(1_000)]
    await asyncio.wait_for(parked(http, 1_000), 60)
    hot = services_of(http).db.hot
    while hot.get_idle_size() < hot.get_size():  # the last to park is still reading
        await asyncio.sleep(0.01)
    metrics = (await http.get("/metrics")).text
    assert "countersign_waiters 1000.0" in metrics
    await asyncio.wait_for(nothing_runs(world), 20)
    assert (await http.post("/api/v1/items", json=submission(confidence=0.99), **key)).status_code == 201
    await decide(http, world)
    answers = await asyncio.gather(*waiting)
    assert {answer.json()["status"] for answer in answers} == {"decided"}
    assert services_of(http).hints.waiters == 0


async def test_waiting_ends_with_a_withdrawal_and_with_its_time(http: httpx.AsyncClient, world: World) -> None:
    key = bearer(world.service_key)
    item_id = (await http.post("/api/v1/items", json=submission(), **key)).json()["id"]
    short = await http.get(f"/api/v1/items/{item_id}?wait=0.05", **key)
    assert short.json()["status"] == "queued"
    waiting = asyncio.create_task(http.get(f"/api/v1/items/{item_id}?wait=60", **key))
    await parked(http, 1)
    await http.post(f"/api/v1/items/{item_id}/withdraw", **key)
    assert (await waiting).json()["status"] == "withdrawn"
    assert (await http.get(f"/api/v1/items/{item_id}?wait=60", **key)).json()["status"] == "withdrawn"


async def test_more_callers_than_may_wait_are_answered_at_once(settings: Settings, world: World) -> None:
    async with serving(msgspec.structs.replace(settings, max_waiters=1)) as http:
        key = bearer(world.service_key)
        item_id = (await world.submit()).item.id
        first = asyncio.create_task(http.get(f"/api/v1/items/{item_id}?wait=60", **key))
        await parked(http, 1)
        assert (await http.get(f"/api/v1/items/{item_id}?wait=60", **key)).json()["status"] == "queued"
        await decide(http, world)
        assert (await first).json()["status"] == "decided"


@asynccontextmanager
async def two(settings: Settings, redis: EmbeddedRedis) -> AsyncGenerator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    """Two web processes' worth of application over one database and one Redis."""
    chosen = msgspec.structs.replace(settings, redis_url=redis.url(), poll_interval=POLL)
    async with serving(chosen) as here, serving(chosen) as there:
        yield here, there


@pytest.mark.parametrize("fault", ["none", "stopped", "hanging"])
async def test_a_decision_elsewhere_reaches_who_waits_here(
    settings: Settings, world: World, own_redis: EmbeddedRedis, fault: str
) -> None:
    async with two(settings, own_redis) as (here, there):
        pid = own_redis.process.pid if own_redis.process is not None else 0
        assert pid
        if fault == "stopped":
            own_redis.stop()
        elif fault == "hanging":
            os.kill(pid, signal.SIGSTOP)
        key = bearer(world.service_key)
        item_id = (await there.post("/api/v1/items", json=submission(), **key)).json()["id"]
        waiting = asyncio.create_task(here.get(f"/api/v1/items/{item_id}?wait=60", **key, timeout=90))
        await parked(here, 1)
        began = time.monotonic()
        await decide(there, world)
        assert (await waiting).json()["status"] == "decided"
        assert time.monotonic() - began < 10 * POLL.total_seconds()
        ready = await asyncio.wait_for(here.get("/readyz"), 5)
        assert (ready.status_code, ready.json()["redis"]) == (200, fault == "none")
    if fault == "hanging":
        os.kill(pid, signal.SIGCONT)


async def test_hints_outlive_rubbish_on_their_channel(settings: Settings, redis_server: EmbeddedRedis) -> None:
    """Whoever can write to Redis can cost time, not more."""
    assert settings.redis_url == redis_server.url()
    redis: Any = Redis.from_url(settings.redis_url)  # pyright: ignore[reportUnknownMemberType]  redis-py leaves it untyped
    item_id = new_id()
    hints = Hints(redis, _none_closed, timedelta(hours=1))
    hints.start()
    waiting = asyncio.create_task(wait_closed(hints, new_id(), item_id))
    while not waiting.done():  # until the subscription stands, nobody hears anything
        await redis.publish(CHANNEL, b"rubbish")
        await redis.publish(CHANNEL, item_id.bytes + b"more")
        await asyncio.sleep(0.02)
    await hints.stop()
    await redis.aclose()


async def test_a_foreign_caller_does_not_take_the_poll_away() -> None:
    """Two projects may ask for one id; the poll must find it for the one it belongs to."""
    ours, item_id = new_id(), new_id()
    asked: list[tuple[UUID, UUID]] = []

    async def find_closed(named: list[tuple[UUID, UUID]]) -> list[UUID]:
        asked.extend(named)
        return [each for project_id, each in named if project_id == ours]

    hints = Hints(None, find_closed, timedelta(milliseconds=20))
    waiting = asyncio.create_task(wait_closed(hints, ours, item_id))
    await asyncio.sleep(0)
    foreign = asyncio.create_task(wait_closed(hints, new_id(), item_id))
    await asyncio.sleep(0)
    foreign.cancel()
    hints.start()
    await asyncio.wait_for(waiting, 5)
    assert (ours, item_id) in asked
    assert hints.waiters == 0
    await hints.stop()


async def _none_closed(_named: object) -> list[UUID]:
    return []


async def test_stopping_lets_everybody_go(settings: Settings, world: World) -> None:
    item_id = (await world.submit()).item.id
    key = bearer(world.service_key)
    async with serving(settings) as http:
        waiting = asyncio.create_task(http.get(f"/api/v1/items/{item_id}?wait=60", **key))
        await parked(http, 1)
        services_of(http).hints.release()
        assert (await waiting).json()["status"] == "queued"
        assert (await http.get(f"/api/v1/items/{item_id}?wait=60", **key)).json()["status"] == "queued"
