"""What the demo shows: steps with progress on standard error, findings on standard output."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

if TYPE_CHECKING:
    from review.cli.demo.story import Findings


class Steps:
    """Shows the step that is running with its progress, and leaves a line with its time for each that is done."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)

    def say(self, line: str) -> None:
        """Tell something about the step that is running."""
        self._console.print(f"  {line}", soft_wrap=True)

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Generator[Callable[[int], None]]:
        """Show a step while the block runs; the block is given what it calls to advance."""
        began = time.monotonic()
        bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            *((BarColumn(), MofNCompleteColumn()) if total else ()),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        with bar:
            task = bar.add_task(title, total=total)
            yield lambda count: bar.advance(task, count)
        self._console.print(f"[green]✓[/] {title} [dim]{time.monotonic() - began:.1f} s[/]")


def table_of(found: "Findings") -> Table:
    """Lay the findings out."""
    sent, tally = found.sent, found.tally
    total = sent.approved + sent.queued
    table = Table(title="What this run measured", title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")
    table.add_row("Predictions submitted", f"{total:,}", "handwritten digits, through the HTTP API")
    table.add_row("Auto-approved", f"{sent.approved:,}", f"{_share(sent.approved, total)} of them, by rule")
    table.add_row(
        "  of these wrong", f"{sent.approved_wrongly:,}", f"error rate {_share(sent.approved_wrongly, sent.approved)}"
    )
    table.add_row("Reviewed by people", f"{tally.reviewed:,}", "doubtful ones, and the audit sample")
    table.add_row("  of these corrected", f"{tally.corrected:,}", f"{_share(tally.corrected, tally.reviewed)} of them")
    table.add_row(
        "  audit sample", f"{tally.audited:,}", f"{tally.audited_wrong} corrected; the rules would pass these"
    )
    snapshot = found.snapshot
    told = f"labels, by the digest {snapshot.sha256[:12]}"
    table.add_row(f"Snapshot {snapshot.number}", f"{snapshot.records:,}", told)
    table.add_row(
        "Held-out accuracy before", _percent(found.accuracy_before), f"trained on {found.labels_before:,} labels"
    )
    table.add_row(
        "Held-out accuracy after",
        _percent(found.accuracy_after),
        f"trained on {found.labels_after:,} labels, with these",
    )
    table.add_row("Left for you", f"{found.left_open:,}", f"open in the queue, of {found.sent_later:,} more")
    watched = found.watched
    table.add_row(
        "Webhooks", f"{watched.told:,}", f"told of decisions and clocks, {watched.refused} with a bad signature"
    )
    table.add_row(
        "Escalated", f"{watched.seconds:.1f} s", "after arrival, for an item due within 12 s that nobody took"
    )
    table.add_row("Time", f"{found.seconds:.0f} s", "from start to here")
    return table


def _share(part: int, whole: int) -> str:
    return _percent(part / whole) if whole else "-"


def _percent(share: float) -> str:
    return f"{share:.1%}"
