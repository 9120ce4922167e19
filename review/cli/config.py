"""The commands `review plan` and `review apply`: configuration as code."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click
import msgspec

from review.audit.rules import OPERATOR
from review.cli.connection import data_dir_option, settings_for
from review.cli.database import in_transaction
from review.cli.list_files import Read, read_lists
from review.cli.terminal import in_line, say
from review.configuration import service as configuration
from review.configuration.document import MAX_BYTES, parse
from review.configuration.errors import ConfigurationInvalid
from review.configuration.plans import Plan
from review.configuration.rules import compile_config

JSON = click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")


@click.command()
@click.argument("file", type=click.File("rb"))
@JSON
@data_dir_option
def plan(file: IO[bytes], as_json: bool, data_dir: Path | None) -> None:  # noqa: FBT001  click's flag
    """Show what applying FILE (YAML or JSON, `-` for standard input) would change, and change nothing."""
    read = _read(file)
    made = in_transaction(
        settings_for(data_dir),
        lambda tx: configuration.apply(
            tx, read.source, actor=OPERATOR, may_create=True, dry_run=True, with_lists=read.lists
        ),
    )
    _show(made, as_json=as_json)


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
