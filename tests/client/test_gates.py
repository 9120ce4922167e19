"""A gated function gives only what may go out."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from countersign_client import AsyncClient, Client, NotDecided, Patience, Rejected, Withdrawn, gated
from tests.client.test_retries import DETAIL, good, problem
from tests.make import World

Connect = Callable[..., AsyncClient]


@dataclass
class Intent:
    label: str


class Fake:
    """A service that has one item, decided once it was waited for."""

    def __init__(self, verdict: str | None, output: object = None) -> None:
        self.verdict = verdict
        self.output = output
        self.sent: list[dict[str, Any]] = []
        self.withdrawn = False

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/items"):
            self.sent.append(json.loads(request.content))
            return good(DETAIL)
        if request.url.path.endswith("/withdraw"):
            self.withdrawn = True
            return problem(409, "item_closed") if self.verdict else good(DETAIL | {"status": "withdrawn"})
        if self.verdict is None or (self.withdrawn is False and request.url.params.get("wait") == "0.000"):
            return good(DETAIL)
        if self.verdict == "withdrawn":
            return good(DETAIL | {"status": "withdrawn"})
        return good(DETAIL | {"status": "decided", "decision": self.decision()})

    def decision(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "output": self.output,
            "source": "review",
            "reasons": ["wrong_label"] if self.verdict == "reject" else [],
            "comment": "",
            "decided_at": "2026-11-21T12:00:00Z",
            "decided_by": "ana@example.com",
            "reviews": 1,
            "revision": 1,
            "output_sha256": None,
        }

    def client(self) -> Client:
        return Client("http://somewhere", "key", transport=httpx.MockTransport(self.answer))


def test_what_is_approved_comes_back_as_it_was() -> None:
    fake = Fake("approve")
    made = {"hi": Intent("refund")}

    @gated(fake.client(), type="t", details={"tags": ["beta"]})
    def classify(text: str, *, language: str = "en") -> Intent:
        return made[text] if language == "en" else Intent("")

    assert classify("hi") is made["hi"]
    assert classify.__name__ == "classify"
    (sent,) = fake.sent
    assert sent == {
        "type": "t",
        "input": {"text": "hi", "language": "en"},
        "output": {"label": "refund"},
        "tags": ["beta"],
    }


def test_what_is_corrected_comes_back_as_the_same_type() -> None:
    fake = Fake("correct", {"label": "lost_card"})

    @gated(
        fake.client(),
        type="t",
        input=lambda text: {"only": text},
        external_id=lambda text: f"id of {text}",
        details=lambda output: {"confidence": 0.1 if output.label == "refund" else 0.9},
    )
    def classify(text: str) -> Intent:
        return Intent("refund" if text else "")

    assert classify("hi") == Intent("lost_card")
    assert fake.sent[0]["input"] == {"only": "hi"}
    assert (fake.sent[0]["external_id"], fake.sent[0]["confidence"]) == ("id of hi", 0.1)


@pytest.mark.parametrize(("verdict", "fault"), [("reject", Rejected), ("withdrawn", Withdrawn)])
def test_what_may_not_go_out_is_raised(verdict: str, fault: type[Exception]) -> None:
    @gated(Fake(verdict).client(), type="t")
    def classify() -> str:
        return "refund"

    with pytest.raises(fault):
        classify()


def test_what_nobody_decides_in_time_is_raised_and_taken_back_where_asked() -> None:
    for late in (False, True):
        fake = Fake(None)

        @gated(fake.client(), type="t", timeout=0, withdraw_late=late)
        def classify() -> str:
            return "refund"

        with pytest.raises(NotDecided):
            classify()
        assert fake.withdrawn is late


def test_a_decision_at_the_last_moment_counts() -> None:
    @gated(Fake("approve").client(), type="t", timeout=0, withdraw_late=True)
    def classify() -> str:
        return "refund"

    assert classify() == "refund"


async def test_an_asynchronous_function_waits_for_a_person(connect: Connect, world: World) -> None:
    ana = connect(world.tokens["ana"])
    client = connect(world.service_key, patience=Patience(attempts=2))

    @gated(client, type="ticket_intent", timeout=30, details={"confidence": 0.5})
    async def classify(text: str) -> dict[str, str]:
        await asyncio.sleep(0)
        return {"label": "refund" if text else ""}

    async def judge() -> None:
        while not (seats := await ana.claim("triage")):
            await asyncio.sleep(0.01)
        await ana.review(seats[0], "correct", output={"label": "lost_card"})

    came, _ = await asyncio.gather(classify("hi"), judge())
    assert came == {"label": "lost_card"}
