"""Promises 1 and 16: PostgreSQL dies under load, again and again; what was acknowledged is there, and all recovers."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from review.cli.migrate import upgrade
from review.embedded.account import account_for
from review.embedded.postgres import EmbeddedPostgres
from review.embedded.redis import EmbeddedRedis
from review.escalation import service as escalation
from review.kernel.db import Database
from review.kernel.settings import Settings
from tests.faults.serving import bearer, serving
from tests.make import World, submission
from tests.queueing.ledger import Ledger
from tests.web.matrix import ROUTES, filled
from workers import main as workers

SENDERS = 6
ANSWERS = {200, 201, 409, 503}


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server of the test's own that flushes every commit, reached at one address whenever it runs."""
    sockets = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    account_for(tmp_path / "data").own(sockets)
    server = EmbeddedPostgres(tmp_path, socket_directory=sockets)
    server.start()
    upgrade(server.url())
    yield server
    server.stop()
    shutil.rmtree(sockets)


@pytest.fixture
async def crashing(durable: EmbeddedPostgres, redis_server: EmbeddedRedis) -> AsyncIterator[World]:
    chosen = Settings(
        database_url=durable.url(),
        redis_url=redis_server.url(),
        allowed_hosts=("testserver.local",),
        rate_per_key=0,
        rate_per_project=0,
    )
    db = await Database.connect(chosen)
    yield await World.build(db, chosen)
    await db.close()


async def crash(server: EmbeddedPostgres) -> None:
    """Stop at once, as `pg_ctl stop -m immediate` does: no checkpoint, no goodbye; then start, which recovers."""
    assert server.process is not None
    server.stop_now()
    await asyncio.to_thread(server.process.wait)
    await asyncio.to_thread(server.start)


class Load:
    """Upstreams that submit, and a person who claims and reviews, until told to stop."""

    def __init__(self, http: httpx.AsyncClient, world: World) -> None:
        self.http = http
        self.world = world
        self.stop = asyncio.Event()
        self.progress = asyncio.Condition()
        self.acked: dict[str, str] = {}
        self.reviewed: set[str] = set()
        self.statuses: set[int] = set()

    async def send(self, sender: int) -> None:
        count = 0
        while not self.stop.is_set():
            count += 1
            name = f"{sender}-{count}"
            body = submission(name, external_id=name)
            answer = await self.http.post("/api/v1/items", json=body, **bearer(self.world.service_key))
            await self._note(answer)
            if answer.status_code == 201:
                self.acked[name] = answer.json()["id"]

    async def review(self) -> None:
        key = bearer(self.world.tokens["ana"])
        while not self.stop.is_set():
            claimed = await self.http.post("/api/v1/pools/triage/claims", **key)
            await self._note(claimed)
            for held in claimed.json()["data"] if claimed.is_success else []:
                body = {"fence": held["fence"], "verdict": "approve"}
                done = await self.http.post(f"/api/v1/assignments/{held['id']}/review", json=body, **key)
                await self._note(done)
                if done.is_success:
                    self.reviewed.add(held["item"]["id"])

    async def _note(self, answer: httpx.Response) -> None:
        assert answer.status_code in ANSWERS, (
            answer.text
        )  # at once: an answer that waits for nothing would go round for ever
        self.statuses.add(answer.status_code)
        if answer.status_code == 503:
            assert answer.headers["retry-after"] == "1"
            await asyncio.sleep(0.02)
        async with self.progress:
            self.progress.notify_all()

    async def gets_going(self) -> None:
        """Wait until something more was acknowledged and reviewed."""
        acked, reviewed = len(self.acked), len(self.reviewed)
        async with self.progress:
            await self.progress.wait_for(lambda: len(self.acked) > acked + 20 and len(self.reviewed) > reviewed)


async def break_it(server: EmbeddedPostgres, world: World, cycles: int) -> Load:
    async with serving(world.settings) as http:
        load = Load(http, world)
        work = [asyncio.create_task(load.send(at)) for at in range(SENDERS)]
        work.append(asyncio.create_task(load.review()))
        for _ in range(cycles):
            await asyncio.wait_for(load.gets_going(), 30)
            await crash(server)
        await asyncio.wait_for(load.gets_going(), 30)
        load.stop.set()
        await asyncio.gather(*work)
        ready = await http.get("/readyz")
        assert ready.status_code == 200
    return load


async def check_kept(world: World, load: Load) -> None:
    stored = {row["external_id"]: row["id"] for row in (await _ledger(world)).rows["items"]}
    lost = {name for name, item_id in load.acked.items() if stored.get(name) != UUID(item_id)}
    assert not lost, "acknowledged, and not there"
    decided = {row["item_id"] for row in (await _ledger(world)).rows["decisions"]}
    assert {UUID(item_id) for item_id in load.reviewed} <= decided
    (await _ledger(world)).check()


async def _ledger(world: World) -> Ledger:
    return await Ledger.read(world.db.hot, world.service.project_id)


async def test_what_was_acknowledged_survives_crashes(durable: EmbeddedPostgres, crashing: World) -> None:
    load = await break_it(durable, crashing, 2)
    assert 503 in load.statuses
    await check_kept(crashing, load)


@pytest.mark.faults
@pytest.mark.timeout(900)
async def test_what_was_acknowledged_survives_fifty_crashes(durable: EmbeddedPostgres, crashing: World) -> None:
    load = await break_it(durable, crashing, 50)
    await check_kept(crashing, load)


async def test_the_sweep_recovers_by_itself(durable: EmbeddedPostgres, crashing: World) -> None:
    await crashing.submit()
    (held,) = await crashing.claim("ana")
    past = "now() - interval '1 s'"
    await crashing.db.hot.execute(f"UPDATE assignments SET lease_until = {past} WHERE id = $1", held.id)
    await crashing.db.hot.execute(f"UPDATE timers SET fire_at = {past} WHERE subject_id = $1", held.id)
    await escalation.sweep(crashing.db)
    assert await crashing.count("assignments", state="open") == 1
    await crash(durable)
    swept = asyncio.Event()

    async def turn() -> None:
        await escalation.sweep(crashing.db)
        swept.set()

    repeating = asyncio.create_task(workers.repeat(turn, stop := asyncio.Event(), 0.01))
    await asyncio.wait_for(swept.wait(), 10)
    stop.set()
    await repeating
    assert len(await crashing.claim("ben")) == 1


async def test_while_the_database_is_away_every_call_says_so(durable: EmbeddedPostgres, crashing: World) -> None:
    async with serving(crashing.settings) as http:
        await crashing.submit()
        (held,) = await crashing.claim("ana")
        await asyncio.to_thread(durable.stop)
        for method, path, _ in ROUTES:
            secret = crashing.service_key if "items" in path else crashing.tokens["ana"]
            answer = await asyncio.wait_for(http.request(method, filled(path), **bearer(secret)), 10)
            assert answer.status_code == 503, f"{method} {path}: {answer.text}"
            assert answer.json()["code"] == "unavailable"
            assert answer.headers["retry-after"] == "1"
        assert (await http.get("/healthz")).status_code == 200
        assert (await http.get("/readyz")).status_code == 503
        await asyncio.to_thread(durable.start)
        body = {"fence": held.fence, "verdict": "approve"}
        path = f"/api/v1/assignments/{held.id}/review"
        answers = [await http.post(path, json=body, **bearer(crashing.tokens["ana"])) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 409]
        assert (await http.get("/readyz")).status_code == 200
