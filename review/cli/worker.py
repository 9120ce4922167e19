"""The command `review worker`."""

import inspect
from importlib import import_module

import click
import uvloop

from review.cli.connection import required_settings
from review.embedded import lifeline


@click.command()
@click.option("--lifeline-fd", type=int, hidden=True)
def worker(lifeline_fd: int | None) -> None:
    """Sweep timers and run what is scheduled, with REVIEW_DATABASE_URL and REVIEW_REDIS_URL."""
    settings = required_settings("database_url", "redis_url")
    if lifeline_fd is not None:
        lifeline.watch(lifeline_fd)
    outcome = import_module("workers.main").run(settings)
    if inspect.iscoroutine(outcome):
        uvloop.run(outcome)
