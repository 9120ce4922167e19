"""The contract of submitting and reading items, over HTTP."""

import asyncio
import hashlib
import json
from typing import Any

import httpx
import pytest

from tests.make import World, submission


def key(world: World) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.service_key}"}


def token(world: World, name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.tokens[name]}"}


async def test_a_doubtful_item_is_queued_and_says_why(http: httpx.AsyncClient, world: World) -> None:
    answer = await http.post("/api/v1/items", json=submission(external_id="m1"), headers=key(world))
    assert answer.status_code == 201
    item = answer.json()
    assert item["status"] == "queued"
    assert item["route"]["rule"] == "low-confidence"
    assert item["route"]["pool"] == "triage"
    assert item["route"]["inclusion_probability"] == 1.0
    assert [each["rule"] for each in item["route"]["evaluations"]] == ["vip", "panel", "blocked", "low-confidence"]
    assert item["sla"]["policy"] == "standard"
    assert item["sla"]["state"] == "on_track"
    assert item["decision"] is None
    read = await http.get(f"/api/v1/items/{item['id']}", headers=key(world))
    assert read.json() | item == read.json()
    assert read.json()["input"] == {"text": "where is my card"}


async def test_a_confident_item_is_approved_by_rule_and_bound_to_its_digest(
    http: httpx.AsyncClient, world: World
) -> None:
    item = (await http.post("/api/v1/items", json=submission(confidence=0.99), headers=key(world))).json()
    assert item["status"] == "decided"
    decision = item["decision"]
    assert (decision["verdict"], decision["source"]) == ("approve", "rule")
    assert decision["output"] == {"label": "card_arrival"}
    assert decision["output_sha256"] == hashlib.sha256(b'{"label":"card_arrival"}').hexdigest()


async def test_the_same_submission_is_the_same_item(http: httpx.AsyncClient, world: World) -> None:
    first = await http.post("/api/v1/items", json=submission(external_id="m1"), headers=key(world))
    second = await http.post("/api/v1/items", json=submission(external_id="m1"), headers=key(world))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    changed = await http.post("/api/v1/items", json=submission("other", external_id="m1"), headers=key(world))
    assert changed.status_code == 409
    assert changed.json()["code"] == "conflicting_resubmission"
    assert await world.count("items") == 1


