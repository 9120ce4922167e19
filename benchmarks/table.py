"""The lines of the result, printed for the terminal and written for the documentation."""

import statistics
from collections.abc import Sequence
from typing import Literal

import msgspec
from rich.console import Console
from rich.table import Table

CALM = (0.93, 1.07)
HEADINGS = ("", "What", "against", "median", "min", "max", "goal", "", "A/A", "seen")

Outcome = Literal["met", "missed", "void", "–"]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One measured figure; most are ratios, one of each pair.

    `bound` is a least value, or with `at_most` a greatest, and None where the figure is only shown. `control` is
    the A/A median of a timed run and None for what is counted. `seen` says in words what the ratio is made of.
    """

    goal: str
    what: str
    against: str
    values: tuple[float, ...]
    bound: float | None
    at_most: bool = False
    unit: str = "×"
    control: float | None = None
    seen: str = ""

    @property
    def median(self) -> float:
        """Give the figure that counts."""
        return statistics.median(self.values)

    @property
    def outcome(self) -> Outcome:
        """Tell whether the goal was met; a timed run on a restless machine says nothing."""
        if self.bound is None:
            return "–"
        if self.control is not None and not CALM[0] <= self.control <= CALM[1]:
            return "void"
        met = self.median <= self.bound if self.at_most else self.median >= self.bound
        return "met" if met else "missed"

    def cells(self) -> tuple[str, ...]:
        """Give the texts of the table's row."""
        bound = "–" if self.bound is None else f"{'≤' if self.at_most else '≥'} {_number(self.bound)}{self.unit}"
        spread = (min(self.values), max(self.values))
        return (
            self.goal,
            self.what,
            self.against,
            *(f"{_number(value)}{self.unit}" for value in (self.median, *spread)),
            bound,
            self.outcome,
            "–" if self.control is None else f"{self.control:.2f}",
            self.seen,
        )


def show(lines: Sequence[Line]) -> None:
    """Print the table to stdout."""
    table = Table()
    for heading in HEADINGS:
        table.add_column(heading, justify="right" if heading in {"median", "min", "max", "goal"} else "left")
    colours = {"met": "green", "missed": "red", "void": "yellow", "–": ""}
    for line in lines:
        cells = line.cells()
        colour = colours[line.outcome]
        table.add_row(*(f"[{colour}]{cell}[/]" if colour and cell == line.outcome else cell for cell in cells))
    Console(width=None if Console().is_terminal else 200).print(table)


def markdown(lines: Sequence[Line]) -> str:
    """Give the table as Markdown."""
    rows = [HEADINGS, tuple("---" for _ in HEADINGS), *(line.cells() for line in lines)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def _number(value: float) -> str:
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"
