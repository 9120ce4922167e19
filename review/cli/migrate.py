"""The command `review migrate`."""

from collections.abc import Callable
from functools import partial

import asyncpg
import click
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from review.cli.connection import required_settings
from review.kernel.errors import Unavailable
from review.kernel.resources import migrations_dir

MOST_TRIES = 10  # each waits up to the four seconds of migrations/env.py for a lock
_GAVE_WAY = {asyncpg.LockNotAvailableError.sqlstate, asyncpg.DeadlockDetectedError.sqlstate}


@click.command()
def migrate() -> None:
    """Bring the database of REVIEW_DATABASE_URL up to date; safe to run at any time, by several at once."""
    upgrade(required_settings("database_url").database_url)


def upgrade(database_url: str) -> None:
    """Bring a database up to the newest revision; does nothing if it is there.

    Each migration applies whole or not at all, so one that gave way to running work is tried again.

    Raises:
        Unavailable: the database cannot be reached, or refuses (503).
    """
    try:
        _while_others_work(partial(command.upgrade, alembic_config(database_url), "head"))
    except (OSError, asyncpg.PostgresError, DBAPIError, CommandError) as fault:
        reason = (str(fault).splitlines() or [type(fault).__name__])[0]
        message = f"The database could not be migrated: {reason}. A migration applies whole or not at all."
        raise Unavailable(message) from fault


def downgrade(database_url: str, revision: str) -> None:
    """Take a database back to an earlier revision, with the patience of `upgrade`.

    Raises:
        OSError, DBAPIError, CommandError: as Alembic does.
    """
    _while_others_work(partial(command.downgrade, alembic_config(database_url), revision))


def _while_others_work(migrate: Callable[[], None]) -> None:
    """Try again what lost against running statements: a lock that took too long, or a deadlock that chose us."""
    for _ in range(MOST_TRIES - 1):
        try:
            return migrate()
        except DBAPIError as fault:
            if getattr(fault.orig, "sqlstate", None) not in _GAVE_WAY:
                raise
    return migrate()


def alembic_config(database_url: str) -> Config:
    """Say where the migrations lie and which database they are for."""
    config = Config()
    config.set_main_option("script_location", str(migrations_dir()).replace("%", "%%"))
    config.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    return config
