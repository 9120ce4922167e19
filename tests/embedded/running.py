"""A `review up` of pretended parts, run as a process of its own and looked at from outside."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncpg
import httpx
import msgspec

from review.embedded.directory import StackState

REPOSITORY = Path(__file__).parents[2]


class RunningStack:
    """The process, its address once it is ready, and what it said on standard error."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory = directory
        self.errors = directory.with_name(f"{directory.name}.stderr")
        self.options = options

    def __enter__(self) -> Self:
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.embedded.driver", "up", str(self.directory), *self.options],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=REPOSITORY,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def ready(self) -> str:
        """Wait for the line that says so, and give the address in it."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("ready: "), f"not ready: {line!r} {self.said()}"
        return line.removeprefix("ready: ").strip()

    def state(self) -> StackState:
        return msgspec.json.decode((self.directory / "stack.json").read_bytes(), type=StackState)

    def said(self) -> str:
        return self.errors.read_text()

    def stop(self, act: signal.Signals = signal.SIGTERM, within: float = 20) -> int:
        self.process.send_signal(act)
        return self.process.wait(timeout=within)

    def fails(self) -> str:
        """Wait for it to end by itself with status 1, and give what it said."""
        assert self.process.wait(timeout=60) == 1, self.said()
        return self.said()


def starts(database_url: str) -> int:
    """Count how often a stack was started over a database."""

    async def ask() -> int:
        connection = await asyncpg.connect(database_url)
        try:
            return int(await connection.fetchval("SELECT count(*) FROM starts"))
        finally:
            await connection.close()

    return asyncio.run(ask())


def web_process(address: str) -> int:
    """Ask the pretended web process for its id."""
    return int(httpx.get(f"{address}/readyz", timeout=20).text)


def alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{process_id}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
