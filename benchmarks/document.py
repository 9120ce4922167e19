"""The page docs/benchmarks.md: what was measured, where, and what is to be said about it."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from benchmarks.machine import Conditions
from benchmarks.rounds import Effort
from benchmarks.table import Line, markdown

BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"


class Results(msgspec.Struct, frozen=True):
    """Everything one run found out."""

    machine: str
    effort: Effort
    lines: tuple[Line, ...]
    conditions: Mapping[str, Conditions]
    failed: tuple[str, ...] = ()


def write(path: Path, results: Results) -> None:
    """Put the results between the page's two marks; what is written around them stays."""
    page = path.read_text() if path.exists() else f"# Benchmarks\n\n{BEGIN}{END}"
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}{_measured(results)}{END}{after}")


def _measured(results: Results) -> str:
    effort = results.effort
    failed = "".join(f"{goal} could not be measured.\n\n" for goal in results.failed)
    conditions = "".join(f"- {goal}: {each}\n" for goal, each in results.conditions.items())
    return (
        f"{results.machine}.\n{effort.pairs} pairs of {effort.seconds:g} s windows.\n\n"
        f"{markdown(results.lines)}\n{failed}The machine meanwhile:\n\n{conditions}"
    )
