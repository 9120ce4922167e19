"""How Alembic reaches the database: one connection, short lock waits, one migrator at a time."""

import asyncio

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from review.kernel import tables
from review.kernel.db import sqlalchemy_url

MIGRATION_LOCK = 0x436F756E74657273  # "Counters" in ASCII; any constant does, as long as it never changes


def run(connection: Connection) -> None:
    """Apply what is missing; waits while another process migrates."""
    context.configure(
        connection=connection,
        target_metadata=tables.metadata(),
        include_object=tables.is_mapped,
        transaction_per_migration=True,
    )
    connection.execute(text("SET lock_timeout = '4s'"))
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": MIGRATION_LOCK})
    connection.commit()
    try:
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": MIGRATION_LOCK})
        connection.commit()


async def run_online() -> None:
    """Connect with the URL that the caller put into the Alembic configuration."""
    url = context.config.get_main_option("sqlalchemy.url")
    if url is None:
        message = "Alembic was started without sqlalchemy.url; use `review migrate`."
        raise RuntimeError(message)
    engine = create_async_engine(sqlalchemy_url(url), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


asyncio.run(run_online())
