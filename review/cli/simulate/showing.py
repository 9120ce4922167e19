"""What a simulation prints for people: what went wrong first, then figures, hours, and a chart of characters."""

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from rich import box
from rich.console import Console
from rich.table import Table

from review.cli.simulate import words
from review.escalation.simulation.report import Hour, PoolTotals, Report, StepTotals, Waits

_WIDTH_OF_FILES = 100  # columns, where there is no terminal to say
_LONGEST_CHART = 96  # characters; more hours share one
_BARS, _PLAIN_BARS = " ▁▂▃▄▅▆▇█", " .:-=+*#@"


def show(made: Report) -> None:
    """Print a report to standard output."""
    width = None if sys.stdout.isatty() else _WIDTH_OF_FILES
    console = Console(width=width, markup=False, highlight=False, emoji=False)
    console.print(words.title(made), style="bold")
    for sentence in words.verdict(made):
        console.print(sentence)
    console.print()
    for table in _tables(made):
        console.print(table)
        if table.box is None:
            console.print()
    bars = _BARS if console.encoding.lower().startswith("utf") else _PLAIN_BARS
    for line in _chart(made, bars):
        console.print(line, no_wrap=True, overflow="crop")
    if made.assumed:
        console.print("\nAssumed, for it was not said:", style="bold")
        for each in made.assumed:
            console.print(f"  {each}", style="dim")


def _tables(made: Report) -> Iterable[Table]:
    yield _totals(made)
    yield _pools(made.pools)
    if made.policies:
        yield _policies(made)
    if made.steps:
        yield _steps(made.steps)
    yield _hours(made)


def _table(title: str, *columns: str, texts: int = 1) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for at, column in enumerate(columns):
        table.add_column(column, justify="left" if at < texts else "right")
    return table


def _totals(made: Report) -> Table:
    totals = made.totals
    table = Table(title="All together", title_justify="left", title_style="bold", show_header=False, box=None)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    fallbacks = ", ".join(f"{count:,} {name}" for name, count in totals.decided_by_fallback.items())
    worst = "" if totals.worst_overdue is None else f"the worst by {words.length(totals.worst_overdue)}"
    next_due = "" if totals.next_due_at is None else f"the next is due {words.due(made, totals.next_due_at)}"
    table.add_row("Arrived", f"{totals.arrived:,}", "")
    table.add_row("Decided", f"{totals.decided:,}", "")
    table.add_row("  in time", words.share(totals.in_time_share), "of what was decided or came due")
    table.add_row("  by a ladder's fallback", f"{sum(totals.decided_by_fallback.values()):,}", fallbacks)
    table.add_row("Breached", f"{totals.breached:,}", worst)
    table.add_row("First claims missed", f"{totals.first_claims_missed:,}", "")
    table.add_row("Warnings", f"{totals.warnings:,}", "")
    table.add_row("Escalation steps taken", f"{totals.escalations:,}", "")
    table.add_row("Waiting for a claim", words.length(totals.waits.p50), f"median; {_tail(totals.waits)}")
    table.add_row("Left at the end", f"{totals.waiting_at_end + totals.in_hand_at_end:,}", next_due)
    return table


def _tail(waits: Waits) -> str:
    return f"90% up to {words.length(waits.p90)}, 99% up to {words.length(waits.p99)}"


def _pools(pools: Sequence[PoolTotals]) -> Table:
    columns = ("Pool", "People", "Arrived", "Moved in", "Decided", "Breached", "Left", "Busy", "p50", "p90", "p99")
    table = _table("By pool; p50, p90 and p99 are of the wait for a claim", *columns)
    for each in pools:
        waits = (words.length(wait) for wait in (each.waits.p50, each.waits.p90, each.waits.p99))
        counts = (each.people, each.arrived, each.moved_in, each.decided, each.breached, each.waiting_at_end)
        table.add_row(each.pool, *(f"{count:,}" for count in counts), words.share(each.utilisation), *waits)
    return table


def _policies(made: Report) -> Table:
    columns = ("Policy", "Arrived", "In time", "Breached", "First due", "Last due", "To spare p50")
    table = _table("By policy", *columns)
    for each in made.policies:
        counts = (each.arrived, each.decided_in_time, each.breached)
        dues = (words.due(made, at) for at in (each.first_due_at, each.last_due_at))
        table.add_row(each.policy, *(f"{count:,}" for count in counts), *dues, words.length(each.to_spare_p50))
    return table


def _steps(steps: Sequence[StepTotals]) -> Table:
    table = _table("Escalations", "Policy", "Step", "At", "Taken", "Dead end", "What it did", texts=2)
    table.columns[-1].justify = "left"
    for each in steps:
        did = words.deeds(each)
        table.add_row(each.policy, f"{each.step}", each.after, f"{each.taken:,}", f"{each.skipped:,}", did)
    return table


def _hours(made: Report) -> Table:
    columns = ("Hour", "Pool", "Arrived", "Moved in", "Decided", "Breached", "Waiting", "Overdue", "People", "Busy")
    table = _table(f"By hour ({made.timezone}); waiting and overdue as the hour ends", *columns, texts=2)
    before: datetime | None = None
    for each in made.hours:
        if each.is_quiet:
            continue
        counts = (each.arrived, each.moved_in, each.decided, each.breached, each.waiting, each.overdue)
        table.add_row(
            "" if each.begins == before else words.hour(made, each.begins),
            each.pool,
            *(f"{count:,}" if count else "·" for count in counts),
            f"{each.people:g}",
            words.share(each.utilisation),
        )
        before = each.begins
    return table


def _chart(made: Report, bars: str) -> Iterable[str]:
    """Draw what waits at the end of each hour, a line for each pool, all by one measure."""
    hours = {pool.pool: [hour for hour in made.hours if hour.pool == pool.pool] for pool in made.pools}
    one = next(iter(hours.values()))
    count = len(one)
    step = -(-count // _LONGEST_CHART) or 1
    levels = {pool: [max(part, key=_waiting) for part in _parts(found, step)] for pool, found in hours.items()}
    peak = max((each.waiting for found in levels.values() for each in found), default=0)
    width = max((len(pool) for pool in hours), default=0)
    each_is = "an hour" if step == 1 else f"{step} hours"
    yield f"Reviews waiting as the hour ends; each column is {each_is}, a full one is {peak:,}"
    for pool, found in levels.items():
        drawn = "".join(_bar(each.waiting, peak, bars) for each in found)
        top = max(found, key=_waiting)
        told = f"most {top.waiting:,}, {words.hour(made, top.begins + timedelta(hours=1))}" if top.waiting else "none"
        yield f"{pool:<{width}} |{drawn}| {told}"
    first = [found[0].begins for found in _parts(one, step)]
    yield f"{'':<{width}}  {_axis(first)}"


def _axis(begins: Sequence[datetime]) -> str:
    """Name every sixth column by its hour."""
    return "".join(f"{each:%H}".ljust(6) for each in begins[::6])[: len(begins)]


def _waiting(hour: Hour) -> int:
    return hour.waiting


def _parts(hours: Sequence[Hour], step: int) -> Iterable[Sequence[Hour]]:
    return (hours[at : at + step] for at in range(0, len(hours), step))


def _bar(level: int, peak: int, bars: str) -> str:
    """Choose a bar; something is never shown as nothing."""
    return bars[-(-level * (len(bars) - 1) // peak)] if level else bars[0]
