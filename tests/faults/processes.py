"""Processes of the product over servers of the test's own: started, stopped, killed, and with a clock that is wrong."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from review.kernel.sealing import new_sealing_key
from review.kernel.settings import Settings

LISTENING = re.compile(r"Listening on (http://\S+)")
# The servers of tests: the role may do everything, and nothing is written to the disk.
UNSAFE = {
    "REVIEW_ALLOW_SUPERUSER": "true",
    "REVIEW_ALLOW_DATA_LOSS": "true",
    "REVIEW_SECRET_KEY": new_sealing_key(),
}
SKEWED = Path(__file__).parent / "skewed"


class Running:
    """One `review` process and what it says on standard error."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[str] = []
        self.url = ""
        self._listening = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def listening(self) -> str:
        """Wait until a web process listens, and give its address."""
        await asyncio.wait_for(self._listening.wait(), 30)
        assert self.url, "".join(self.said)
        return self.url

    async def kill(self) -> None:
        """End it as kill -9 does."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self._reading

    async def stop(self, within: float) -> int:
        """Ask it to stop, as an orchestrator does, and give its status.

        Raises:
            TimeoutError: it takes longer than that.
        """
        self.process.send_signal(signal.SIGTERM)
        status = await asyncio.wait_for(self.process.wait(), within)
        await self._reading
        return status

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for raw in self.process.stderr:
            line = raw.decode(errors="replace")
            self.said.append(line)
            found = LISTENING.search(line)
            if found:
                self.url = found[1]
                self._listening.set()
        self._listening.set()


async def start(settings: Settings, *arguments: str, skew_seconds: float = 0) -> Running:
    """Start `review` with these settings; its wall clock may be off."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REVIEW_")} | UNSAFE
    for field, value in msgspec.to_builtins(settings).items():
        default = getattr(Settings(), field)
        if getattr(settings, field) != default:
            environment[f"REVIEW_{field.upper()}"] = _written(getattr(settings, field), value)
    if skew_seconds:
        environment |= {"PYTHONPATH": str(SKEWED), "COUNTERSIGN_TEST_SKEW_SECONDS": str(skew_seconds)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "review.cli.main", *arguments),
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    return Running(process)


def _written(value: object, builtin: object) -> str:
    if isinstance(value, tuple):
        return ",".join(str(each) for each in value)
    seconds = getattr(value, "total_seconds", None)
    return str(seconds() if seconds is not None else builtin)


@asynccontextmanager
async def running(settings: Settings, *arguments: str, skew_seconds: float = 0) -> AsyncGenerator[Running]:
    """Run a process for the length of a block; what is left of it then is killed."""
    process = await start(settings, *arguments, skew_seconds=skew_seconds)
    try:
        yield process
    finally:
        await process.kill()
