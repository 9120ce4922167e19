"""The command `review erasures`: take erasures along, bring them back after a restore, have them done again."""

import asyncio
import sys
from pathlib import Path

import click

from review.cli.connection import data_dir_option, settings_for
from review.cli.database import connected
from review.erasure import keeping
from review.kernel.settings import Settings


@click.group()
def erasures() -> None:
    """Keep erasures outside the database, and do them again after a restore."""


@erasures.command()
@data_dir_option
def export(data_dir: Path | None) -> None:
    """Write every erasure of every project to standard output, a line of JSON each, with the ids of its items."""

    async def run(settings: Settings) -> None:
        async with connected(settings) as db:
            async for line in keeping.export(db):
                sys.stdout.buffer.write(line)

    asyncio.run(run(settings_for(data_dir)))


@erasures.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@data_dir_option
def import_file(file: Path, data_dir: Path | None) -> None:
    """Store the erasures of FILE that the database does not have; workers then do them."""
    lines = file.read_bytes().splitlines()

    async def run(settings: Settings) -> int:
        async with connected(settings) as db:
            return await keeping.bring_back(db, lines, is_strict=True)

    click.echo(f"{asyncio.run(run(settings_for(data_dir))):,} erasure(s) were brought back; workers do them.", err=True)


@erasures.command()
@data_dir_option
def replay(data_dir: Path | None) -> None:
    """Have done again what a restore brought back: erasures whose items have their data."""

    async def run(settings: Settings) -> int:
        async with connected(settings) as db:
            return await keeping.replay(db)

    click.echo(f"{asyncio.run(run(settings_for(data_dir))):,} erasure(s) are done again by workers.", err=True)
