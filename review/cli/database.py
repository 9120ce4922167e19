"""Running one use case from the command line: connect, one transaction, close."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from review.kernel.db import Database
from review.kernel.errors import Unavailable
from review.kernel.settings import Settings

T = TypeVar("T")

_WRAPPER = re.compile(r"^\([\w.]+\) ")  # SQLAlchemy puts the driver's class before the driver's words


def in_transaction(settings: Settings, act: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """Run `act` in one transaction and give what it gives, once that is committed.

    Raises:
        Unavailable: the database cannot be reached, or broke off; nothing was stored (503).
    """

    async def run() -> T:
        db = await Database.connect(settings)
        try:
            async with db.transaction() as tx:
                return await act(tx)
        finally:
            await db.close()

    try:
        return asyncio.run(run())
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, DBAPIError) as fault:
        message = f"The database did not take it: {explain(fault)}. Nothing was stored."
        raise Unavailable(message) from fault


@asynccontextmanager
async def connected(settings: Settings) -> AsyncGenerator[Database]:
    """Give the connections for a command that does more than one transaction.

    Raises:
        Unavailable: the database cannot be reached, or broke off (503).
    """
    try:
        db = await Database.connect(settings)
        try:
            yield db
        finally:
            await db.close()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, DBAPIError) as fault:
        message = f"The database did not take it: {explain(fault)}."
        raise Unavailable(message) from fault


def explain(fault: BaseException) -> str:
    """Say in a line what a database error is about."""
    if "UndefinedTable" in f"{type(fault).__name__} {fault}":
        return "it has no tables yet; run `review migrate` first"
    said = (str(fault).splitlines() or [type(fault).__name__])[0]
    return _WRAPPER.sub("", said)
