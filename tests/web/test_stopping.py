"""A web process that is told to stop while callers are parked (promise 17)."""

import asyncio
import os
import signal
import socket
import sys
import time

import httpx

from review.kernel.settings import Settings
from tests.faults.processes import UNSAFE
from tests.make import World, submission

STOP_WITHIN_SECONDS = 5


async def test_parked_callers_are_answered_at_once_when_the_process_stops(settings: Settings, world: World) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    listener.close()
    addresses = {"REVIEW_DATABASE_URL": settings.database_url, "REVIEW_REDIS_URL": settings.redis_url}
    env = os.environ | UNSAFE | addresses
    command = (sys.executable, "-m", "review.cli.main", "web", "--port", str(port))
    process = await asyncio.create_subprocess_exec(*command, env=env)
    try:
        headers = {"Authorization": f"Bearer {world.service_key}"}
        transport = httpx.AsyncHTTPTransport(retries=10)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            await _until_ready(client)
            submitting = asyncio.create_task(client.post("/api/v1/items?wait=60", json=submission(), headers=headers))
            while "countersign_waiters 1.0" not in (await client.get("/metrics")).text:
                await asyncio.sleep(0.02)
            told = time.monotonic()
            process.send_signal(signal.SIGTERM)
            answer = await submitting
            await process.wait()
            assert time.monotonic() - told < STOP_WITHIN_SECONDS
            assert answer.status_code == 201
            assert answer.json()["status"] == "queued"
            assert process.returncode in {0, -signal.SIGTERM}
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _until_ready(client: httpx.AsyncClient) -> None:
    while True:
        try:
            if (await client.get("/readyz")).status_code == 200:
                return
        except httpx.TransportError:
            await asyncio.sleep(0.05)
