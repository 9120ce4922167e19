"""Starts services, notices when one ends, and starts it again with growing patience."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from review.embedded.errors import ServerFailed

Say = Callable[[str], None]


class Service(Protocol):
    """Something that runs until it is stopped or dies."""

    @property
    def name(self) -> str:
        """What a person calls it."""
        ...

    async def start(self) -> None:
        """Start it, and return when it has started."""
        ...

    async def ended(self) -> str:
        """Return when it has ended, saying how."""
        ...

    async def stop(self, within: timedelta) -> None:
        """Stop it, by force past the deadline; does nothing if it is not running."""
        ...

    def stop_now(self) -> None:
        """Cut a stop that is under way short; loses nothing committed."""
        ...


@dataclass(frozen=True)
class Patience:
    """When to start a service again, and when to give up: after `deaths` in a row, none having lived for `quick`."""

    deaths: int = 5
    quick: timedelta = timedelta(seconds=10)
    first_delay: timedelta = timedelta(milliseconds=500)
    longest_delay: timedelta = timedelta(seconds=8)

    def delay(self, death: int) -> timedelta:
        """Give the pause after the first, second, … death in a row: each is twice the one before."""
        return min(self.first_delay * (1 << min(death - 1, 20)), self.longest_delay)


async def keep_alive(service: Service, patience: Patience, say: Say) -> None:
    """Start a running service again whenever it ends; returns only by raising.

    Raises:
        ServerFailed: it died too often in a row.
    """
    deaths = 0
    while True:
        since = time.monotonic()
        how = await service.ended()
        lived = time.monotonic() - since
        deaths = deaths + 1 if lived < patience.quick.total_seconds() else 1
        while True:
            if deaths >= patience.deaths:
                message = f"The {service.name} ended {deaths} times in a row, and was given up ({how})."
                raise ServerFailed(message)
            pause = patience.delay(deaths)
            say(f"The {service.name} ended ({how}). It starts again in {pause.total_seconds():g} s.")
            await asyncio.sleep(pause.total_seconds())
            try:
                await service.start()
                break
            except ServerFailed as fault:
                deaths, how = deaths + 1, fault.message


@dataclass
class Program:
    """A command run as a service; what it prints goes to our standard error."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    pass_fds: tuple[int, ...] = ()
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the command."""
        self.process = await asyncio.create_subprocess_exec(
            *self.command,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr.fileno(),
            env={**os.environ, **self.environment},
            pass_fds=self.pass_fds,
            start_new_session=True,  # Ctrl-C reaches us alone; the order of stopping is ours to keep
        )

    async def ended(self) -> str:
        """Wait for the command to end."""
        if self.process is None:
            return "never started"
        return how_ended(await self.process.wait())

    async def stop(self, within: timedelta) -> None:
        """Ask it to end (SIGTERM), and past the deadline kill it with all it started."""
        process = self.process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), within.total_seconds())
        except TimeoutError:
            self.stop_now()
            await process.wait()

    def stop_now(self) -> None:
        """Kill it with all it started."""
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)


class BlockingServer(Protocol):
    """An embedded server, whose calls block."""

    process: subprocess.Popen[bytes] | None

    def start(self) -> None:
        """Start it, and return when it takes connections."""
        ...

    def stop(self, within: timedelta) -> None:
        """Stop it, by force past the deadline."""
        ...

    def stop_now(self) -> None:
        """Cut a stop that is under way short."""
        ...


@dataclass
class Server:
    """An embedded server run as a service, its blocking calls kept off the event loop."""

    name: str
    server: BlockingServer

    async def start(self) -> None:
        """Start it; a cancelled start is still waited for, so that nothing half-started stays behind."""
        starting = asyncio.ensure_future(asyncio.to_thread(self.server.start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            await asyncio.wait([starting])
            raise

    async def ended(self) -> str:
        """Wait for the server to end."""
        process = self.server.process
        if process is None:
            return "never started"
        return how_ended(await asyncio.to_thread(process.wait))

    async def stop(self, within: timedelta) -> None:
        """Stop it, by force past the deadline."""
        await asyncio.to_thread(self.server.stop, within)

    def stop_now(self) -> None:
        """Cut a stop that is under way short."""
        self.server.stop_now()


def how_ended(status: int) -> str:
    """Put a process's return code into words."""
    if status >= 0:
        return f"exit status {status}"
    with suppress(ValueError):
        return f"killed by {signal.Signals(-status).name}"
    return f"killed by signal {-status}"
