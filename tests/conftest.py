"""Real servers for every test: one PostgreSQL and one Redis a worker, a database cloned from the migrated template."""

import asyncio
import atexit
import gc
import shutil
import tempfile
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import asyncpg
import httpx
import hypothesis
import msgspec
import pytest
import uvloop
from argon2 import PasswordHasher
from litestar import Litestar

from review.cli.migrate import upgrade
from review.embedded.postgres import EmbeddedPostgres
from review.embedded.redis import EmbeddedRedis
from review.identity import passwords
from review.items import route_queries
from review.kernel.db import Database
from review.kernel.ids import new_id
from review.kernel.settings import Settings
from review.queueing import service as queueing
from review.queueing.floors import Floors
from review.web import limits
from review.web.app import create_app
from tests.make import BASE_URL, OF_A_PAGE, World

# How long an example takes says more of the machine than of the code; pytest's timeout bounds what takes long.
hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("unhurried")

TEMPLATE = "migrated"
PEOPLED = "peopled"
MEMORY = Path("/dev/shm")  # noqa: S108  only a directory of our own in it is used

LONGEST = {"flows/test_demo.py", "web/test_hostile.py", "web/test_schemathesis.py"}
OF_TESTS = Settings(allowed_hosts=("testserver.local",), dev_pages=True)

# Putting one together takes longer than most tests, and it keeps nothing from one life to the next but its settings.
_APPS: dict[Settings, Litestar] = {}
_SPARE: dict[Settings, list[Litestar]] = {}

# Connecting costs as much as making a database, and every test has one made and dropped.
_ASIDE: dict[EmbeddedPostgres, tuple[asyncio.Runner, "asyncpg.Connection[asyncpg.Record]"]] = {}


# What collecting makes stays until the end: looking through it again and again finds nothing, and took seconds.
gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest first: while one of them came last, the other workers would have nothing to do."""
    items.sort(key=lambda item: "/".join(item.path.parts[-2:]) not in LONGEST)


def pytest_collection_finish() -> None:
    """Leave what was collected out of every later search for garbage, until the interpreter ends."""
    gc.freeze()
    gc.enable()
    atexit.register(gc.unfreeze)


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the web process and the worker run on, which also costs less than Python's own."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Passwords that cost nothing to check: tests sign in thousands of times, and each time would take 50 ms."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        patch.setattr(passwords, "NOBODY", passwords.hash_password("nobody at all"))
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A server of this worker's own, fsync off, in memory if it can be, with a database that the migrations built."""
    directory = Path(tempfile.mkdtemp(prefix="countersign", dir=MEMORY if MEMORY.is_dir() else None))
    with EmbeddedPostgres(directory, durable=False) as server:
        _execute(server, f"CREATE DATABASE {TEMPLATE}")
        upgrade(server.url(TEMPLATE))
        yield server
        _leave(server)
    shutil.rmtree(directory, ignore_errors=True)


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


@pytest.fixture(scope="session")
def peopled(postgres: EmbeddedPostgres) -> World:
    """What `World.build` made in a second template, so that it is built once and cloned for each test."""
    _execute(postgres, f"CREATE DATABASE {PEOPLED} TEMPLATE {TEMPLATE} STRATEGY file_copy")

    async def build() -> World:
        settings = Settings(database_url=postgres.url(PEOPLED))
        db = await Database.connect(settings)
        try:
            return await World.build(db, settings)
        finally:
            await db.close()

    return asyncio.run(build())


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of the test's own, cloned from a template in a few milliseconds."""
    template = TEMPLATE
    if "peopled" in request.fixturenames:
        request.getfixturevalue("peopled")
        template = PEOPLED
    with _cloned(postgres, template) as url:
        yield url


@pytest.fixture(scope="module")
def shared_database_url(postgres: EmbeddedPostgres, peopled: World) -> Iterator[str]:
    """A database that the tests of a module share, with the people of `peopled`."""
    assert peopled.people
    with _cloned(postgres, PEOPLED) as url:
        yield url


@pytest.fixture
def settings(database_url: str, redis_server: EmbeddedRedis, tmp_path: Path) -> Settings:
    """The settings of a process over the test's database."""
    return msgspec.structs.replace(
        OF_TESTS,
        database_url=database_url,
        redis_url=redis_server.url(),
        snapshot_store=(tmp_path / "snapshots").as_uri(),
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
def world(peopled: World, db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> World:
    """A configured project with people in every role, and what it takes to act as them."""
    monkeypatch.setattr(queueing, "_floors", Floors())  # another test's project has the same id, and other queues
    monkeypatch.setattr(route_queries, "_kept", OrderedDict())  # and other rules
    return peopled.over(db, settings)


@pytest.fixture
async def http(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The whole application, on this test's event loop, asked as a browser asks from one of its pages."""
    app = built_app(settings)
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


@contextmanager
def _cloned(server: EmbeddedPostgres, template: str) -> Generator[str]:
    """A copy of a template for the length of the block."""
    name = f"t{new_id().hex}"
    _execute(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    yield server.url(name)
    _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def built_app(settings: Settings) -> Litestar:
    """Give the application of these settings, built once, over the servers that they name."""
    anywhere = _anywhere(settings)
    app = _APPS.get(anywhere)
    if app is None:
        app = _APPS[anywhere] = _put_together(settings)
    app.state.settings = settings
    return app


@contextmanager
def lent_app(settings: Settings) -> Generator[Litestar]:
    """Give an application that nobody else holds meanwhile, for tests that run more than one at a time."""
    spare = _SPARE.setdefault(_anywhere(settings), [])
    app = spare.pop() if spare else _put_together(settings)
    app.state.settings = settings
    yield app
    spare.append(app)


def _put_together(settings: Settings) -> Litestar:
    """Make an application, which stays, so that no search for garbage goes through it."""
    app = create_app(settings)
    gc.freeze()
    return app


def _anywhere(settings: Settings) -> Settings:
    """Leave out of settings what an application reads when it starts, and not when it is put together."""
    return msgspec.structs.replace(settings, database_url="", redis_url="", oidc_file=None, snapshot_store="")


def _execute(server: EmbeddedPostgres, statement: str) -> None:
    """Have a server do something outside every transaction, over one connection for as long as it runs."""
    if server not in _ASIDE:
        runner = asyncio.Runner()
        _ASIDE[server] = runner, runner.run(asyncpg.connect(server.url("postgres")))
    runner, connection = _ASIDE[server]
    runner.run(_run(connection, statement))


async def _run(connection: "asyncpg.Connection[asyncpg.Record]", statement: str) -> None:
    await connection.execute(statement)


def _leave(server: EmbeddedPostgres) -> None:
    """Close the connection that `_execute` keeps."""
    runner, connection = _ASIDE.pop(server)
    runner.run(connection.close())
    runner.close()
