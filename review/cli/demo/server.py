"""The demo's stack as a process of its own, which ends when the demo does, however that ends."""

import sys
from pathlib import Path

import click

from review.embedded import lifeline
from review.embedded.stack import Commands, StackOptions, run_stack
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
    run_stack(options, say=lambda text: click.echo(text, err=True), ready=click.echo)


if __name__ == "__main__":
    serve()
