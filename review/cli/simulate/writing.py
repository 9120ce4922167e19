"""The files that a simulation leaves: a chart, and a table of items."""

import csv
import io
from pathlib import Path

import click

from review.cli.simulate.chart import chart_of
from review.datasets.whole_file import whole_file
from review.escalation.simulation.report import is_in_time
from review.escalation.simulation.rules import Run

__all__ = ["chart_of", "items_of", "write"]

COLUMNS = (
    *("number", "arrived_at", "pool", "policy", "priority", "due_at", "claimed_at", "decided_at"),
    *("in_time", "breached_at", "pool_at_end", "priority_at_end", "steps", "fallback"),
)


def items_of(run: Run) -> str:
    """Give a line of CSV for each item, in the order of their arrival."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)

    def at(offset: int | None) -> str:
        return "" if offset is None else run.scenario.instant(offset).isoformat()

    for case in run.cases:
        arrival = case.arrival
        times = (at(arrival.due), at(case.claimed_at), at(case.decided_at))
        in_time = (
            "" if arrival.due is None or (case.decided_at is None and case.breached_at is None) else is_in_time(case)
        )
        rows.writerow(
            (
                *(
                    case.number + 1,
                    at(arrival.at),
                    case.home.name,
                    arrival.stream.policy or "",
                    arrival.priority,
                    *times,
                ),
                *(str(in_time).lower(), at(case.breached_at), case.pool.name, case.priority, len(case.taken)),
                case.fallback or "",
            )
        )
    return text.getvalue()


def write(path: Path, text: str) -> None:
    """Write a file whole, or leave what was there.

    Raises:
        click.ClickException: it cannot be written (exit status 1).
    """
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")  # a device or a pipe is written to, not replaced
            return
        with whole_file(path.resolve()) as file:
            file.write(text.encode())
    except OSError as fault:
        message = f"{path}: {fault.strerror or fault}. No part of it was left behind."
        raise click.ClickException(message) from fault
