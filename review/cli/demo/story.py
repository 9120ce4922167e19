"""What the demo does, step by step, and what it measures on the way."""

import asyncio
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import click
import httpx

from review.cli.connection import settings_for
from review.cli.demo import digits, people, retraining, reviewers, upstream, watching
from review.cli.demo.digits import Digits, Model
from review.cli.demo.people import Access
from review.cli.demo.receiver import Receiver
from review.cli.demo.showing import Steps
from review.cli.demo.stack import Stack
from review.cli.demo.watching import Watched

REQUEST_SECONDS = 30


@dataclass(frozen=True)
class Findings:
    """Everything that one run measured."""

    sent: upstream.Sent
    tally: reviewers.Tally
    sent_later: int
    left_open: int
    labels_before: int
    labels_after: int
    snapshot: retraining.Snapshot
    accuracy_before: float
    accuracy_after: float
    watched: Watched
    seconds: float
    export: Path


async def play(stack: Stack, steps: Steps, receiver: Receiver) -> tuple[Findings, Access]:
    """Start the stack and tell the story once; the stack keeps running, and so does the webhook receiver."""
    began = time.monotonic()
    with steps.step("Starting PostgreSQL, Redis, web and worker"):
        await stack.start()
    with steps.step("Applying the configuration, creating people and keys"):
        access = await people.set_up(settings_for(stack.data_dir), receiver.url)
        await watching.trust(receiver, stack.data_dir)
    with steps.step(f"Training a model on {digits.SEED_LABELS} labelled digits"):
        data = await asyncio.to_thread(digits.load)
        seed = [(each.pixels, each.truth) for each in data.seed]
        first = await asyncio.to_thread(Model, seed)
    async with httpx.AsyncClient(base_url=stack.url, timeout=REQUEST_SECONDS) as client:
        sent, tally = await _loop(client, access, first, data, steps)
        export = stack.data_dir / "feedback.parquet"
        with steps.step("Exporting the feedback: review export --project digits --format parquet"):
            await _export(stack.data_dir, export)
        with steps.step(f"Taking snapshot 1 of the data set {retraining.DATASET}, with the Python client"):
            snapshot = await retraining.take(stack.url, access.analyst_key)
        with steps.step("Training again, on the first labels and those of the snapshot"):
            second = await asyncio.to_thread(Model, [*seed, *snapshot.examples])
        with steps.step("Watching one item run out of time, as a webhook receiver is told"):
            watched = await watching.escalate(client, access.service_key, first, data.reserved[0], receiver, steps)
        with steps.step("Sending a few more, for you", total=len(data.reserved)) as advance:
            later = await upstream.send(client, access.service_key, first, "seed", data.reserved, advance)
    return Findings(
        sent=sent,
        tally=tally,
        sent_later=len(data.reserved),
        left_open=later.queued,
        labels_before=first.examples,
        labels_after=second.examples,
        snapshot=snapshot,
        accuracy_before=first.accuracy(data.held_out),
        accuracy_after=second.accuracy(data.held_out),
        watched=watched,
        seconds=time.monotonic() - began,
        export=export,
    ), access


async def _loop(
    client: httpx.AsyncClient, access: Access, model: Model, data: Digits, steps: Steps
) -> tuple[upstream.Sent, reviewers.Tally]:
    """Send the stream in, and have the simulated reviewers work off what the rules send to people."""
    with steps.step("Submitting its predictions through the API", total=len(data.stream)) as advance:
        sent = await upstream.send(client, access.service_key, model, "seed", data.stream, advance)
    truths = {each.name: each.truth for each in data.stream}
    with steps.step("Simulated reviewers decide the doubtful ones", total=sent.queued) as advance:
        tally = await reviewers.work_off(client, access.tokens, truths, advance)
    return sent, tally


async def _export(data_dir: Path, path: Path) -> None:
    """Run the very command that a data scientist would."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "review.cli.main", "export", "--project", people.PROJECT, "--format", "parquet"),
        *("--out", str(path), "--data-dir", str(data_dir)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    if process.returncode != 0:
        raise click.ClickException(said.decode(errors="replace"))
