"""The command `review up`."""

import os
import sys
from contextlib import suppress
from pathlib import Path

import click

from review.configuration.providers import load_providers
from review.embedded import directory
from review.embedded.stack import Commands, StackOptions, run_stack
from review.kernel import checks
from review.kernel.settings import Settings


@click.command()
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="REVIEW_DATA_DIR",
    default=directory.DEFAULT,
    show_default=True,
    help="Where the database lies; made if it does not exist.  [env: REVIEW_DATA_DIR]",
)
@click.option("--port", type=click.IntRange(0, 65535), help="Where to listen; 0 takes a free port.  [default: 8400]")
def up(data_dir: Path, port: int | None) -> None:
    """Run everything on this machine: PostgreSQL, Redis, migrations, web and worker.

    Prints `ready: URL` when the pages answer. Ctrl-C or SIGTERM stops it all; the data stays in the directory.
    """
    settings = Settings.from_env()
    checks.insist_on_listening(settings)
    load_providers(settings.oidc_file, os.environ)  # refused before anything is started
    review = (sys.executable, "-m", "review.cli.main")
    options = StackOptions(
        directory=data_dir,
        host=settings.host,
        port=settings.port if port is None else port,
        commands=Commands(migrate=(*review, "migrate"), web=(*review, "web"), worker=(*review, "worker")),
    )
    run_stack(
        options,
        say=_say,
        ready=lambda address: click.echo(f"ready: {address}"),
    )


def _say(text: str) -> None:
    """Tell the person at the terminal; a terminal that has gone away stops nothing."""
    with suppress(OSError):
        click.echo(text, err=True)
