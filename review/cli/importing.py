"""The command `review import`."""

import asyncio
import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Self, TextIO

import click
from rich.console import Console
from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from review.cli.connection import data_dir_option, settings_for
from review.cli.database import connected
from review.cli.terminal import in_line
from review.imports import reading
from review.imports.rules import mapping_of
from review.imports.schemas import Asked, Fault, How, Layout, Outcome, Progress, Source
from review.imports.service import ByOperator, Importer
from review.kernel.settings import Settings

QUIET_SECONDS = 1.0  # what takes less is over before a bar could be read
MOST_SHOWN = 5
MAX_NAME = 200


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, readable=True))
@click.option("--project", required=True, metavar="P", help="The project to import into.")
@click.option("--type", "of_type", required=True, metavar="T", help="The item type of every row.")
@click.option(
    "--format", "layout", type=click.Choice([each.value for each in Layout]), help="By default the file's name tells."
)
@click.option(
    "--as",
    "how",
    type=click.Choice([each.value for each in How]),
    default=How.DECIDED.value,
    show_default=True,
    help="Items that are decided by their labels, or items that are submitted for review.",
)
@click.option(
    "--map",
    "pairs",
    multiple=True,
    metavar="PART=FIELD",
    help="Where a part of an item stands in a row: input.text=text, label=intent, output=prediction. Repeats.",
)
@click.option("--gold", is_flag=True, help="Items whose answers were known beforehand: datasets leave them out.")
@click.option(
    "--errors",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write rows that are left out here, as JSON Lines with line, reason and row.",
)
@click.option("--name", help="What the import is called in decisions and the audit.  [default: the file's name]")
@data_dir_option
def import_file(  # noqa: PLR0913, PLR0917  click's options
    file: Path,
    project: str,
    of_type: str,
    layout: str | None,
    how: str,
    pairs: tuple[str, ...],
    gold: bool,  # noqa: FBT001  an option, as click gives it
    errors: Path | None,
    name: str | None,
    data_dir: Path | None,
) -> None:
    """Import labelled data from FILE: JSON Lines, CSV, Parquet, a Hugging Face folder, or an export of Label Studio.

    Rows that do not fit the item type are left out and the rest is imported. A row that was imported before is passed
    over, so an import that was cut off, or whose file was mended, is simply run again. Ends with status 1 if rows were
    left out.
    """
    chosen = Layout(layout) if layout else reading.layout_of(file)
    called = in_line(name or file.resolve().name)[:MAX_NAME]
    asked = Asked(name=called, type=of_type, how=How(how), mapping=mapping_of(pairs, chosen), gold=gold)
    settings = settings_for(data_dir)
    source = reading.open_source(file, chosen)
    with _Rejects(errors) as rejects:
        done = asyncio.run(_import(settings, project, asked, source, rejects))
    _tell(done, asked, rejects)
    if done.left_out:
        raise click.exceptions.Exit(1)


async def _import(settings: Settings, project: str, asked: Asked, source: Source, rejects: "_Rejects") -> Outcome:
    async with connected(settings) as db:
        keeper = ByOperator(db, project, asked, rejects.add)
        importer = Importer(db, keeper, asked=asked, base_url=settings.public_url)
        with _Watcher() as watcher:
            return await importer.run(source, watcher.watch)


def _tell(done: Outcome, asked: Asked, rejects: "_Rejects") -> None:
    became = "decided items" if asked.how is How.DECIDED else "submitted for review"
    said = f"{done.imported:,} imported ({became}), {done.repeated:,} there already, {done.left_out:,} left out"
    for fault in rejects.first:
        click.echo(f"line {fault.line}: {in_line(fault.reason)}", err=True)
    if done.left_out > len(rejects.first):
        click.echo(f"… and {done.left_out - len(rejects.first):,} more", err=True)
    where = f"; they are in {rejects.path}" if rejects.path and done.left_out else ""
    click.echo(f"{said}{where}.", err=True)
    if asked.how is How.DECIDED and done.unseen and done.imported + done.repeated + done.left_out:
        click.echo(f"note: no row has {', '.join(map(in_line, done.unseen))}", err=True)


class _Rejects:
    """Keeps the rows that were left out: all of them in the error file, and the first to be shown."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.first: list[Fault] = []
        self._file: TextIO | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        if self.path is not None:
            try:
                self._file = self._open.enter_context(self.path.open("w", encoding="utf-8"))
            except OSError as fault:
                message = f"{self.path}: {fault.strerror or fault}. Nothing was imported."
                raise click.ClickException(message) from fault
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add(self, fault: Fault) -> None:
        """Write a row down, so that it is there even if the import is cut off."""
        if len(self.first) < MOST_SHOWN:
            self.first.append(fault)
        if self._file is None:
            return
        try:
            written = json.dumps({"line": fault.line, "reason": fault.reason, "row": fault.row}, default=str)
            self._file.write(written + "\n")
            self._file.flush()
        except OSError as failed:
            message = (
                f"{self.path}: {failed.strerror or failed}. The import stopped here; what was imported stays. "
                "Make room and run it again: what is there already is passed over."
            )
            raise click.ClickException(message) from failed


class _Watcher:
    """Shows a bar on a terminal once the import has taken a while."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._console = Console(stderr=True)
        self._bar: Bar | None = None
        self._task = TaskID(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def watch(self, progress: Progress) -> None:
        """Show how far the import has come."""
        if self._bar is None:
            if time.monotonic() - self._started < QUIET_SECONDS or not self._console.is_terminal:
                return
            parts = (TextColumn("Importing"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rows]}"))
            self._bar = Bar(*parts, TimeRemainingColumn(), console=self._console, transient=True)
            self._bar.start()
            self._task = self._bar.add_task("import", total=progress.total or None, rows="")
        rows = f"{progress.imported + progress.repeated:,} rows, {progress.left_out:,} left out"
        self._bar.update(self._task, completed=progress.done, rows=rows)