async def test_an_idempotency_key_works_alike(http: httpx.AsyncClient, world: World) -> None:
    headers = key(world) | {"Idempotency-Key": "k-1"}
    answers = [await http.post("/api/v1/items", json=submission(), headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert len({answer.json()["id"] for answer in answers}) == 1
    changed = await http.post("/api/v1/items", json=submission("other"), headers=headers)
    assert changed.status_code == 409


async def test_a_hundred_copies_at_once_make_one_item(http: httpx.AsyncClient, world: World) -> None:
    """Promise 2."""
    body = submission(external_id="storm")
    answers = await asyncio.gather(*(http.post("/api/v1/items", json=body, headers=key(world)) for _ in range(100)))
    assert sorted({answer.status_code for answer in answers}) == [200, 201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert [answer.status_code for answer in answers].count(201) == 1
    assert await world.count("items") == 1
    assert await world.count("cases") == 1


async def test_a_batch_judges_each_item_on_its_own_merits(http: httpx.AsyncClient, world: World) -> None:
    good, doubled, bad = submission(external_id="b1"), submission(external_id="b1"), submission()
    bad["input"] = {"text": 3}
    items = [good, doubled, bad, {"type": "nope", "input": 1, "output": 2}, submission("x", external_id="b1")]
    answer = await http.post("/api/v1/items/batch", json={"items": items}, headers=key(world))
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [each["status"] for each in results] == [201, 200, 422, 422, 409]
    assert results[0]["item"]["id"] == results[1]["item"]["id"]
    assert results[2]["error"]["errors"][0]["path"] == "input.text"
    assert await world.count("items") == 1


async def test_ndjson_is_a_batch_too(http: httpx.AsyncClient, world: World) -> None:
    lines = "\n".join(json.dumps(submission(str(at))) for at in range(3)) + "\n{broken\n"
    headers = key(world) | {"Content-Type": "application/x-ndjson"}
    answer = await http.post("/api/v1/items/batch", content=lines, headers=headers)
    assert [each["status"] for each in answer.json()["results"]] == [201, 201, 201, 400]


async def test_a_batch_of_a_thousand_is_stored_whole(http: httpx.AsyncClient, world: World) -> None:
    items = [submission(str(at), confidence=0.5 if at % 2 else 0.95) for at in range(1000)]
    answer = await http.post("/api/v1/items/batch", json={"items": items}, headers=key(world))
    assert {each["status"] for each in answer.json()["results"]} == {201}
    assert await world.count("items") == 1000
    assert await world.count("assignments") == 500
    assert await world.count("decisions") == 500
    refused = await http.post("/api/v1/items/batch", json={"items": [*items, items[0]]}, headers=key(world))
    assert refused.status_code == 422


BAD_BODIES: list[tuple[bytes, int, str]] = [
    (b"", 400, ""),
    (b"{", 400, ""),
    (b"[]", 422, ""),
    (b"null", 422, ""),
    (b'{"type":"ticket_intent","input":{"text":"a"}}', 422, ""),
    (b'{"type":"ticket_intent","input":{"text":"a"},"output":{"label":"refund"},"extra":1}', 422, ""),
    (b'{"type":3,"input":{"text":"a"},"output":{"label":"refund"}}', 422, "type"),
    (b'{"type":"ticket_intent","input":{"text":"a"},"output":{"label":"refund"},"confidence":1.5}', 422, "confidence"),
    (b'{"type":"ticket_intent","input":{"text":"a"},"output":{"label":"refund"},"confidence":NaN}', 400, "confidence"),
    (b'{"type":"ticket_intent","input":{"text":"a"},"output":{"label":"zzz"}}', 422, "output.label"),
    (b'{"type":"nope","input":{"text":"a"},"output":{"label":"refund"}}', 422, "type"),
    (b'{"type":"ticket_intent","input":{"text":"a\\u0000"},"output":{"label":"refund"}}', 400, "input.text"),
    (b'{"type":"ticket_intent","input":{"text":"\\ud800"},"output":{"label":"refund"}}', 400, "input.text"),
    (b'{"type":"ticket_intent","input":{"text":"a","text":"b"},"output":{"label":"refund"}}', 400, "input.text"),
    (b'{"type":"ticket_intent","input":{"text":"a","n":9007199254740993},"output":{"label":"refund"}}', 400, "input.n"),
    (b'{"type":"ticket_intent","input":{"text":"a","n":1e999},"output":{"label":"refund"}}', 400, "input.n"),
    (b'{"type":"ticket_intent","input":{"text":"\xff"},"output":{"label":"refund"}}', 400, ""),
    (b'{"type":"ticket_intent","input":' + b"[" * 200 + b"]" * 200 + b',"output":{"label":"refund"}}', 400, "input"),
    (b'{"type":"ticket_intent","input":' + b"[" * 100_000 + b',"output":1}', 400, ""),
]


@pytest.mark.parametrize(("body", "status", "path"), BAD_BODIES)
async def test_a_bad_body_is_refused_with_its_place_and_leaves_nothing(
    http: httpx.AsyncClient, world: World, body: bytes, status: int, path: str
) -> None:
    answer = await http.post("/api/v1/items", content=body, headers=key(world))
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["errors"]
    assert problem["errors"][0]["path"].startswith(path)
    assert await world.count("items") == 0


async def test_too_large_a_body_is_refused(http: httpx.AsyncClient, world: World) -> None:
    answer = await http.post("/api/v1/items", content=b'{"a":"' + b"x" * 11_000_000, headers=key(world))
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"


async def test_a_waiting_caller_gets_the_decision(http: httpx.AsyncClient, world: World) -> None:
    submitting = asyncio.create_task(
        http.post("/api/v1/items?wait=20", json=submission(), headers=key(world), timeout=30)
    )
    claimed: list[dict[str, Any]] = []
    while not claimed:
        answer = await http.post("/api/v1/pools/triage/claims", json={"limit": 1}, headers=token(world, "ana"))
        claimed = answer.json()["data"]
    review = await http.post(
        f"/api/v1/assignments/{claimed[0]['id']}/review",
        json={"fence": claimed[0]["fence"], "verdict": "correct", "output": {"label": "refund"}},
        headers=token(world, "ana"),
    )
    assert review.status_code == 200, review.text
    item = (await submitting).json()
    assert item["status"] == "decided"
    assert item["decision"]["output"] == {"label": "refund"}


async def test_history_tells_everything_in_order(http: httpx.AsyncClient, world: World) -> None:
    item = (await http.post("/api/v1/items", json=submission(), headers=key(world))).json()
    held = (await http.post("/api/v1/pools/triage/claims", headers=token(world, "ana"))).json()["data"][0]
    await http.post(
        f"/api/v1/assignments/{held['id']}/review",
        json={"fence": held["fence"], "verdict": "approve"},
        headers=token(world, "ana"),
    )
    override = await http.post(
        f"/api/v1/items/{item['id']}/override",
        json={"verdict": "reject", "reason": "policy changed"},
        headers=token(world, "lea"),
    )
    assert override.json()["decision"]["revision"] == 2
    history = (await http.get(f"/api/v1/items/{item['id']}/history", headers=key(world))).json()["data"]
    assert [entry["action"] for entry in history] == [
        "item.submitted",
        "assignment.claimed",
        "review.submitted",
        "item.decided",
        "decision.overridden",
    ]
    assert [entry["actor"] for entry in history] == ["crm", *["ana@example.com"] * 3, "lea@example.com"]
