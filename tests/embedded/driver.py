"""A small stack of real servers and pretended web and worker processes: `python -m tests.embedded.driver up DIR`."""

import argparse
import asyncio
import http.server
import os
import signal
import socket
import socketserver
import sys
import threading
from datetime import timedelta
from pathlib import Path

import asyncpg
import click

from review.embedded import lifeline
from review.embedded.stack import Commands, StackOptions, run_stack
from review.embedded.supervisor import Patience
from review.kernel.errors import ReviewError


def up(arguments: argparse.Namespace) -> None:
    me = (sys.executable, "-m", "tests.embedded.driver")
    options = StackOptions(
        directory=Path(arguments.directory),
        host="127.0.0.1",
        port=arguments.port,
        commands=Commands(
            migrate=(*me, "migrate"),
            web=(*me, "web"),
            worker=(*me, "worker", "--behaviour", arguments.worker),
        ),
        patience=Patience(deaths=3, first_delay=timedelta(milliseconds=50)),
    )
    try:
        run_stack(
            options,
            say=lambda text: click.echo(text, err=True),
            ready=lambda address: click.echo(f"ready: {address}"),
        )
    except ReviewError as refusal:
        sys.exit(refusal.message)


async def migrate() -> None:
    """Count the starts, so that a test sees whether data survives them."""
    connection = await asyncpg.connect(os.environ["REVIEW_DATABASE_URL"])
    await connection.execute("CREATE TABLE IF NOT EXISTS starts (at timestamptz)")
    await connection.execute("INSERT INTO starts VALUES (now())")
    await connection.close()


class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()
        self.wfile.write(str(os.getpid()).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name that the standard library gives it
        """Say nothing."""


def web(arguments: argparse.Namespace) -> None:
    lifeline.watch(arguments.lifeline_fd)
    server = socketserver.TCPServer(("", 0), Ready, bind_and_activate=False)
    server.socket.close()
    server.socket = socket.socket(fileno=arguments.socket_fd)
    server.serve_forever()


def worker(arguments: argparse.Namespace) -> None:
    if arguments.behaviour == "dies":
        sys.exit(7)
    if arguments.behaviour == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        lifeline.watch(arguments.lifeline_fd)
    threading.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parts = parser.add_subparsers(dest="part", required=True)
    starter = parts.add_parser("up")
    starter.add_argument("directory")
    starter.add_argument("--port", type=int, default=0)
    starter.add_argument("--worker", default="works")
    parts.add_parser("migrate")
    for name in ("web", "worker"):
        child = parts.add_parser(name)
        child.add_argument("--lifeline-fd", type=int)
        child.add_argument("--socket-fd", type=int)
        child.add_argument("--behaviour", default="works")
    arguments = parser.parse_args()
    if arguments.part == "migrate":
        asyncio.run(migrate())
    else:
        {"up": up, "web": web, "worker": worker}[arguments.part](arguments)


if __name__ == "__main__":
    main()
