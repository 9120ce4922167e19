"""Promises 2 and 3: one key, one item, whoever sends it, in whatever batches and order, and however often."""

import asyncio
import random
from typing import Any

import httpx
import msgspec

from review.intake import service as intake
from review.intake.service import Accepted
from review.items.errors import ConflictingResubmission
from review.kernel.db import Database
from review.kernel.settings import Settings
from tests.make import CONFIG, World, submission
from tests.queueing.ledger import Ledger


def bearer(world: World) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.service_key}"}


async def send(world: World, bodies: list[dict[str, Any]]) -> list[Any]:
    raws = [msgspec.json.encode(body) for body in bodies]
    return await intake.submit_batch(world.desk(), raws, idempotency_keys=[None] * len(raws))


async def test_batches_that_overlap_in_every_order_neither_deadlock_nor_double(settings: Settings) -> None:
    db = await Database.connect(msgspec.structs.replace(settings, hot_connections=8))
    world = await World.build(db, settings)
    order = random.Random(2)
    for attempt in range(3):
        names = [f"{attempt}-{at}" for at in range(500)]
        batches = [names, names[::-1], *(order.sample(names, len(names)) for _ in range(4))]
        sent = [[submission(name, external_id=name) for name in batch] for batch in batches]
        outcomes = await asyncio.gather(*(send(world, batch) for batch in sent))
        ids: dict[str, set[Any]] = {}
        for batch, results in zip(batches, outcomes, strict=True):
            for name, outcome in zip(batch, results, strict=True):
                assert isinstance(outcome, Accepted), outcome
                ids.setdefault(name, set()).add(outcome.item.id)
        assert all(len(found) == 1 for found in ids.values())
        assert sum(outcome.created for results in outcomes for outcome in results) == len(names)
    (await Ledger.read(db.hot, world.service.project_id)).check()
    await db.close()


async def test_single_and_batch_and_key_at_once(http: httpx.AsyncClient, world: World) -> None:
    """Copies by either way in, with and without an idempotency key, and one with other content among them."""
    same, changed = submission(external_id="mixed"), submission("other", external_id="mixed")
    key = bearer(world)
    calls = [http.post("/api/v1/items", json=same, headers=key) for _ in range(30)]
    calls += [http.post("/api/v1/items", json=same, headers=key | {"Idempotency-Key": "k"}) for _ in range(30)]
    batches = [http.post("/api/v1/items/batch", json={"items": [same, same]}, headers=key) for _ in range(20)]
    answers = await asyncio.gather(*calls, *batches)
    statuses = [answer.status_code for answer in answers[:60]]
    shown = [answer.json() for answer in answers[:60]]
    for answer in answers[60:]:
        results = answer.json()["results"]
        statuses += [each["status"] for each in results]
        shown += [each["item"] for each in results]
    assert sorted(set(statuses)) == [200, 201]
    assert statuses.count(201) == 1
    assert len({item["id"] for item in shown}) == 1
    assert await world.count("items") == await world.count("cases") == await world.count("assignments") == 1
    assert (await http.post("/api/v1/items", json=changed, headers=key)).status_code == 409


async def test_of_two_contents_with_one_key_one_stands(http: httpx.AsyncClient, world: World) -> None:
    bodies = [submission(str(at), external_id="contested") for at in range(20)]
    answers = await asyncio.gather(*(http.post("/api/v1/items", json=body, headers=bearer(world)) for body in bodies))
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(201), statuses.count(409)) == (1, 19)
    winner = next(answer.json()["id"] for answer in answers if answer.status_code == 201)
    assert all(winner in answer.json()["detail"] for answer in answers if answer.status_code == 409)


async def test_a_key_belongs_to_its_project(world: World) -> None:
    other = await World.build(world.db, world.settings, "elsewhere", CONFIG.format(project="elsewhere"))
    (mine,), (theirs,) = await asyncio.gather(
        send(world, [submission(external_id="x")]), send(other, [submission("else", external_id="x")])
    )
    assert mine.created
    assert theirs.created
    assert mine.item.id != theirs.item.id


async def test_a_name_and_a_key_of_two_items_are_a_conflict(world: World) -> None:
    raws = [msgspec.json.encode(submission(str(at), external_id=f"e{at}")) for at in range(2)]
    await intake.submit(world.desk(), raws[0], idempotency_key="k0")
    await intake.submit(world.desk(), raws[1], idempotency_key="k1")
    (crossed,) = await intake.submit_batch(world.desk(), [raws[0]], idempotency_keys=["k1"])
    assert isinstance(crossed, ConflictingResubmission)
    assert await world.count("items") == 2


async def test_a_replayed_batch_answers_as_the_first_did(http: httpx.AsyncClient, world: World) -> None:
    """Promise 3: exact for each item, and the same again."""
    items: list[Any] = [submission(str(at)) for at in range(6)]
    items[2]["input"] = {"text": 3}
    items[4] = None
    headers = bearer(world) | {"Idempotency-Key": "batch-1"}
    first = (await http.post("/api/v1/items/batch", json={"items": items}, headers=headers)).json()["results"]
    again = (await http.post("/api/v1/items/batch", json={"items": items}, headers=headers)).json()["results"]
    assert [each["status"] for each in first] == [201, 201, 422, 201, 422, 201]
    assert [each["status"] for each in again] == [200, 200, 422, 200, 422, 200]
    assert [each.get("item") for each in first] == [each.get("item") for each in again]
    assert [each.get("error") for each in first] == [each.get("error") for each in again]
    assert await world.count("items") == 4
