"""The command `review demo`."""

import asyncio
import contextlib
import importlib.util
import signal
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from review.cli.demo import people
from review.cli.demo.receiver import Receiver
from review.cli.demo.showing import Steps, table_of
from review.cli.demo.stack import Stack
from review.kernel.settings import Settings

if TYPE_CHECKING:
    from review.cli.demo.story import Findings

NEEDED = {"sklearn": "scikit-learn", "PIL": "Pillow", "countersign_client": "the Python client (client/)"}


@click.command()
@click.option("--exit", "leave", is_flag=True, help="End after the findings instead of serving the pages.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the data in this new directory; by default it goes when the demo ends.",
)
@click.option("--port", type=click.IntRange(0, 65535), help="Where to listen; 0 takes a free port.  [default: 8400]")
def demo(leave: bool, data_dir: Path | None, port: int | None) -> None:  # noqa: FBT001  click's flag
    """Show the whole loop on real input, in about half a minute.

    A model trained on few handwritten digits predicts the rest. Confident predictions pass, doubtful ones go to
    simulated reviewers, and the model learns from their labels. Then the pages are yours until Ctrl-C.
    """
    missing = [name for module, name in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        message = (
            f"The demo needs {' and '.join(missing)}, which nothing else here does: in a checkout, `make demo` installs"
            " all of it, or `pip install -e '.[demo]' -e ./client`."
        )
        raise click.ClickException(message)
    chosen = Settings.from_env().port if port is None else port
    with _directory(data_dir) as directory:
        asyncio.run(_run(Stack(directory, chosen), leave=leave))


@contextlib.contextmanager
def _directory(given: Path | None) -> Generator[Path]:
    if given is not None:
        yield given.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="countersign-demo-", ignore_cleanup_errors=True) as temporary:
        yield Path(temporary) / "data"


async def _run(stack: Stack, *, leave: bool) -> None:
    steps = Steps()
    serving = asyncio.Event()
    playing = asyncio.ensure_future(_play_and_serve(stack, steps, serving, leave=leave))

    def asked_to_stop() -> None:
        if not playing.cancel():
            stack.hurry()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, asked_to_stop)
    try:
        await asyncio.wait({playing})
    finally:
        with steps.step("Stopping"):
            await stack.stop()
    if not playing.cancelled():
        playing.result()
    elif not serving.is_set():
        raise click.exceptions.Exit(1)


async def _play_and_serve(stack: Stack, steps: Steps, serving: asyncio.Event, *, leave: bool) -> None:
    # Only now: it takes pyarrow a moment to load, and nobody should wait for that without being told why.
    from review.cli.demo import story  # noqa: PLC0415  pyarrow takes a moment to load

    receiver = Receiver()
    try:
        await _show(stack, *await story.play(stack, steps, receiver), serving, leave=leave)
    finally:
        receiver.close()


async def _show(stack: Stack, found: "Findings", access: people.Access, serving: asyncio.Event, *, leave: bool) -> None:
    """Show what was found, then serve the pages until asked to stop."""
    out = Console(highlight=False, soft_wrap=True)
    out.print()
    out.print(table_of(found))
    if leave:
        return
    out.print(f"\nThe item that escalated:  {found.watched.item_url}")
    out.print(f"Your turn: {found.left_open} digits are waiting at  [bold]{stack.url}/[/]")
    out.print(f"Sign in as  [bold]{people.YOU}[/]  with the password  [bold]{access.password}[/]")
    out.print(f"The labels are in {found.export}\nCtrl-C ends the demo.")
    serving.set()
    await stack.ended()
