"""The command `review migrate`."""

import asyncpg
import click
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from review.cli.connection import required_settings
from review.kernel.errors import Unavailable
from review.kernel.resources import migrations_dir


@click.command()
def migrate() -> None:
    """Bring the database of REVIEW_DATABASE_URL up to date; safe to run at any time, by several at once."""
    upgrade(required_settings("database_url").database_url)


def upgrade(database_url: str) -> None:
    """Bring a database up to the newest revision; does nothing if it is there.

    Raises:
        Unavailable: the database cannot be reached, or refuses (503).
    """
    try:
        command.upgrade(alembic_config(database_url), "head")
    except (OSError, asyncpg.PostgresError, DBAPIError, CommandError) as fault:
        reason = (str(fault).splitlines() or [type(fault).__name__])[0]
        message = f"The database could not be migrated: {reason}. A migration applies whole or not at all."
        raise Unavailable(message) from fault


def alembic_config(database_url: str) -> Config:
    """Say where the migrations lie and which database they are for."""
    config = Config()
    config.set_main_option("script_location", str(migrations_dir()).replace("%", "%%"))
    config.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    return config
