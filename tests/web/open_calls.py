"""Calls that stay open: sent to the application as a server would, so that a test can read slowly or hang up."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

HEAR_WITHIN_SECONDS = 20


class Call:
    """One open call; `reading` may be cleared, and then the caller takes nothing more."""

    def __init__(self, app: Any, method: str, url: str, headers: dict[str, str], body: bytes = b"") -> None:
        parts = urlsplit(f"http://testserver.local{url}")
        named = {"host": parts.netloc, **headers}
        self._scope: dict[str, Any] = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": parts.path, "raw_path": parts.path.encode(), "query_string": parts.query.encode(), "root_path": "",
            "headers": [(name.lower().encode(), each.encode()) for name, each in named.items()],
            "client": ("127.0.0.1", 1), "server": ("testserver.local", 80),
        }  # fmt: skip  # one line each
        self._app = app
        self._body = body
        self._asked = False
        self._left = asyncio.Event()
        self._heard: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._rest = b""
        self.reading = asyncio.Event()
        self.reading.set()
        self.status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.headers: dict[str, str] = {}
        self.comments: list[str] = []
        self.last_id = ""
        self.task = asyncio.create_task(self._run())

    async def hang_up(self) -> None:
        """Close the connection, and wait until the application is done with the call."""
        self._left.set()
        self.reading.set()
        await asyncio.wait_for(asyncio.gather(self.task, return_exceptions=True), HEAR_WITHIN_SECONDS)

    async def blocks(self) -> AsyncGenerator[dict[str, str]]:
        """Give the blocks of a stream, an event or a sign of life each, until it ends."""
        while True:
            while b"\n\n" in self._rest:
                block, _, self._rest = self._rest.partition(b"\n\n")
                yield self._read(block.decode())
            piece = await asyncio.wait_for(self._heard.get(), HEAR_WITHIN_SECONDS)
            if piece is None:
                assert not self._rest
                return
            self._rest += piece

    async def event(self) -> dict[str, str]:
        """Give the next event."""
        async for block in self.blocks():
            if "data" in block:
                return block
        message = f"the stream ended: {self.comments}"
        raise AssertionError(message)

    async def events(self, count: int) -> list[Any]:
        """Give the bodies of the next events."""
        return [msgspec.json.decode((await self.event())["data"]) for _ in range(count)]

    async def until_it_says(self, words: str) -> None:
        """Read on until a comment holds these words."""
        if any(words in comment for comment in self.comments):
            return
        async for _ in self.blocks():
            if any(words in comment for comment in self.comments):
                return
        message = f"the stream ended: {self.comments}"
        raise AssertionError(message)

    async def rest(self) -> list[Any]:
        """Give the bodies of all further events, until the stream ends."""
        return [msgspec.json.decode(block["data"]) async for block in self.blocks() if "data" in block]

    def _read(self, block: str) -> dict[str, str]:
        fields: dict[str, str] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            if not name:
                self.comments.append(value.strip())
            else:
                assert name not in fields, block
                fields[name] = value.removeprefix(" ")
        self.last_id = fields.get("id", self.last_id)
        return fields

    async def _run(self) -> None:
        try:
            await self._app(self._scope, self._receive, self._send)
        finally:
            self._heard.put_nowait(None)

    async def _receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        await self.reading.wait()
        if message["type"] == "http.response.start":
            self.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
            self.status.set_result(message["status"])
        elif message.get("body"):
            self._heard.put_nowait(message["body"])


@asynccontextmanager
async def calling(
    http: httpx.AsyncClient, method: str, url: str, secret: str, body: bytes = b"", **headers: str
) -> AsyncGenerator[Call]:
    """Call the application that this client talks to, and hang up when the block ends."""
    transport: Any = http._transport
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    call = Call(transport.app, method, url, {"Authorization": f"Bearer {secret}"} | named, body)
    try:
        yield call
    finally:
        await call.hang_up()


@asynccontextmanager
async def streaming(http: httpx.AsyncClient, secret: str, query: str = "", **headers: str) -> AsyncGenerator[Call]:
    """Open an event stream, and wait until it follows the feed."""
    url = f"/api/v1/events{query}"
    async with calling(http, "GET", url, secret, b"", Accept="text/event-stream", **headers) as call:
        assert await asyncio.wait_for(call.status, HEAR_WITHIN_SECONDS) == 200
        assert call.headers["content-type"].startswith("text/event-stream")
        await call.until_it_says("connected")
        yield call
