"""Sending to channels through fenced processes of their own, so that one that hangs can be killed."""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping

import msgspec

from review.delivery.notifications.schemas import Message
from review.delivery.notifications.schemes import ENVIRONMENT, PREFIX, SCHEMES, scheme_of
from review.delivery.notifications.sending import SendFailed

CHILDREN = 4
SEND_WITHIN_SECONDS = 20.0
START_WITHIN_SECONDS = 30.0  # reading all of apprise's code from a cold disk
ENDED = "the process that sends to channels ended"
HANDED_ON = ("PATH", "PYTHONPATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "LANG")


class _Reply(msgspec.Struct, frozen=True):
    error: str
    is_final: bool


class Channels:
    """A few processes that send; each serves one message at a time and is killed where that takes too long."""

    def __init__(self, networks: tuple[str, ...], *, within_seconds: float = SEND_WITHIN_SECONDS) -> None:
        self._networks = networks
        self._within_seconds = within_seconds
        self._idle: list[Process] = []
        self._all: set[Process] = set()
        self._slots = asyncio.Semaphore(CHILDREN)

    async def send(self, address: str, message: Message, reference: str) -> None:
        """Send to the apprise URL `address`.

        Raises:
            SendFailed: it was not taken, not in time, or the URL is none that may be used.
        """
        del reference  # no channel has a place for it
        if scheme_of(address) not in SCHEMES:
            why = "its URL begins with a scheme that is not allowed"
            raise SendFailed(why, is_final=True)
        line = {"url": address, "subject": message.subject, "text": message.text}
        async with self._slots:
            child = self._take_idle() or await self._start()
            try:
                reply = await asyncio.wait_for(_ask(child, line), self._within_seconds)
            except TimeoutError as fault:
                why = f"it did not take the message within {self._within_seconds:g} seconds"
                raise SendFailed(why) from fault
            except (OSError, msgspec.DecodeError) as fault:
                raise SendFailed(ENDED) from fault
            else:
                self._idle.append(child)
            finally:
                if child not in self._idle:
                    await self._end(child)
        if reply.error:
            raise SendFailed(reply.error, is_final=reply.is_final)

    async def close(self) -> None:
        """End every process; what is under way in one is given up."""
        for child in list(self._all):
            await self._end(child)

    def _take_idle(self) -> Process | None:
        """Give the process that served last, if it is still there."""
        while self._idle:
            child = self._idle.pop()
            if child.returncode is None:
                return child
            self._all.discard(child)
        return None

    async def _start(self) -> Process:
        """Start a process, and wait until it stands behind its fence.

        Raises:
            SendFailed: it did not come up.
        """
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-B", "-P", "-m", "review.delivery.notifications.child"),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env={name: os.environ[name] for name in HANDED_ON if name in os.environ},
            start_new_session=True,  # Ctrl-C in a terminal is the parent's to act on
        )
        self._all.add(child)
        try:
            await asyncio.wait_for(_ask(child, {"networks": self._networks}), START_WITHIN_SECONDS)
        except BaseException as fault:
            await self._end(child)
            if isinstance(fault, OSError | TimeoutError | msgspec.DecodeError):
                raise SendFailed(ENDED) from fault
            raise
        return child

    async def _end(self, child: Process) -> None:
        self._all.discard(child)
        if child in self._idle:
            self._idle.remove(child)
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()


async def _ask(child: Process, line: Mapping[str, object]) -> _Reply:
    assert child.stdin is not None  # noqa: S101  asked for with PIPE
    assert child.stdout is not None  # noqa: S101  asked for with PIPE
    child.stdin.write(msgspec.json.encode(line) + b"\n")
    await child.stdin.drain()
    return msgspec.json.decode(await child.stdout.readline(), type=_Reply)


def resolve_url(url: str, environ: Mapping[str, str]) -> str:
    """Give a channel's URL, out of the environment where the configuration says `env:NAME`.

    Raises:
        SendFailed: it may not be read from there, or is not set; for good, until the configuration changes.
    """
    if not url.startswith(ENVIRONMENT):
        return url
    name = url.removeprefix(ENVIRONMENT)
    if not name.startswith(PREFIX):
        reason = f"its URL may only be read from variables whose names begin with {PREFIX}"
        raise SendFailed(reason, is_final=True)
    if not environ.get(name):
        reason = f"the worker's environment has no {name}"
        raise SendFailed(reason)
    return environ[name]
