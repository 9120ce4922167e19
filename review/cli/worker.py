"""The command `review worker`."""

import inspect
from importlib import import_module

import click
import msgspec
import uvloop

from review.cli.connection import required_settings
from review.cli.starting import unsearched
from review.embedded import lifeline
from review.kernel import checks

NOWHERE = "127.0.0.1"  # a worker does not listen, whatever REVIEW_HOST says


@click.command()
@click.option("--lifeline-fd", type=int, hidden=True)
def worker(lifeline_fd: int | None) -> None:
    """Sweep timers and run what is scheduled, with REVIEW_DATABASE_URL and REVIEW_REDIS_URL."""
    settings = required_settings("database_url", "redis_url")
    is_embedded = lifeline_fd is not None  # `review up` runs the database
    if lifeline_fd is not None:
        lifeline.watch(lifeline_fd)
    else:
        checks.insist_on_settings(msgspec.structs.replace(settings, host=NOWHERE))
    with unsearched():
        main = import_module("workers.main")
    outcome = main.run(settings, check=None if is_embedded else checks.insist)
    if inspect.iscoroutine(outcome):
        uvloop.run(outcome)
