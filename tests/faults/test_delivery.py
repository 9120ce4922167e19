"""Promises 8, 12 and 17: whatever is killed, and however wrong its clock is, every decision reaches its receiver."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from review.delivery.webhooks import service as webhooks
from review.kernel.settings import Settings
from tests.delivery.webhooks.post import Post
from tests.delivery.webhooks.receiver import Receiver, receiving
from tests.faults.processes import running
from tests.faults.test_downtime import until
from tests.make import CONFIG, World

ITEMS = 60
KILLED = 3
LEASE = timedelta(minutes=2)  # longer than any delivery's
TEN_MINUTES = 600.0
STOPS_WITHIN_SECONDS = 20
ALL_ARE_DELIVERED = f"SELECT count(*) = {ITEMS} AND bool_and(state = 'delivered') FROM deliveries"


@pytest.fixture
def local(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, webhook_allow_networks=("127.0.0.0/8",), webhook_allow_http=True)


async def connect(world: World, local: Settings, receiver: Receiver) -> Post:
    """Give a second project's webhook to the receiver, and the receiver its secret."""
    outlet = f"webhooks:\n  - {{name: crm, url: '{receiver.url}', events: [item.decided]}}\n"
    told = await World.build(world.db, local, "told", CONFIG.format(project="told") + outlet)
    async with world.db.transaction() as tx:
        await webhooks.sync(tx, told.service.project_id, told.config)
    post = Post(told, local)
    receiver.secrets.append(await post.secret())
    return post


async def submit(post: Post) -> set[str]:
    """Have the rules decide some items, and give the ids of the events that tell of it."""
    for number in range(ITEMS):
        await post.world.submit(f"clear {number}", confidence=0.99)
    rows = await post.world.db.hot.fetch("SELECT id FROM events WHERE kind = 'item.decided'")
    return {str(row["id"]) for row in rows}


async def reached(receiver: Receiver, count: int) -> None:
    async with asyncio.timeout(60):
        while len(receiver.requests) < count:
            await asyncio.sleep(0.02)


def check(receiver: Receiver, owed: set[str]) -> None:
    """Each event arrived, always with the same body, and every signature was good."""
    assert receiver.refused == 0
    assert {event["id"] for event in receiver.taken} == owed
    bodies: dict[str, set[bytes]] = {}
    for request in receiver.requests:
        bodies.setdefault(request.headers["webhook-id"], set()).add(request.body)
    assert {len(each) for each in bodies.values()} == {1}


@pytest.mark.faults
async def test_workers_that_are_killed_while_they_send_lose_nothing(world: World, local: Settings) -> None:
    async with receiving() as receiver:
        post = await connect(world, local, receiver)
        owed = await submit(post)
        receiver.open.clear()
        for _ in range(KILLED):
            seen = len(receiver.requests)
            async with running(local, "worker", skew_seconds=-TEN_MINUTES):
                await reached(receiver, seen + 5)
            await post.pass_time(LEASE)
        receiver.open.set()
        async with running(local, "worker", skew_seconds=-TEN_MINUTES):
            await until(world, ALL_ARE_DELIVERED)
        check(receiver, owed)
        assert len(receiver.requests) > ITEMS


async def test_a_worker_that_is_told_to_stop_while_it_sends_stops_in_time(world: World, local: Settings) -> None:
    async with receiving() as receiver:
        post = await connect(world, local, receiver)
        owed = await submit(post)
        receiver.open.clear()
        async with running(local, "worker") as worker:
            await reached(receiver, 5)
            assert await worker.stop(STOPS_WITHIN_SECONDS) == 0, "".join(worker.said)
        assert await world.db.hot.fetchval("SELECT count(*) = 0 FROM deliveries WHERE state = 'sending'")
        receiver.open.set()
        async with running(local, "worker"):
            await until(world, ALL_ARE_DELIVERED)
        check(receiver, owed)
