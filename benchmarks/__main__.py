"""The command `python -m benchmarks`."""

import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import click
import msgspec
import uvloop

from benchmarks import document, machine, table
from benchmarks.rounds import Effort
from benchmarks.rows import (
    audit,
    backtest,
    beside,
    claim,
    erasure,
    export,
    intake_http,
    intake_sql,
    keystrokes,
    lateness,
    lease,
    pages,
    replay,
    routing,
    similar,
    sweep,
    waiting,
    wakeups,
    webhooks,
    weight,
)
from benchmarks.stage import Stage, console

Row = Callable[[Stage, Effort], Awaitable[list[table.Line]]]

ROWS: dict[str, Row] = {
    "G1": intake_sql.measure,
    "G2": intake_http.measure_single,
    "G3": intake_http.measure_batch,
    "G4": claim.measure,
    "G6": sweep.measure,
    "G7": lateness.measure,
    "G8": lease.measure,
    "G9": wakeups.measure,
    "G10": waiting.measure,
    "G11": pages.measure,
    "similar": similar.measure,
    "weight": weight.measure,
    "G12": export.measure,
    "G13": beside.measure,
    "erasure": erasure.measure,
    "G14": webhooks.measure,
    "G15": audit.measure,
    "G16": routing.measure,
    "G19": replay.measure,
    "backtest": backtest.measure,
    "keystrokes": keystrokes.measure,
}
TEN_MILLION = 10_000_000


@click.command()
@click.argument("goals", nargs=-1, type=click.Choice(list(ROWS)))
@click.option("--quick", is_flag=True, help="Short windows and small tables: shows that it runs, measures little.")
@click.option("--pairs", type=click.IntRange(1), help="Pairs of windows for each ratio.  [default: 7]")
@click.option("--seconds", type=float, help="Length of one window.  [default: 5]")
@click.option("--ten-million", is_flag=True, help="Claim from and list 10 million open items too; takes 30 GB of disk.")
@click.option("--write", type=click.Path(dir_okay=False, path_type=Path), help="Write the results as Markdown.")
def main(
    *,
    goals: tuple[str, ...],
    quick: bool,
    pairs: int | None,
    seconds: float | None,
    ten_million: bool,
    write: Path | None,
) -> None:
    """Measure Countersign against its GOALS (all by default), each as a ratio to a baseline of the same run."""
    effort = Effort.quick() if quick else Effort()
    if pairs is not None:
        effort = msgspec.structs.replace(effort, pairs=pairs)
    if seconds is not None:
        effort = msgspec.structs.replace(effort, seconds=seconds)
    if ten_million:
        effort = msgspec.structs.replace(
            effort, depths=(*effort.depths, TEN_MILLION), listed=(*effort.listed, TEN_MILLION)
        )
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        Path(directory).chmod(0o755)  # PostgreSQL runs under another account when we are root
        results = uvloop.run(_measure(Path(directory), goals or tuple(ROWS), effort))
    table.show(results.lines)
    if write is not None:
        document.write(write, results)
    sys.exit(1 if results.failed or any(line.outcome == "missed" for line in results.lines) else 0)


async def _measure(directory: Path, goals: tuple[str, ...], effort: Effort) -> document.Results:
    lines: list[table.Line] = []
    conditions: dict[str, machine.Conditions] = {}
    failed: list[str] = []
    with console.status("starting PostgreSQL") as status, Stage(directory) as stage:
        version = await stage.prepare()
        for goal in goals:
            status.update(f"measuring {goal}")
            watch = machine.Watch(directory)
            try:
                measured = await ROWS[goal](stage, effort)
            except Exception:  # noqa: BLE001  half an hour of other goals is worth keeping
                console.print_exception()
                failed.append(goal)
                continue
            conditions[goal] = watch.conditions()
            lines += measured
            for line in measured:
                told = f"{line.median:.2f}{line.unit} {line.outcome} ({line.seen})"
                console.print(f"{goal} {line.what}: {told}")
            console.print(f"{goal} [dim]{conditions[goal]}[/]")
    return document.Results(machine.describe(version), effort, tuple(lines), conditions, tuple(failed))


if __name__ == "__main__":
    main()
