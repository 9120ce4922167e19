"""Servers that a killed owner of a data directory left running: found by what they wrote, and stopped."""

import os
import platform
import select
import signal
import socket
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from review.embedded.deadline import Deadline
from review.embedded.errors import ServerFailed

LINUX = platform.system() == "Linux"
PATIENCE = timedelta(seconds=10)


def postmaster(data: Path) -> tuple[int, str] | None:
    """Read the process id and state (`starting`, `ready`, …) that the server over `data` last wrote, if any."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        return int(lines[0]), lines[7].strip() if len(lines) > 7 else "starting"
    except (FileNotFoundError, ValueError, IndexError):
        return None


def stop_postgres(data: Path) -> None:
    """Stop a server that still runs over `data`, waiting until it is gone.

    Raises:
        ServerFailed: it would not go.
    """
    found = postmaster(data)
    if found is None or not _serves(found[0], data):
        return
    for act in (signal.SIGINT, signal.SIGQUIT):
        with suppress(ProcessLookupError):
            os.kill(found[0], act)
        if _gone(found[0], PATIENCE):
            return
    message = (
        f"A PostgreSQL server of an earlier run (process {found[0]}) still uses {data} and does not stop. "
        f"End it with: kill {found[0]}"
    )
    raise ServerFailed(message)


def stop_redis(address: Path) -> None:
    """Ask a Redis that still listens at `address` to end, waiting until it has."""
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(PATIENCE.total_seconds())
        connection.connect(str(address))
        connection.sendall(b"SHUTDOWN NOSAVE\r\n")
        while connection.recv(1024):
            pass


def _serves(process_id: int, data: Path) -> bool:
    """Whether the process is alive and works in `data`; a stale file may name a number long since reused."""
    if LINUX:
        try:
            return Path(f"/proc/{process_id}/cwd").samefile(data)
        except OSError:
            return False
    return _alive(process_id)


def _alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _gone(process_id: int, within: timedelta) -> bool:
    if LINUX:
        try:
            handle = os.pidfd_open(process_id)
        except ProcessLookupError:
            return True
        try:
            return bool(select.select([handle], [], [], within.total_seconds())[0])
        finally:
            os.close(handle)
    deadline = Deadline(within)
    while _alive(process_id) and not deadline.passed:
        select.select([], [], [], 0.05)
    return not _alive(process_id)
