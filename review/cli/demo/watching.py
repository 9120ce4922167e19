"""One item that nobody takes: its clock warns and runs out, its policy moves it, and the receiver is told."""

import asyncio
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import httpx

from review.cli.demo import people, upstream
from review.cli.demo.digits import Digit, Model
from review.cli.demo.receiver import Receiver, Told
from review.cli.demo.showing import Steps

WITHIN_SECONDS = 60.0  # the second step comes after 12; a machine that is busy with other things has time to spare
MOVED = "seniors"


@dataclass(frozen=True)
class Watched:
    """What was seen: where the item is, when it was moved, and what the receiver was told in all."""

    item_url: str
    seconds: float
    told: int
    refused: int


async def trust(receiver: Receiver, data_dir: Path) -> None:
    """Give the receiver its secret, by the very command that an operator would run.

    Raises:
        click.ClickException: the command failed.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "review.cli.main", "webhooks", "secret", "--project", people.PROJECT),
        *("--name", "scanner", "--data-dir", str(data_dir)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    secret, said = await process.communicate()
    if process.returncode != 0:
        raise click.ClickException(said.decode(errors="replace"))
    receiver.trust(secret.decode().strip())


async def escalate(
    client: httpx.AsyncClient, key: str, model: Model, digit: Digit, receiver: Receiver, steps: Steps
) -> Watched:
    """Submit one urgent item and tell what the receiver is told of it, until its policy has moved it.

    Raises:
        click.ClickException: it was not moved within a minute.
    """
    item = await upstream.send_urgent(client, key, model, digit)
    began, told, wanted = time.monotonic(), 0, {"item.sla_breached", "item.escalated"}
    steps.say(f"{item['url']} is due in 12 s, and nobody takes it")
    try:
        async with asyncio.timeout(WITHIN_SECONDS):
            while True:
                event = await receiver.told.get()
                told += 1
                if event.item != item["id"]:
                    continue
                seconds = time.monotonic() - began
                steps.say(f"{seconds:5.1f} s  {event.kind:<18} {_in_words(event)}")
                if event.kind != "item.escalated" or event.data["pool"] == MOVED:
                    wanted.discard(event.kind)
                if not wanted:
                    return Watched(item["url"], seconds, told, receiver.refused)
    except TimeoutError:
        message = f"The item at {item['url']} was not escalated within {WITHIN_SECONDS:.0f} s; nothing was lost."
        raise click.ClickException(message) from None


def _in_words(event: Told) -> str:
    data: dict[str, Any] = event.data
    if event.kind == "item.escalated":
        return f"step {data['step']} of {data['policy']}: {', '.join(data['done'])}"
    if event.kind == "item.queued":
        return f"by rule {data['rule']}, to {data['pool']}"
    return f"policy {data['policy']}" if data.get("policy") else ""
