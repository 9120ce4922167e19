"""Clients of the application that a test runs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from countersign_client import AsyncClient
from tests.make import BASE_URL, World

Connect = Callable[..., AsyncClient]


class Shared(httpx.AsyncBaseTransport):
    """The transport of another client, which closes it itself."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._transport = http._transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._transport.handle_async_request(request)


class Bridged(httpx.BaseTransport):
    """The application of another client for a synchronous one, which runs on a thread of its own."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._transport = http._transport
        self._loop = asyncio.get_running_loop()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def answer() -> httpx.Response:
            whole = httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
            response = await self._transport.handle_async_request(whole)
            content = await response.aread()
            return httpx.Response(response.status_code, headers=response.headers, content=content)

        return asyncio.run_coroutine_threadsafe(answer(), self._loop).result()


@pytest.fixture
async def connect(http: httpx.AsyncClient, world: World) -> AsyncIterator[Connect]:
    """Gives clients of the application that `http` runs, by their keys."""
    assert world.project
    async with AsyncExitStack() as stack:

        def made(key: str, **more: Any) -> AsyncClient:
            client = AsyncClient(BASE_URL, key, transport=Shared(http), **more)
            stack.push_async_callback(client.close)
            return client

        yield made
