"""The command `review web`."""

import asyncio
import logging
import os
import socket
import sys

import click
import msgspec
import uvicorn
from uvicorn.supervisors import Multiprocess

from review.cli.connection import required_settings
from review.cli.database import explain
from review.cli.starting import unsearched
from review.configuration.providers import load_providers
from review.embedded import lifeline
from review.embedded.listening import address_of, listen
from review.kernel import checks
from review.kernel.errors import Unavailable
from review.kernel.settings import Settings, StartRefused

# `review up` gives web and worker 9 s altogether (review/embedded/stack.py).
OPEN_REQUESTS_END_WITHIN_SECONDS = 6


@click.command()
@click.option("--host", help="Address to listen on.  [env: REVIEW_HOST; default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on.  [env: REVIEW_PORT; default: 8400]")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Number of processes.")
@click.option("--socket-fd", type=int, hidden=True)
@click.option("--lifeline-fd", type=int, hidden=True)
def web(host: str | None, port: int | None, workers: int, socket_fd: int | None, lifeline_fd: int | None) -> None:
    """Serve the pages and the API, with REVIEW_DATABASE_URL and REVIEW_REDIS_URL."""
    settings = required_settings("database_url", "redis_url")
    load_providers(settings.oidc_file, os.environ)  # refused here in a sentence; each process reads it for itself
    host = host or settings.host
    if lifeline_fd is not None:
        lifeline.watch(lifeline_fd)
    if socket_fd is None:
        logging.basicConfig(level=settings.log_level.upper(), format="%(levelname)s %(name)s: %(message)s")
        checks.insist_on_settings(msgspec.structs.replace(settings, host=host))
        listener = listen(host, settings.port if port is None else port)
        try:
            asyncio.run(_reach(settings))
        except (Unavailable, StartRefused):
            listener.close()
            raise
        click.echo(f"Listening on {address_of(listener)}", err=True)
    else:  # `review up` has opened it, and runs the database
        listener = socket.socket(fileno=socket_fd)
    # Each process of the app reads its settings for itself, so they must name where it really listens.
    os.environ.update(REVIEW_HOST=host, REVIEW_PORT=str(listener.getsockname()[1]))
    _serve(listener, workers, settings.log_level)


async def _reach(settings: Settings) -> None:
    """Find out before any process starts whether the database is there and in order, and say it if not."""
    try:
        await checks.insist(settings)
    except checks.UNASKABLE as fault:
        message = f"The database cannot be reached: {explain(fault)}. Nothing is served; start it and try again."
        raise Unavailable(message) from fault


def _serve(listener: socket.socket, workers: int, log_level: str) -> None:
    config = uvicorn.Config(
        "review.web.app:create_app",
        factory=True,
        loop="uvloop",
        http="review.web.protocol:BoundedProtocol",
        ws="none",
        lifespan="on",
        workers=workers,
        access_log=False,
        log_level=log_level,
        server_header=False,
        proxy_headers=False,  # REVIEW_TRUSTED_PROXIES says whose word counts
        timeout_graceful_shutdown=OPEN_REQUESTS_END_WITHIN_SECONDS,
    )
    if workers > 1:
        Multiprocess(config, sockets=[listener]).run()
        return
    with unsearched():
        config.load()
    server = uvicorn.Server(config)
    server.run(sockets=[listener])
    if not server.started:
        sys.exit(1)
