"""The database: one place that commits, and a bare pool for the statements that must be fast."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, ClassVar, TypeAlias, cast
from urllib.parse import urlsplit

import asyncpg
from sqlalchemy import TIMESTAMP, MetaData, Text, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from review.kernel.settings import Settings

log = logging.getLogger(__name__)

AFTER_COMMIT = "after_commit"  # keys of what a session carries
AFTER_ROLLBACK = "after_rollback"
DRIVER = "driver"

# What runs plain SQL: the hot pool, one of its connections, or the connection below a transaction.
Hot: TypeAlias = "asyncpg.Pool[asyncpg.Record] | asyncpg.Connection[asyncpg.Record]"
Note: TypeAlias = Callable[[AsyncSession], Awaitable[None]]


# What connecting raises while the server is away, starts, or has no connection to spare; the next attempt may succeed.
UNREACHABLE = (
    OSError,
    asyncpg.CannotConnectNowError,
    asyncpg.PostgresConnectionError,
    asyncpg.TooManyConnectionsError,
)


class Base(DeclarativeBase):
    """The tables of Countersign; constraints are named so that migrations can name them too."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {str: Text(), datetime: TIMESTAMP(timezone=True)}
    metadata = MetaData(
        naming_convention={
            "ix": "%(table_name)s_%(column_0_N_name)s",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "ck": "%(table_name)s_%(constraint_name)s_check",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "pk": "%(table_name)s_pkey",
        }
    )


class Database:
    """The connections of one process.

    `transaction()` serves use cases through SQLAlchemy; `hot` is an asyncpg pool for the few statements
    that are whole transactions by themselves (submit, claim, extend) and read-only look-ups. On `hot`,
    `json` and `jsonb` travel as text.
    """

    def __init__(self, engine: AsyncEngine, hot: "asyncpg.Pool[asyncpg.Record]") -> None:
        self.engine = engine
        self.hot = hot
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)

    @classmethod
    async def connect(cls, settings: Settings) -> "Database":
        """Open both pools.

        Raises:
            OSError, asyncpg.PostgresError: the database cannot be reached or refuses.
        """
        session = {
            "statement_timeout": str(int(settings.statement_timeout.total_seconds() * 1000)),
            "lock_timeout": "3000",
            "idle_in_transaction_session_timeout": "10000",
            "jit": "off",
            "timezone": "UTC",
            "application_name": "countersign",
        }
        engine = create_async_engine(
            sqlalchemy_url(settings.database_url),
            pool_size=settings.pool_connections,
            max_overflow=0,
            pool_pre_ping=True,
            hide_parameters=True,  # what a statement carries is nobody's business in a log
            connect_args={"server_settings": session},
        )
        hot = await asyncpg.create_pool(
            libpq_url(settings.database_url),
            min_size=1,
            max_size=settings.hot_connections,
            server_settings=session,
            reset=_keep,
        )
        return cls(engine, hot)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncSession]:
        """Give a session whose work is committed at the end of the block, or undone if the block raises.

        This is the only place that commits. What `after_commit` collected runs once the commit is safe, and what
        `after_rollback` collected once the block has raised.
        """
        notes: list[Note] = []
        try:
            async with self._sessions() as tx:
                try:
                    yield tx
                    await tx.commit()
                except BaseException:
                    await _undo(tx)
                    notes = tx.info.get(AFTER_ROLLBACK, notes)
                    raise
                for act in tx.info.get(AFTER_COMMIT, ()):
                    _run_quietly(act)
        except Exception:
            for note in notes:  # the connection has been given back, so that this one waits for nobody's
                await self._note_quietly(note)
            raise

    async def _note_quietly(self, note: "Note") -> None:
        """Do something in a transaction of its own; a failure is logged, for the refusal it follows is what is told."""
        try:
            async with self._sessions() as tx:
                await note(tx)
                await tx.commit()
        except Exception:
            log.exception("a note after a rollback could not be made; the refusal stands")

    async def close(self) -> None:
        """Close both pools; waits for what is running."""
        await self.hot.close()
        await self.engine.dispose()


async def driver_of(tx: AsyncSession) -> Hot:
    """Give the asyncpg connection of a transaction, for a statement that is written for the hot pool.

    What it does is part of the transaction, and sees what the transaction has flushed.
    """
    known: Hot | None = tx.info.get(DRIVER)
    if known is not None:
        await tx.flush()
        return known
    await tx.execute(text("SELECT"))  # SQLAlchemy begins the transaction with its first statement
    connection = await (await tx.connection()).get_raw_connection()
    tx.info[DRIVER] = connection.driver_connection
    return cast("Hot", connection.driver_connection)


async def get_now(hot: Hot) -> datetime:
    """Ask the database for its time; within a transaction, for that of its beginning."""
    at: datetime = await hot.fetchval("SELECT now()")
    return at


def after_commit(tx: AsyncSession, act: Callable[[], None]) -> None:
    """Have `act` called once the transaction has committed, and never if it does not.

    For hints only: a crash between the commit and the call loses it.
    """
    tx.info.setdefault(AFTER_COMMIT, []).append(act)


def after_rollback(tx: AsyncSession, note: Note) -> None:
    """Have `note` write something in a transaction of its own if this one is rolled back by what the block raises.

    For what must be known of an act that was refused. It is tried once, and a crash in between loses it.
    """
    tx.info.setdefault(AFTER_ROLLBACK, []).append(note)


async def _keep(_connection: object) -> None:
    """Give a hot connection back as it is: nothing on it sets session state, and asyncpg ends an open transaction.

    asyncpg's own way is a second statement after each, and where that one fails, work that is committed looks lost.
    """


async def _undo(tx: AsyncSession) -> None:
    """Roll back; where the connection is lost, and with it the transaction, what broke it is what is to be told.

    SQLAlchemy does not know of a connection that broke under a statement of the driver's own (`driver_of`).
    """
    driver = tx.info.get(DRIVER)
    if driver is not None and driver.is_closed():
        await tx.invalidate()
    else:
        await tx.rollback()


def _run_quietly(act: Callable[[], None]) -> None:
    try:
        act()
    except Exception:
        log.exception("a hint after commit failed; the commit stands")


def sqlalchemy_url(url: str) -> str:
    """Turn a libpq URL into the one SQLAlchemy reads, with the asyncpg driver."""
    return make_url(url).set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


def libpq_url(url: str) -> str:
    """Turn either spelling of a database URL into the one asyncpg reads."""
    scheme = urlsplit(url).scheme
    return "postgresql" + url[len(scheme) :]
