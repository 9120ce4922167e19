"""The servers that everything is measured on: PostgreSQL with fsync on, Redis, and web processes of our own."""

import asyncio
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncpg
from rich.console import Console

from review.cli.migrate import upgrade
from review.embedded.postgres import EmbeddedPostgres
from review.embedded.redis import EmbeddedRedis
from review.kernel.sealing import new_sealing_key
from review.kernel.settings import Settings

TEMPLATE = "migrated"
SEALING_KEY = new_sealing_key()
STARTED = re.compile(rb"Listening on http://([^:]+):(\d+)")

console = Console(stderr=True)


class Stage:
    """One PostgreSQL and one Redis, started as `review up` starts them, over a directory of the run's own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._postgres = EmbeddedPostgres(directory / "postgres")
        self._redis = EmbeddedRedis(directory / "redis")
        self._running = ExitStack()
        self._databases = 0

    def __enter__(self) -> Self:
        self._running.enter_context(self._postgres)
        self._running.enter_context(self._redis)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    async def prepare(self) -> str:
        """Build the schema that databases are cloned from; gives the server's version."""
        await self._administer(f"CREATE DATABASE {TEMPLATE}")
        await asyncio.to_thread(upgrade, self._postgres.url(TEMPLATE))
        connection = await asyncpg.connect(self._postgres.url("postgres"))
        version: str = await connection.fetchval("SHOW server_version")
        await connection.close()
        return version

    @asynccontextmanager
    async def database(self) -> AsyncGenerator[Settings]:
        """Give the settings of processes over a new, empty database that is dropped in the end."""
        self._databases += 1
        name = f"bench{self._databases}"
        await self._administer(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        try:
            yield Settings(database_url=self._postgres.url(name), redis_url=self._redis.url())
        finally:
            await self._administer(f"DROP DATABASE {name} WITH (FORCE)")

    @asynccontextmanager
    async def web(self, settings: Settings) -> AsyncGenerator[tuple[str, int]]:
        """Run one web process, as `review web` does, and give its host and port."""
        process = await _start(settings, "web", "--port", "0")
        try:
            yield await _address(process)
        finally:
            process.terminate()
            await process.wait()

    @asynccontextmanager
    async def worker(self, settings: Settings) -> AsyncGenerator[None]:
        """Run one worker process, as `review worker` does; it begins to work a moment later."""
        process = await _start(settings, "worker")
        try:
            yield
        finally:
            process.terminate()
            await process.communicate()

    async def _administer(self, statement: str) -> None:
        connection = await asyncpg.connect(self._postgres.url("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


async def _start(settings: Settings, *arguments: str) -> asyncio.subprocess.Process:
    environment = {
        "REVIEW_DATABASE_URL": settings.database_url,
        "REVIEW_REDIS_URL": settings.redis_url,
        "REVIEW_LOG_LEVEL": "error",
        "REVIEW_ALLOW_SUPERUSER": "true",
        "REVIEW_SECRET_KEY": SEALING_KEY,
    }
    return await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("review")), *arguments), env=environment, stderr=asyncio.subprocess.PIPE
    )


async def _address(process: asyncio.subprocess.Process) -> tuple[str, int]:
    """Wait for the process's own words on where it listens, and until it answers there."""
    if process.stderr is None:
        raise AssertionError
    said = await process.stderr.readline()
    match = STARTED.search(said)
    if match is None:
        message = f"the web process did not start: {(said + await process.stderr.read()).decode()}"
        raise RuntimeError(message)
    host, port = match[1].decode(), int(match[2])
    # The socket has listened since that line, so the first request waits in it until the application is up.
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    if b" 200 " not in answer.split(b"\r\n", 1)[0]:
        message = f"the web process is not ready: {answer.decode()}"
        raise RuntimeError(message)
    return host, port
