"""The commands `review plan` and `review apply`: configuration as code."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click
import msgspec

from review.audit.rules import OPERATOR
from review.cli.backtest import show_warnings
from review.cli.connection import data_dir_option, settings_for
from review.cli.database import connected, in_transaction
from review.cli.list_files import Read, read_lists
from review.cli.terminal import in_line, say
from review.configuration import service as configuration
from review.configuration.document import MAX_BYTES, parse
from review.configuration.errors import ConfigurationInvalid
from review.configuration.plans import Plan
from review.configuration.rules import compile_config
from review.configuration.service import ConfigCache
from review.configuration.storing import Terms, lists_of
from review.identity import service as identity
from review.kernel.settings import Settings
from review.rehearsal import service as rehearsal
from review.rehearsal.report import Versions
from review.rehearsal.schemas import MOST_DAYS, Report
from review.rehearsal.service import Wanted

JSON = click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option(
    "--days",
    type=click.IntRange(min=0, max=MOST_DAYS),
    default=30,
    show_default=True,
    help="Try it on the newest items of so many days, too; 0 does not.",
)
@JSON
@data_dir_option
def plan(file: IO[bytes], days: int, as_json: bool, data_dir: Path | None) -> None:  # noqa: FBT001  click's flag
    """Show what applying FILE (YAML or JSON, `-` for standard input) would change, and change nothing."""
    read, settings = _read(file), settings_for(data_dir)
    made = in_transaction(
        settings,
        lambda tx: configuration.apply(
            tx, read.source, actor=OPERATOR, may_create=True, dry_run=True, with_lists=read.lists
        ),
    )
    _show(made, as_json=as_json)
    if days and made.differences and made.previous_version and not as_json:
        found = asyncio.run(_tried(settings, read, made, days))
        say(f"Of the newest {found.items:,} items {found.moved:,} would go elsewhere.", err=True)
        show_warnings(found)


async def _tried(settings: Settings, read: Read, made: Plan, days: int) -> Report:
    """Try a document on the newest items beside the version that is active."""
    async with connected(settings) as db:
        document = parse(read.source)
        async with db.transaction() as tx:
            owner = await identity.get_project(tx, made.project)
            found = await lists_of(tx, document, Terms(lists=read.lists))
        versions = Versions(
            await ConfigCache(db).get(owner.id, made.previous_version), compile_config(document, lists=found)
        )
        wanted = Wanted(from_version=made.previous_version, to_version=made.version, days=days)
        return await rehearsal.plan_of(db, project_id=owner.id, versions=versions, wanted=wanted)


@click.command()
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--version", type=click.IntRange(min=1), metavar="N", help="Go back to version N, as a new version.")
@click.option("--project", metavar="P", help="The project to go back in.")
@JSON
@data_dir_option
def apply(
    file: IO[bytes] | None,
    version: int | None,
    project: str | None,
    as_json: bool,  # noqa: FBT001  click's flag
    data_dir: Path | None,
) -> None:
    """Make FILE (YAML or JSON, `-` for standard input) the configuration of the project it names, as a new version.

    The project is created if it is new. A file that changes nothing makes no version. Everything in FILE is applied,
    or nothing.
    """
    if file is not None and version is None and project is None:
        read = _read(file)
        made = in_transaction(
            settings_for(data_dir),
            lambda tx: configuration.apply(tx, read.source, actor=OPERATOR, may_create=True, with_lists=read.lists),
        )
    elif file is None and version is not None and project is not None:
        number, name = version, project
        with _faults_shown(f"version {version}"):
            made = in_transaction(
                settings_for(data_dir),
                lambda tx: configuration.apply_version(tx, project=name, version=number, actor=OPERATOR),
            )
    else:
        message = "Name a FILE, or go back with --version N --project P."
        raise click.UsageError(message)
    _show(made, as_json=as_json)


def _read(file: IO[bytes]) -> Read:
    """Read a file, with the lists beside it, and check all of it that can be checked without the database."""
    source = file.read(MAX_BYTES + 1)  # enough to be told that it is too large, also of what never ends
    name = str(getattr(file, "name", "<stdin>"))
    with _faults_shown(name):
        read = read_lists(source, Path(name).parent)
        compile_config(parse(read.source))
    return read


@contextmanager
def _faults_shown(name: str) -> Generator[None]:
    """Show each fault as `FILE:LINE:COLUMN: path: message`, which editors turn into a link, and exit with 1."""
    try:
        yield
    except ConfigurationInvalid as refusal:
        for fault in refusal.faults:
            click.echo(f"{name}:{in_line(str(fault))}", err=True)
        count = len(refusal.faults)
        told = "one fault" if count == 1 else f"{count} faults"
        click.echo(f"{name} has {told}; nothing was changed.", err=True)
        raise click.exceptions.Exit(1) from refusal


def _show(made: Plan, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(made), indent=2))
    else:
        for difference in made.differences:
            say(str(difference))
    for warning in made.warnings:
        say(f"note: {warning}", err=True)
    click.echo(_outcome(made), err=True)


def _outcome(made: Plan) -> str:
    if not made.differences:
        return f"{made.project} is at version {made.version} and stays there: nothing differs."
    types = ", ".join(f"{name} v{version}" for name, version in made.item_types.items())
    parts = f"rule set v{made.ruleset_version}" + (f", {types}" if types else "")
    if made.applied:
        return f"{made.project} is now at version {made.version} ({parts})."
    return f"{made.project} would go from version {made.previous_version} to {made.version} ({parts})."
