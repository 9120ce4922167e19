"""A database whose clock steps."""

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

# Found before the server's own functions by every connection that is made after this.
SHIFTED = """
CREATE SCHEMA shifted;
CREATE TABLE shifted.steps (by interval NOT NULL);
INSERT INTO shifted.steps VALUES ('0');
CREATE FUNCTION shifted.now() RETURNS timestamptz STABLE LANGUAGE sql
  AS 'SELECT pg_catalog.now() + (SELECT by FROM shifted.steps)';
CREATE FUNCTION shifted.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql
  AS 'SELECT pg_catalog.clock_timestamp() + (SELECT by FROM shifted.steps)';
"""


class Hands:
    """The hands of the clock of a test's database."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection

    async def to(self, by: timedelta) -> None:
        """Have the clock show the true time and so much more."""
        await self._connection.execute("UPDATE shifted.steps SET by = $1", by)


@pytest.fixture
async def hands(database_url: str) -> AsyncIterator[Hands]:
    """Give the test's database a clock that can be set; ask for it before `world`, which connects."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(SHIFTED)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE {name} SET search_path = shifted, public, pg_catalog")
    yield Hands(connection)
    await connection.close()
