"""Real servers for every test: one PostgreSQL and one Redis a worker, a database cloned from the migrated template."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

import asyncpg
import httpx
import pytest

from review.cli.migrate import upgrade
from review.embedded.postgres import EmbeddedPostgres
from review.embedded.redis import EmbeddedRedis
from review.kernel.db import Database
from review.kernel.ids import new_id
from review.kernel.settings import Settings
from review.web import limits
from review.web.app import create_app
from tests.make import BASE_URL, OF_A_PAGE, World

TEMPLATE = "migrated"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server of this worker's own, fsync off, with one database that the migrations have built."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), durable=False) as server:
        _execute(server, f"CREATE DATABASE {TEMPLATE}")
        upgrade(server.url(TEMPLATE))
        yield server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """A Redis of this worker's own."""
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis of the test's own, reached at one address however often it is stopped and started."""
    sockets = Path(tempfile.mkdtemp(prefix="redis", dir="/tmp"))
    with EmbeddedRedis(tmp_path / "own_redis", socket_directory=sockets) as server:
        yield server
    shutil.rmtree(sockets)


@pytest.fixture
def database_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A database of the test's own, cloned from the template in a few dozen milliseconds."""
    name = f"t{new_id().hex}"
    _execute(postgres, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy")
    yield postgres.url(name)
    _execute(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def settings(database_url: str, redis_server: EmbeddedRedis) -> Settings:
    """The settings of a process over the test's database."""
    return Settings(
        database_url=database_url, redis_url=redis_server.url(), allowed_hosts=("testserver.local",), dev_pages=True
    )


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No limit to pages and guesses, for tests that ask for more of them than any person could."""
    monkeypatch.setattr(limits, "PAGES_AT_ONCE", 1_000_000)
    monkeypatch.setattr(limits, "GUESSES_AT_ONCE", 1_000_000)


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[Database]:
    """The connections of a process over the test's database."""
    database = await Database.connect(settings)
    yield database
    await database.close()


@pytest.fixture
async def world(db: Database, settings: Settings) -> World:
    """A configured project with people in every role, and what it takes to act as them."""
    return await World.build(db, settings)


@pytest.fixture
async def http(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The whole application, on this test's event loop, asked as a browser asks from one of its pages."""
    app = create_app(settings)
    started, stop = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            started.set()
            await stop.wait()

    # In a task of its own: pytest ends a fixture in another task than it began it in, which anyio's scopes refuse.
    life = asyncio.create_task(live())
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait({life, waiting}, return_when=asyncio.FIRST_COMPLETED)
    transport = httpx.ASGITransport(app=cast("Any", app), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=OF_A_PAGE) as client:
        yield client
    stop.set()
    await life


def _execute(server: EmbeddedPostgres, statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(server.url("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())
