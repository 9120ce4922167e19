"""The demo's stack as a process of its own, which ends when the demo does, however that ends."""

import sys
from contextlib import suppress
from pathlib import Path

import click

from review.cli.main import Refused
from review.embedded import lifeline
from review.embedded.stack import Commands, StackOptions, run_stack
from review.kernel.errors import ReviewError
from review.kernel.settings import Settings


@click.command()
@click.option("--data-dir", type=click.Path(path_type=Path), required=True)
@click.option("--port", type=int, required=True)
@click.option("--lifeline-fd", type=int, required=True)
def serve(data_dir: Path, port: int, lifeline_fd: int) -> None:
    """Run the stack until SIGTERM, or until the other end of the lifeline closes; print its address once it answers."""
    lifeline.watch(lifeline_fd)
    review = (sys.executable, "-m", "review.cli.main")
    options = StackOptions(
        directory=data_dir,
        host=Settings.from_env().host,
        port=port,
        commands=Commands(migrate=(*review, "migrate"), web=(*review, "web"), worker=(*review, "worker")),
    )
    try:
        run_stack(options, say=_say, ready=click.echo)
    except ReviewError as refusal:
        raise Refused(refusal) from refusal


def _say(text: str) -> None:
    with suppress(OSError):  # a demo that was killed reads no more, and the stack must still stop in order
        click.echo(text, err=True)


if __name__ == "__main__":
    serve()
