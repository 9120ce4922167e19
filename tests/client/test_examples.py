"""The examples: each compiles and imports, and those that need nothing else are run."""

import asyncio
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import msgspec
import pytest

from countersign_client import Client, Event, Patience
from tests.client.conftest import Bridged
from tests.client.test_gates import Fake
from tests.client.test_retries import DETAIL, ITEM, good
from tests.house.source import REPOSITORY
from tests.make import BASE_URL, World

EXAMPLES = sorted((REPOSITORY / "client" / "examples").glob("*.py"))


def loaded(name: str) -> ModuleType:
    """Import an example as somebody who copied it would."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", REPOSITORY / "client" / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for what they are defined in
    spec.loader.exec_module(module)
    return module


def test_there_is_an_example_of_each_kind() -> None:
    assert {path.stem for path in EXAMPLES} == {"plain_service", "fastapi_service", "langgraph_interrupt", "agent_tool"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_imports_without_the_libraries_that_it_is_for(path: Path) -> None:
    assert loaded(path.stem).__doc__


def test_the_plain_service_answers_what_may_go_out_and_nothing_else() -> None:
    plain = loaded("plain_service")
    sent: list[dict[str, Any]] = []
    decided = {
        "wanted": Fake("approve", {"label": "card_arrival"}),
        "mended": Fake("correct", {"label": "refund"}),
        "not wanted": Fake("reject"),
    }

    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        sent.append(body)
        decision = decided[body["external_id"]].decision()
        return good(ITEM | {"status": "decided", "decision": decision})

    client = Client("http://somewhere", "key", transport=httpx.MockTransport(answer))
    assert plain.answer(client, "wanted", "where is it") == "Handled as card_arrival."
    assert plain.answer(client, "mended", "where is it") == "Handled as refund."
    assert plain.answer(client, "not wanted", "where is it").startswith("We cannot help")
    assert [each["confidence"] for each in sent] == [0.55] * 3


def test_the_plain_service_says_so_where_nobody_decides() -> None:
    plain = loaded("plain_service")
    now = [0.0]

    def answer(request: httpx.Request) -> httpx.Response:
        now[0] += 100
        return good(ITEM if request.method == "POST" else DETAIL)

    patience = Patience(clock=lambda: now[0])
    client = Client("http://somewhere", "key", transport=httpx.MockTransport(answer), patience=patience)
    assert plain.answer(client, "m-1", "where is it").startswith("A colleague")


def test_a_backfill_tells_what_was_refused() -> None:
    plain = loaded("plain_service")

    def answer(request: httpx.Request) -> httpx.Response:
        assert len(json.loads(request.content)["items"]) == 2
        refused = {"status": 422, "code": "invalid", "detail": "The label is none.", "title": "", "type": ""}
        return good(
            {"results": [{"index": 0, "status": 201, "item": ITEM}, {"index": 1, "status": 422, "error": refused}]}
        )

    client = Client("http://somewhere", "key", transport=httpx.MockTransport(answer))
    assert plain.backfill(client, [("a", "x"), ("b", "y")]) == ["b: The label is none."]


@pytest.mark.parametrize(
    ("verdict", "output", "result", "made"),
    [
        ("approve", None, "sent 10", [10]),
        ("correct", {"tool": "pay", "arguments": {"amount": 1}}, "sent 1", [1]),
        ("correct", {"tool": "no_such", "arguments": {}}, "There is no tool no_such.", []),
        ("reject", None, "A person refused this call.", []),
        (None, None, "Nobody approved this call in time; it was not made.", []),
    ],
)
def test_a_tool_runs_only_as_people_let_it(verdict: str | None, output: object, result: str, made: list[int]) -> None:
    agent = loaded("agent_tool")
    paid: list[int] = []

    def pay(amount: int) -> str:
        paid.append(amount)
        return f"sent {amount}"

    fake = Fake(verdict, output)
    toolbox = agent.Toolbox(
        fake.client(),
        {"pay": pay, "look": lambda: "seen"},
        needs_approval=frozenset({"pay"}),
        timeout=0 if verdict is None else 60,
    )
    assert toolbox.run("call-1", agent.Call("look", {}), why="to see") == "seen"
    assert fake.sent == []
    assert toolbox.run("call-2", agent.Call("pay", {"amount": 10}), why="the invoice is due") == result
    assert paid == made
    (sent,) = fake.sent
    assert (sent["external_id"], sent["input"]) == ("call-2", {"why": "the invoice is due"})


def test_the_web_service_acts_on_an_event_once() -> None:
    service = loaded("fastapi_service")
    handled = service.Handled()
    told = {"type": "item.decided", "project": "p", "position": 1, "timestamp": ITEM["created_at"]}
    event = msgspec.convert({**told, "id": ITEM["id"], "data": {"item": ITEM}}, Event)
    assert [handled.is_new(event), handled.is_new(event)] == [True, False]
    service.act_on(event)


async def test_the_plain_service_runs_against_the_application(http: httpx.AsyncClient, world: World) -> None:
    """As its main does it, but for the network: what rules let through, and what a person corrects meanwhile."""
    plain = loaded("plain_service")
    with Client(BASE_URL, world.service_key, transport=Bridged(http)) as client:
        sure = await asyncio.to_thread(plain.answer, client, "m-1", "my card is lost")
        asked = asyncio.create_task(asyncio.to_thread(plain.answer, client, "m-2", "where is my card"))
        while not (held := await world.claim("ana")):
            await asyncio.sleep(0.01)
        await world.judge("ana", held[0], "correct", output={"label": "refund"}, reasons=["wrong_label"])

        assert sure == "Handled as lost_card."
        assert await asked == "Handled as refund."
        assert await asyncio.to_thread(plain.answer, client, "m-2", "where is my card") == "Handled as refund."
        assert await asyncio.to_thread(plain.backfill, client, [("m-3", "lost"), ("m-3", "again")]) != []
