"""The command `review export`."""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Self

import asyncpg
import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from review.audit.rules import OPERATOR
from review.cli.connection import data_dir_option, settings_for
from review.datasets import service as datasets
from review.datasets.redaction.rules import MOST_KEPT, Field
from review.datasets.redaction.service import fields_of, redactor_of_export
from review.datasets.schemas import Format, Progress, Selection
from review.datasets.whole_file import whole_file
from review.identity import keys
from review.kernel.db import Database
from review.kernel.errors import Unavailable
from review.kernel.settings import Settings

STDOUT = "-"
QUIET_SECONDS = 1.0  # what takes less is over before a bar could be read


def _read_moment(_ctx: click.Context, _option: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as fault:
        message = f"{value!r} is not a date or a moment; write 2026-11-21 or 2026-11-21T12:00:00Z."
        raise click.BadParameter(message) from fault
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@click.command()
@click.option("--project", required=True, metavar="P", help="The project whose feedback is exported.")
@click.option("--format", "name", type=click.Choice([each.value for each in Format]), required=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), required=True, metavar="FILE")
@click.option("--type", "of_type", metavar="T", help="Only feedback on items of this type.")
@click.option(
    "--since", metavar="T", callback=_read_moment, help="Only what was decided at this moment (UTC) or later."
)
@click.option("--drop", multiple=True, metavar="PATH", help="Leave out a field, such as input.email. May be repeated.")
@click.option("--hash", "hashed", multiple=True, metavar="PATH", help="Put a keyed hash, by which equals stay equal.")
@click.option("--mask", multiple=True, metavar="PATH", help="Put three stars in a field's place.")
@click.option("--keep-last", type=click.IntRange(0, MOST_KEPT), default=0, metavar="N", help="Masks keep N characters.")
@click.option("--without-personal", is_flag=True, help="Leave out what item types call personal.")
@data_dir_option
def export(  # noqa: PLR0913  one for each option
    *,
    project: str,
    name: str,
    out: Path,
    of_type: str | None,
    since: datetime | None,
    drop: tuple[str, ...],
    hashed: tuple[str, ...],
    mask: tuple[str, ...],
    keep_last: int,
    without_personal: bool,
    data_dir: Path | None,
) -> None:
    """Write a project's feedback to FILE, or to standard output if FILE is `-`.

    Of each item it is the last decision, in the order the decisions were committed. FILE appears when it is
    complete; the same records give the same bytes. A spreadsheet may open the CSV; to train, take Parquet or JSON
    Lines, which change nothing.
    """
    chosen = Format(name)
    to_stdout = str(out) == STDOUT
    if to_stdout and chosen is Format.PARQUET and sys.stdout.isatty():
        message = "Parquet is not for the terminal. Name a file with --out, or send the output somewhere."
        raise click.UsageError(message)
    wish = _Wish(
        chosen,
        Selection(of_type=of_type, since=since),
        fields_of(drop, hashed, mask, keep_last=keep_last),
        without_personal=without_personal,
    )
    read = asyncio.run(_export(settings_for(data_dir), project, wish, None if to_stdout else out))
    where, written = "standard output" if to_stdout else str(out), read.records
    click.echo(f"{written:,} record{'' if written == 1 else 's'} to {where}", err=True)
    for reason, count in sorted(read.left_out.items()):
        click.echo(f"{count:,} left out: {reason}", err=True)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is exported, and what of it leaves otherwise than it is."""

    format: Format
    selection: Selection
    redacted: tuple[Field, ...]
    without_personal: bool


async def _export(settings: Settings, project: str, wish: _Wish, out: Path | None) -> Progress:
    async with _database(settings) as db:
        who = await keys.get_operator(db.hot, project)
        redactor = await redactor_of_export(
            db.hot, who, wish.redacted, settings, without_personal=wish.without_personal
        )
        which = who.project_id, wish.format, wish.selection
        async with db.transaction() as tx:
            datasets.note_export(tx, *which, actor=OPERATOR, redacted=wish.redacted)
        with _Watcher() as watcher:
            pieces = datasets.export_stream(db, *which, watch=watcher.watch, rewriter=redactor.rewriter)
            await _write(pieces, out)
        return watcher.last


async def _write(pieces: AsyncGenerator[bytes], out: Path | None) -> None:
    try:
        async with aclosing(pieces):
            with _destination(out) as file:
                async for piece in pieces:
                    await asyncio.to_thread(file.write, piece)
                file.flush()
    except BrokenPipeError:
        raise  # whoever read the output has seen enough; click ends the command quietly
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
        message = f"The database went away: {fault}. No part of the export was left behind; try again."
        raise Unavailable(message) from fault
    except OSError as fault:
        where = "standard output" if out is None else out
        message = f"{where}: {fault.strerror or fault}. No part of the export was left behind."
        raise click.ClickException(message) from fault


def _destination(out: Path | None) -> AbstractContextManager[BinaryIO]:
    if out is None:
        return nullcontext(sys.stdout.buffer)
    if out.exists() and not out.is_file():
        return out.open("wb")  # a device or a pipe is written to; a whole file would take its place
    return whole_file(out.resolve())  # behind a link it is the file that is replaced


@asynccontextmanager
async def _database(settings: Settings) -> AsyncGenerator[Database]:
    try:
        db = await Database.connect(settings)
    except (OSError, asyncpg.PostgresError) as fault:
        message = f"The database cannot be reached: {fault}. Nothing was exported; is the stack running?"
        raise Unavailable(message) from fault
    try:
        yield db
    finally:
        await db.close()


class _Watcher:
    """Counts the records, and shows a bar on a terminal once the export has taken a while."""

    def __init__(self) -> None:
        self.last = Progress(0, 0, 0)
        self._started = time.monotonic()
        self._bar: Bar | None = None
        self._task = TaskID(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def watch(self, progress: Progress) -> None:
        """Take note of how far the export has come."""
        self.last = progress
        if self._bar is None:
            if time.monotonic() - self._started < QUIET_SECONDS or not sys.stderr.isatty():
                return
            self._bar = Bar(
                TextColumn("Exporting"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("export", total=progress.total)
        self._bar.update(self._task, completed=progress.done)
