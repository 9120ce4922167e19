"""Starting the demo's stack and stopping it."""

import asyncio
import os
import sys
from collections import deque
from pathlib import Path

import click

KEPT_LINES = 20
# The demo's webhook receiver listens on this machine, without TLS; elsewhere that takes an operator's leave.
LEAVE = {"REVIEW_WEBHOOK_ALLOW_NETWORKS": "127.0.0.1/32", "REVIEW_WEBHOOK_ALLOW_HTTP": "true"}


class Stack:
    """PostgreSQL, Redis, web and worker of one demo, from entering the block to leaving it.

    They run in a session of their own, so that Ctrl-C reaches the demo alone and the demo stops them in order.
    """

    def __init__(self, data_dir: Path, port: int) -> None:
        self.data_dir = data_dir
        self.url = ""
        self._port = port
        self._said: deque[str] = deque(maxlen=KEPT_LINES)
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start everything and wait until the pages answer.

        Raises:
            click.ClickException: it did not come up; the message is what the stack said.
        """
        reading, self._lifeline = os.pipe()
        arguments = ("--data-dir", str(self.data_dir), "--port", str(self._port), "--lifeline-fd", str(reading))
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "review.cli.demo.server", *arguments),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=os.environ | LEAVE,
                start_new_session=True,
                pass_fds=(reading,),
            )
        finally:
            os.close(reading)
        self._listening = asyncio.create_task(self._listen(self._process))
        assert self._process.stdout is not None  # noqa: S101  asked for with PIPE
        self.url = (await self._process.stdout.readline()).decode().strip()
        if not self.url:
            await self._listening
            raise click.ClickException("\n".join(self._said).removeprefix("Error: ") or "The stack ended unasked.")

    async def ended(self) -> None:
        """Wait until the stack ends by itself, which it should not.

        Raises:
            click.ClickException: it ended; the message is what it said last.
        """
        assert self._process is not None  # noqa: S101  started before
        await self._process.wait()
        raise click.ClickException("\n".join(("The stack ended by itself.", *self._said)))

    def hurry(self) -> None:
        """Ask a stack that is stopping to hurry."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()

    async def stop(self) -> None:
        """Stop everything in order and wait for it."""
        if self._process is None:
            return
        self.hurry()
        await self._process.wait()
        if self._listening is not None:
            await self._listening
        os.close(self._lifeline)

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None  # noqa: S101  asked for with PIPE
        async for line in process.stderr:
            self._said.append(line.decode(errors="replace").rstrip())
