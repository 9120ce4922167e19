"""Promises 9, 15 and 17: whoever waits, polls, streams, reads pages or gets webhooks sees one decision, in time."""

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

from review.delivery.feed import service as feed
from review.embedded.redis import EmbeddedRedis
from review.kernel.hints import Teller
from review.kernel.settings import Settings
from tests.delivery.feed.relaying import post_of, stored
from tests.faults.processes import running
from tests.faults.serving import bearer, services_of, serving
from tests.make import World, submission
from tests.web.open_calls import Call, calling, streaming

POLL = timedelta(milliseconds=300)
STOP_WITHIN_SECONDS = 20  # promise 17


@asynccontextmanager
async def relaying(world: World, redis_url: str) -> AsyncGenerator[None]:
    """Relay as a worker does, with a line to Redis of its own."""
    redis: Any = Redis.from_url(redis_url)  # pyright: ignore[reportUnknownMemberType]  untyped upstream
    teller = Teller(redis)
    teller.start()

    async def turns() -> None:
        while True:
            await feed.relay(post_of(world, teller.tell_events))
            await asyncio.sleep(0.02)

    task = asyncio.create_task(turns())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await teller.stop()
        await redis.aclose()


async def decide(http: httpx.AsyncClient, world: World, verdict: str = "approve") -> None:
    key = bearer(world.tokens["ana"])
    (held,) = (await http.post("/api/v1/pools/triage/claims", **key)).json()["data"]
    body = {"fence": held["fence"], "verdict": verdict}
    assert (await http.post(f"/api/v1/assignments/{held['id']}/review", json=body, **key)).status_code == 200


async def parked(http: httpx.AsyncClient, count: int) -> None:
    while services_of(http).hints.waiters != count:
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("fault", ["none", "flushed", "stopped", "hanging"])
async def test_every_way_of_hearing_tells_the_same_decision(
    settings: Settings, world: World, own_redis: EmbeddedRedis, fault: str
) -> None:
    """Promise 9: decided elsewhere, while some connect and others wait; a missed wake-up costs the poll interval."""
    chosen = msgspec.structs.replace(settings, redis_url=own_redis.url(), poll_interval=POLL)
    async with serving(chosen) as here, serving(chosen) as there, relaying(world, own_redis.url()):
        key = bearer(world.service_key)
        item = (await there.post("/api/v1/items", json=submission(), **key)).json()
        path = f"/api/v1/items/{item['id']}"
        async with streaming(here, world.service_key, "?after=0&type=item.decided") as stream:
            waiting = asyncio.create_task(here.get(f"{path}?wait=60", **key, timeout=90))
            await parked(here, 1)
            pid = own_redis.process.pid if own_redis.process is not None else 0
            if fault == "stopped":
                own_redis.stop()
            elif fault == "hanging":
                os.kill(pid, signal.SIGSTOP)
            elif fault == "flushed":
                redis: Any = Redis.from_url(own_redis.url())  # pyright: ignore[reportUnknownMemberType]  untyped there
                await redis.flushall()
                await redis.aclose()
            began = time.monotonic()
            arriving = [asyncio.create_task(here.get(f"{path}?wait=60", **key, timeout=90)) for _ in range(20)]
            await decide(there, world)
            (streamed,) = await stream.events(1)
            waited = [await each for each in (waiting, *arriving)]
            took = time.monotonic() - began
        polled = (await here.get(path, **key)).json()
        paged = (await here.get("/api/v1/events?type=item.decided", **key)).json()["data"]
        owed = [body for body in await stored(world) if body["type"] == "item.decided"]
        if fault == "hanging":
            os.kill(pid, signal.SIGCONT)
    decisions = [polled["decision"], *(answer.json()["decision"] for answer in waited)]
    decisions += [body["data"]["item"]["decision"] for body in (streamed, *paged, *owed)]
    assert len(decisions) == 1 + 21 + 3
    assert all(each == decisions[0] for each in decisions)
    assert (decisions[0]["revision"], decisions[0]["verdict"]) == (1, "approve")
    assert took < 10 * POLL.total_seconds()


async def test_streams_hear_again_once_redis_is_back(
    settings: Settings, world: World, own_redis: EmbeddedRedis
) -> None:
    """Promise 15: what is told meanwhile is late by the poll, what is told later is hinted at again."""
    chosen = msgspec.structs.replace(settings, redis_url=own_redis.url(), poll_interval=POLL)
    async with (
        serving(chosen) as here,
        relaying(world, own_redis.url()),
        streaming(here, world.service_key) as stream,
    ):
        await world.submit("before")
        await stream.events(1)
        own_redis.stop()
        await world.submit("meanwhile")
        await stream.events(1)
        await asyncio.to_thread(own_redis.start)
        services_of(here).tail._poll_seconds = 3600  # after one more turn at most, only a hint can wake it
        heard = 0
        for at in range(100):  # until the subscription stands again, hints are lost
            heard += await heard_of(stream, (await world.submit(f"after {at}")).item.id)
            if heard == 2:
                return
    pytest.fail("no hint came once Redis was back")


