"""The worker process: it sweeps with PostgreSQL alone, waits for what is away, and stops when told."""

import asyncio
import os
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from redis.asyncio import Redis

from review.kernel.db import Database
from review.kernel.hints import Teller
from review.kernel.settings import Settings
from tests.audit.logs import SECRET, verify
from tests.make import World
from workers import jobs, schedule
from workers import main as worker

TICK = 0.02  # seconds


async def lapse(world: World) -> None:
    await world.db.hot.execute(
        "WITH a AS (UPDATE assignments SET lease_until = now() - interval '1 s' WHERE state = 'held')"
        " UPDATE timers SET fire_at = now() - interval '1 s' WHERE kind = 'lease'"
    )


async def until_open(world: World) -> None:
    while await world.count("assignments", state="open") == 0:
        await asyncio.sleep(TICK)


async def until_signed(world: World) -> None:
    while await world.count("audit_checkpoints") == 0:
        await asyncio.sleep(TICK)


async def until_scheduling(redis_url: str) -> None:
    """Wait until arq says that it is there."""
    redis: Any = Redis.from_url(redis_url)  # pyright: ignore[reportUnknownMemberType]  untyped upstream
    while not await redis.exists(f"{schedule.QUEUE}:health-check"):
        await asyncio.sleep(TICK)
    await redis.aclose()


@pytest.mark.filterwarnings("ignore:Call to deprecated close:DeprecationWarning")  # by arq, of redis-py
@pytest.mark.parametrize("redis_url", ["", "redis://127.0.0.1:1/0"], ids=["with Redis", "without Redis"])
async def test_the_worker_sweeps_until_it_is_told_to_stop(settings: Settings, world: World, redis_url: str) -> None:
    chosen = msgspec.structs.replace(
        settings, sweep_interval=timedelta(seconds=TICK), redis_url=redis_url or settings.redis_url
    )
    await world.submit()
    await world.claim("ana")
    running = asyncio.create_task(worker.run(chosen))
    await lapse(world)
    await asyncio.wait_for(until_open(world), 20)
    if not redis_url:
        await asyncio.wait_for(until_scheduling(settings.redis_url), 20)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(running, 10)
    assert len(await world.claim("ben")) == 1


@pytest.mark.parametrize(
    "fault",
    [asyncpg.CannotConnectNowError("starting up"), FileNotFoundError(), asyncpg.TooManyConnectionsError("53300")],
)
async def test_the_worker_waits_for_a_database_that_is_not_there_yet(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    connect, attempts = Database.connect, 0

    async def late(chosen: Settings) -> Database:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise fault
        return await connect(chosen)

    monkeypatch.setattr(Database, "connect", late)
    monkeypatch.setattr(worker, "RETRY_SECONDS", TICK)
    db = await worker._connect(settings, asyncio.Event())
    assert db is not None
    assert attempts == 2
    await db.close()


async def test_a_worker_told_to_stop_while_it_waits_stops(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_chosen: Settings) -> Database:
        raise ConnectionRefusedError

    monkeypatch.setattr(Database, "connect", never)
    stop = asyncio.Event()
    waiting = asyncio.create_task(worker._connect(settings, stop))
    await asyncio.sleep(0)
    stop.set()
    assert await asyncio.wait_for(waiting, 5) is None


async def test_a_failing_turn_does_not_end_the_turns(caplog: pytest.LogCaptureFixture) -> None:
    stop, turns = asyncio.Event(), 0

    async def act() -> None:
        nonlocal turns
        turns += 1
        if turns == 3:
            stop.set()
        message = "this turn"
        raise RuntimeError(message)

    await asyncio.wait_for(worker.repeat(act, stop, TICK), 5)
    assert turns == 3
    assert "this turn" in caplog.text


async def test_jobs_may_run_twice_and_late(world: World) -> None:
    ctx: dict[Any, Any] = {"db": world.db}
    await world.submit()
    (held,) = await world.claim("ana")
    await world.judge("ana", held, "approve")
    first, second = await asyncio.gather(jobs.position_feedback(ctx), jobs.position_feedback(ctx))
    assert first + second == 1
    assert await jobs.position_feedback(ctx) == 0
    await world.db.hot.execute(
        "INSERT INTO sessions (id, user_id, csrf_token, expires_at) VALUES ('\\x00', $1, 'x', now() - interval '1 s')",
        world.people["ana"].id,
    )
    assert await jobs.end_expired_sessions(ctx) == 1
    assert await jobs.end_expired_sessions(ctx) == 0


async def test_the_worker_keeps_the_audit_and_says_what_is_not_kept(
    settings: Settings, world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Promise 31: places, signatures and files outside the database, while a worker runs."""
    chosen = msgspec.structs.replace(
        settings, sweep_interval=timedelta(seconds=TICK), audit_key=SECRET, audit_checkpoints=tmp_path
    )
    stop, teller = asyncio.Event(), Teller(Redis.from_url(settings.redis_url))  # pyright: ignore[reportUnknownMemberType]  untyped upstream
    loops = worker.start_loops(chosen, world.db, teller, stop)
    await asyncio.wait_for(until_signed(world), 20)
    while not (tmp_path / "support.checkpoints").exists():
        await asyncio.sleep(TICK)
    stop.set()
    await asyncio.gather(*loops)
    assert (await verify(world, tmp_path)).fault is None
    assert "REVIEW_AUDIT" not in caplog.text
    worker.keeper_of(msgspec.structs.replace(chosen, audit_checkpoints=None), world.db)
    assert "REVIEW_AUDIT_CHECKPOINTS is not set" in caplog.text
    worker.keeper_of(msgspec.structs.replace(chosen, audit_key=""), world.db)
    assert "REVIEW_AUDIT_KEY is not set, so the audit is not signed" in caplog.text
