"""A way into PostgreSQL that can be cut at any message: before it is passed on, or after the server has acted on it."""

import asyncio
import contextlib
import re
import shutil
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote

SOCKET = ".s.PGSQL.5432"


class Proxy:
    """One proxy in front of one server; `arm` it to cut the connection at the nth message from now.

    A message is what the client writes at one go: about one statement, or one half of it.
    """

    def __init__(self, server: Path) -> None:
        self._server = server
        self._left: int | None = None
        self._mute = False
        self._streams: set[asyncio.StreamWriter] = set()
        self.passed = 0
        self.cut = False

    def arm(self, at: int, *, after: bool) -> None:
        """Cut at message `at` (from 1); with `after` the server gets it, and its answer is lost."""
        self._left, self._mute, self.cut = at, after, False

    def disarm(self) -> None:
        """Let everything pass."""
        self._left = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream, server = await asyncio.open_unix_connection(str(self._server))
        except OSError:
            writer.close()
            return
        self._streams |= {writer, server}
        down = asyncio.create_task(self._pump(upstream, writer))
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 20):
                self.passed += 1
                if self._is_last():
                    if self._mute:
                        await self._have_it_done(upstream, server, data, down)
                    break
                server.write(data)
                await server.drain()
        down.cancel()
        for stream in (writer, server):
            stream.close()
            self._streams.discard(stream)

    def _is_last(self) -> bool:
        if self._left is None:
            return False
        self._left -= 1
        if self._left > 0:
            return False
        self._left, self.cut = None, True
        return True

    async def _have_it_done(
        self, upstream: asyncio.StreamReader, server: asyncio.StreamWriter, data: bytes, down: asyncio.Task[None]
    ) -> None:
        """Pass the message on, wait until the server has answered it, and keep the answer."""
        down.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await down
        server.write(data)
        await server.drain()
        await upstream.read(1 << 20)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 20):
                writer.write(data)
                await writer.drain()
        writer.close()

    def close(self) -> None:
        for stream in self._streams:
            stream.close()


@asynccontextmanager
async def in_front_of(url: str) -> AsyncGenerator[tuple[Proxy, str]]:
    """Stand in front of the server of this URL; gives the proxy and the URL that leads through it."""
    found = re.search(r"host=([^&]+)", url)
    assert found is not None
    directory = Path(tempfile.mkdtemp(prefix="cut", dir="/tmp"))
    proxy = Proxy(Path(unquote(found[1])) / SOCKET)
    listening = await asyncio.start_unix_server(proxy.serve, str(directory / SOCKET))
    try:
        yield proxy, url.replace(found[0], f"host={directory}")
    finally:
        listening.close()
        proxy.close()
        await listening.wait_closed()
        shutil.rmtree(directory)
