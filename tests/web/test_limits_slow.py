"""Slow senders and requests that take too long hold nothing up, and leave nothing half done (promise 28)."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
import uvicorn

from review.kernel.settings import Settings
from review.web import protocol
from tests.conftest import built_app
from tests.faults.serving import bearer, serving
from tests.make import World, submission

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def port(settings: Settings, world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """The application behind the protocol that `review web` speaks, with little patience."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.4)
    monkeypatch.setattr(protocol, "BODY_SECONDS", 0.6)
    monkeypatch.setattr(protocol, "LINGER_SECONDS", 0.3)
    config = uvicorn.Config(built_app(settings), port=0, http=protocol.BoundedProtocol, ws="none", log_config=None)
    server = uvicorn.Server(config)
    serving_ = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving_
    assert world.project


async def open_to(port: int) -> Streams:
    return await asyncio.open_connection("127.0.0.1", port)


async def drip(writer: asyncio.StreamWriter, text: bytes) -> None:
    """Send a byte now and then, until the other side has had enough."""
    try:
        for at in range(len(text)):
            writer.write(text[at : at + 1])
            await writer.drain()
            await asyncio.sleep(0.02)
    except ConnectionError:
        pass


async def ending(reader: asyncio.StreamReader) -> bytes:
    """Give all that comes until the connection is closed."""
    async with asyncio.timeout(10):
        try:
            return await reader.read()
        except ConnectionError:
            return b"reset"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"a" * 500,
        b"POST /api/v1/items HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: b\r\n" * 90,
    ],
    ids=["nothing", "a field that does not end", "a head that does not end"],
)
async def test_a_head_that_does_not_come_is_not_waited_for(port: int, said: bytes) -> None:
    reader, writer = await open_to(port)
    dripping = asyncio.create_task(drip(writer, said))
    told = await ending(reader)
    assert told.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"too_slow"' in told
    dripping.cancel()
    writer.transport.abort()


async def test_a_body_that_drips_is_not_waited_for(port: int, world: World) -> None:
    reader, writer = await open_to(port)
    body = msgspec.json.encode(submission("x" * 500))
    head = f"POST /api/v1/items HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {world.service_key}\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode())
    dripping = asyncio.create_task(drip(writer, body))
    told = await ending(reader)
    assert told.startswith(b"HTTP/1.1 408 ")
    assert await world.count("items") == 0
    dripping.cancel()
    writer.transport.abort()


async def test_a_large_body_that_keeps_coming_has_as_long_as_it_takes(port: int, world: World) -> None:
    """An upload over a modest line takes minutes; it is bounded by its size and by how fast it must come."""
    row = msgspec.json.encode({"text": "x" * 65_000, "intent": "refund"}) + b"\n"
    reader, writer = await open_to(port)
    path = "/api/v1/imports?type=ticket_intent&map=input.text=text&map=label=intent"
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {world.tokens['lea']}\r\n"
    writer.write(f"{head}Content-Type: application/x-ndjson\r\nContent-Length: {5 * len(row)}\r\n\r\n".encode())
    for _ in range(5):
        writer.write(row)
        await asyncio.sleep(0.3)  # in all more than twice as long as a body has that does not come
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 202 ")
    writer.close()


async def test_connections_that_are_used_are_kept(port: int) -> None:
    reader, writer = await open_to(port)
    until = time.monotonic() + 1.2  # far longer than a head may take
    while time.monotonic() < until:
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea")
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 ")
        writer.write(b"lthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 ")
        await asyncio.sleep(0.05)
    writer.close()


async def test_a_few_requests_may_be_sent_ahead_and_not_any_number(port: int) -> None:
    one = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    reader, writer = await open_to(port)
    writer.write(one * protocol.MOST_WAITING)
    for _ in range(protocol.MOST_WAITING):
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 ")
    writer.write(one * 1_000)
    told = await ending(reader)
    assert told.count(b"HTTP/1.1 200 ") <= protocol.MOST_WAITING + 1
    writer.transport.abort()


async def test_a_request_that_takes_too_long_is_broken_off_and_leaves_nothing(settings: Settings, world: World) -> None:
    async with serving(msgspec.structs.replace(settings, request_timeout=timedelta(seconds=0.5))) as http:
        await _hold_items(world, http)


async def _hold_items(world: World, http: httpx.AsyncClient) -> None:
    item_id = (await world.submit()).item.id
    async with world.db.transaction() as tx:
        connection: Any = await tx.connection()
        await connection.exec_driver_sql(f"SELECT 1 FROM items WHERE id = '{item_id}' FOR UPDATE")
        path = f"/api/v1/items/{item_id}/withdraw"
        answer = await http.post(path, **bearer(world.service_key))
        assert (answer.status_code, answer.json()["code"]) == (503, "timed_out")
        assert answer.headers["retry-after"] == "1"
        page = await http.post(path, **bearer(world.service_key, Accept="text/html"))
        assert page.headers["content-type"] == "application/problem+json"
    assert await world.count("audit_entries", action="item.withdrawn") == 0
    assert (await http.post(path, **bearer(world.service_key))).json()["status"] == "withdrawn"


async def test_whoever_waits_for_a_decision_is_given_that_time_on_top(settings: Settings, world: World) -> None:
    async with serving(msgspec.structs.replace(settings, request_timeout=timedelta(seconds=0.5))) as http:
        item_id = (await world.submit()).item.id
        answer = await http.get(f"/api/v1/items/{item_id}?wait=1", **bearer(world.service_key))
        assert (answer.status_code, answer.json()["status"]) == (200, "queued")
        assert answer.elapsed.total_seconds() >= 1


async def test_an_answer_on_a_new_connection_may_take_longer_than_a_head(port: int, world: World) -> None:
    """The head came whole, so its time has nothing more to say, however long the service holds the answer."""
    item_id = (await world.submit()).item.id
    async with httpx.AsyncClient(base_url=f"http://localhost:{port}", trust_env=False) as http:
        answer = await http.get(f"/api/v1/items/{item_id}?wait=0.8", **bearer(world.service_key))
        assert (answer.status_code, answer.json()["status"]) == (200, "queued")
        assert answer.elapsed.total_seconds() >= 0.8
