"""The command `review audit`: verify the log, take it along, show the key that signs it."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Self, TypeVar

import asyncpg
import click
from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from review.audit import checking, reading
from review.audit.checking import Report
from review.audit.notes import Signer, origin_of, read_key, show_key, verifier_key
from review.audit.rules import OPERATOR
from review.cli.connection import data_dir_option, settings_for
from review.cli.database import explain
from review.datasets.whole_file import whole_file
from review.identity import service as identity
from review.kernel.db import Database
from review.kernel.errors import Unavailable
from review.kernel.settings import Settings

T = TypeVar("T")

QUIET_SECONDS = 1.0  # what takes less is over before a bar could be read
LIST_PROJECTS = text("SELECT slug FROM projects ORDER BY slug")


@click.group()
def audit() -> None:
    """Verify the audit log, export it, and show the key that signs its checkpoints."""


@audit.command()
@click.option("--project", metavar="P", help="Only this project; all of them otherwise.")
@click.option(
    "--export",
    "exported",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Verify this exported log; no database is asked.",
)
@click.option(
    "--checkpoints",
    "outside",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    metavar="DIR_OR_FILE",
    help="Checkpoints kept outside the database; may be given again.",
)
@click.option(
    "--public-key",
    "public_keys",
    multiple=True,
    metavar="K",
    help="The key that checkpoints must be signed by; may be given again, for older keys.",
)
@data_dir_option
def verify(
    project: str | None,
    exported: Path | None,
    outside: tuple[Path, ...],
    public_keys: tuple[str, ...],
    data_dir: Path | None,
) -> None:
    """Check that no entry was changed, removed, moved or added since, and name the first one that was.

    Exit status 0: all is as it was. 1: something is not, or could not be read. Only checkpoints kept where the
    database's owner cannot write show that a log was cut or rebuilt as a whole.
    """
    keys = [read_key(each) for each in public_keys]
    if exported is not None:
        if project is not None:
            message = "An export has one project in it; leave --project out."
            raise click.UsageError(message)
        with _Watcher() as watcher:
            reports = [checking.verify_export(exported, outside=outside, keys=keys, watch=watcher.watch)]
    else:
        settings = settings_for(data_dir)
        reports = asyncio.run(_on(settings, lambda db: _verify(db, settings, project, outside, keys)))
    for report in reports:
        _tell(report)
    if any(report.fault for report in reports):
        sys.exit(1)


@audit.command()
@click.option("--project", required=True, metavar="P", help="The project whose log is exported.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, metavar="FILE")
@data_dir_option
def export(project: str, out: Path, data_dir: Path | None) -> None:
    """Write a project's whole log to FILE, as lines of JSON that `review audit verify --export FILE` takes."""
    settings, target = settings_for(data_dir), out.resolve()

    async def act(db: Database) -> None:
        async with db.transaction() as tx:
            owner = await identity.get_project(tx, project)
        key = show_key(Signer(settings.audit_key).public_key) if settings.audit_key else None
        with _Watcher("Exporting") as watcher:
            pieces = reading.export(db, project, owner.id, actor=OPERATOR, public_key=key, watch=watcher.watch)
            async with aclosing(pieces):
                with whole_file(target) as file:
                    async for piece in pieces:
                        await asyncio.to_thread(file.write, piece)

    asyncio.run(_on(settings, act))
    click.echo(f"The log of {project} is in {out}.", err=True)


@audit.command()
@click.option("--project", metavar="P", help="Write it for tools that read signed notes, by the name of P's log.")
@data_dir_option
def key(project: str | None, data_dir: Path | None) -> None:
    """Print the public key that checkpoints are verified with, and nothing else."""
    settings = settings_for(data_dir)
    if not settings.audit_key:
        message = "REVIEW_AUDIT_KEY is not set, so there is no key."
        raise click.ClickException(message)
    public_key = Signer(settings.audit_key).public_key
    if project is None:
        click.echo(show_key(public_key))
        return

    async def act(db: Database) -> str:
        async with db.transaction() as tx:
            return verifier_key(origin_of(project, (await identity.get_project(tx, project)).id), public_key)

    click.echo(asyncio.run(_on(settings, act)))


async def _verify(
    db: Database, settings: Settings, project: str | None, outside: tuple[Path, ...], keys: list[bytes]
) -> list[Report]:
    if not keys and settings.audit_key:
        keys = [Signer(settings.audit_key).public_key]
    if not outside and settings.audit_checkpoints is not None and settings.audit_checkpoints.is_dir():
        outside = (settings.audit_checkpoints,)
    async with db.transaction() as tx:
        names = [project] if project is not None else list((await tx.execute(LIST_PROJECTS)).scalars())
        owners = [await identity.get_project(tx, name) for name in names]
    reports: list[Report] = []
    for owner in owners:
        with _Watcher() as watcher:
            reports.append(
                await checking.verify_database(
                    db, owner.slug, owner.id, outside=outside, keys=keys, watch=watcher.watch
                )
            )
    return reports if project is not None else reports + checking.list_lost(outside, names, keys)


async def _on(settings: Settings, act: Callable[[Database], Awaitable[T]]) -> T:
    try:
        db = await Database.connect(settings)
        try:
            return await act(db)
        finally:
            await db.close()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, DBAPIError, OSError) as fault:
        message = f"It could not be done: {explain(fault)}. Nothing was changed."
        raise Unavailable(message) from fault


def _tell(report: Report) -> None:
    if report.fault is not None:
        click.echo(f"{report.project}: NOT as it was. {report.fault}")
        click.echo(f"{report.project}: the {report.records:,} records before that are as they were.", err=True)
        return
    click.echo(
        f"{report.project}: {report.records:,} records are as they were, {report.checkpoints:,} checkpoints match."
    )
    if report.erased:
        click.echo(f"{report.project}: of {report.erased:,} of them name, origin and details were erased.", err=True)
    if report.waiting:
        click.echo(f"{report.project}: {report.waiting:,} new entries wait for their place.", err=True)
    if not report.is_signed:
        click.echo("No public key was given, so who signed the checkpoints was not checked.", err=True)


class _Watcher:
    """Shows a bar on a terminal once something has taken a while."""

    def __init__(self, doing: str = "Verifying") -> None:
        self._doing = doing
        self._started = time.monotonic()
        self._bar: Bar | None = None
        self._task = TaskID(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def watch(self, done: int, total: int) -> None:
        """Take note of how far it has come."""
        if self._bar is None:
            if time.monotonic() - self._started < QUIET_SECONDS or not sys.stderr.isatty():
                return
            columns = (
                TextColumn(self._doing),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f} %"),
                TimeRemainingColumn(),
            )
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(self._doing, total=total)
        self._bar.update(self._task, completed=done, total=total)
