"""Simulated reviewers: people with tokens of their own who know the digits, and slip now and then."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from review.cli.demo.upstream import Advance, bearer

POOL = "readers"
AT_ONCE = 5
SLIPS = 0.02
LABELS = tuple("0123456789")


@dataclass
class Tally:
    """What the reviewers did."""

    reviewed: int = 0
    corrected: int = 0
    audited: int = 0
    audited_wrong: int = 0

    def count(self, verdict: str, rule: str) -> None:
        """Count one review."""
        corrected = verdict == "correct"
        self.reviewed += 1
        self.corrected += corrected
        if rule == "audit-sample":
            self.audited += 1
            self.audited_wrong += corrected


async def work_off(
    client: httpx.AsyncClient, tokens: Sequence[str], truths: Mapping[str, str], advance: Advance
) -> Tally:
    """Have everybody claim and review side by side until nothing is open.

    Raises:
        httpx.HTTPStatusError: the API refused a claim or a review.
    """
    tally = Tally()
    async with asyncio.TaskGroup() as group:
        for number, token in enumerate(tokens):
            dice = random.Random(number)  # noqa: S311  decides who slips when
            group.create_task(_work(client, token, truths, dice, tally, advance))
    return tally


async def _work(
    client: httpx.AsyncClient,
    token: str,
    truths: Mapping[str, str],
    dice: random.Random,
    tally: Tally,
    advance: Advance,
) -> None:
    while True:
        answer = await client.post(f"/api/v1/pools/{POOL}/claims", json={"limit": AT_ONCE}, headers=bearer(token))
        claimed: list[dict[str, Any]] = answer.raise_for_status().json()["data"]
        if not claimed:
            return
        for assignment in claimed:
            item = assignment["item"]
            seen = _look(truths[item["external_id"]], dice)
            review = _judge(seen, item["output"]["digit"]) | {"fence": assignment["fence"]}
            path = f"/api/v1/assignments/{assignment['id']}/review"
            (await client.post(path, json=review, headers=bearer(token))).raise_for_status()
            tally.count(review["verdict"], item["route"]["rule"])
            advance(1)


def _look(truth: str, dice: random.Random) -> str:
    """Read a digit as a person does: nearly always rightly."""
    if dice.random() >= SLIPS:
        return truth
    return dice.choice([label for label in LABELS if label != truth])


def _judge(seen: str, predicted: str) -> dict[str, Any]:
    if seen == predicted:
        return {"verdict": "approve"}
    return {"verdict": "correct", "output": {"digit": seen}, "reasons": ["misread"]}