async def heard_of(stream: Call, item_id: UUID) -> bool:
    """Tell whether the stream tells of an item within half a second."""
    try:
        async with asyncio.timeout(0.5):
            while (await stream.events(1))[0]["data"]["item"]["id"] != str(item_id):
                pass
    except TimeoutError:
        return False
    return True


async def test_hanging_up_frees_the_place_at_once(http: httpx.AsyncClient, world: World) -> None:
    item_id = (await world.submit()).item.id
    body = msgspec.json.encode(submission("another"))
    for method, url, sent in (
        ("GET", f"/api/v1/items/{item_id}?wait=60", b""),
        ("POST", "/api/v1/items?wait=60", body),
    ):
        kind = {"Content_Type": "application/json"} if sent else {}
        async with calling(http, method, url, world.service_key, sent, **kind) as call:
            await asyncio.wait_for(parked(http, 1), 20)
            await call.hang_up()
            assert services_of(http).hints.waiters == 0
    assert await world.count("items") == 2


async def test_hanging_up_on_a_real_server_frees_the_place(settings: Settings, world: World) -> None:
    item_id = (await world.submit()).item.id
    headers = bearer(world.service_key)["headers"]
    async with running(settings, "web", "--port", "0") as web:
        url = await web.listening()
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as asking:
            leaving = httpx.AsyncClient(base_url=url, headers=headers, timeout=60)
            waiting = [asyncio.create_task(leaving.get(f"/api/v1/items/{item_id}?wait=60")) for _ in range(5)]
            stream = asyncio.create_task(
                leaving.get("/api/v1/events", headers=headers | {"Accept": "text/event-stream"})
            )
            await _until(asking, {"countersign_waiters": 5, "countersign_streams": 1})
            for task in (*waiting, stream):
                task.cancel()
            await asyncio.gather(*waiting, stream, return_exceptions=True)
            await leaving.aclose()
            await _until(asking, {"countersign_waiters": 0, "countersign_streams": 0})


async def test_a_server_that_is_told_to_stop_under_load_ends_waits_and_streams(
    settings: Settings, world: World
) -> None:
    """Promise 17."""
    item_id = (await world.submit()).item.id
    headers = bearer(world.service_key)["headers"]
    statuses: set[int] = set()
    async with running(settings, "web", "--port", "0") as web:
        url = await web.listening()
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as http:

            async def send(sender: int) -> None:
                try:
                    for at in range(100_000):
                        sent = submission("load", external_id=f"{sender}-{at}")
                        statuses.add((await http.post("/api/v1/items", json=sent)).status_code)
                except httpx.TransportError:
                    return

            async def follow() -> list[str]:
                accept = {"Accept": "text/event-stream"}
                async with http.stream("GET", "/api/v1/events?after=0", headers=accept) as answer:
                    return [line async for line in answer.aiter_lines()]

            waiting = [asyncio.create_task(http.get(f"/api/v1/items/{item_id}?wait=60")) for _ in range(20)]
            following = [asyncio.create_task(follow()) for _ in range(5)]
            await _until(http, {"countersign_waiters": 20, "countersign_streams": 5})
            load = [asyncio.create_task(send(sender)) for sender in range(4)]
            while 201 not in statuses:
                await asyncio.sleep(0.01)
            status = await web.stop(STOP_WITHIN_SECONDS)
            answers = await asyncio.gather(*waiting)
            streams = await asyncio.gather(*following)
            await asyncio.gather(*load)
    assert status in {0, -signal.SIGTERM}, "".join(web.said)
    assert {(answer.status_code, answer.json()["status"]) for answer in answers} == {(200, "queued")}
    for lines in streams:
        assert lines[0] == "retry: 2000"
        assert any("the server is stopping" in line for line in lines)
    assert statuses == {201}


async def _until(http: httpx.AsyncClient, wanted: dict[str, int]) -> None:
    async with asyncio.timeout(30):
        while True:
            metrics = (await http.get("/metrics")).text
            if all(f"{name} {count}.0" in metrics for name, count in wanted.items()):
                return
            await asyncio.sleep(0.05)
