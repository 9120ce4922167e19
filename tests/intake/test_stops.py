"""Promise 33: a source or an item type is stopped at once, and upstream is answered as ever."""

import asyncio

import httpx
import msgspec
import pytest

from review.audit.rules import OPERATOR
from review.configuration.document import parse
from review.configuration.rules import compile_config
from review.identity import keyring, keys
from review.intake.rules import prepare, routed
from review.kernel.ids import new_id
from review.routing.rules import Restraint, route
from tests.make import CONFIG, World, submission

SURE = submission(confidence=0.95)


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


async def post(http: httpx.AsyncClient, path: str, secret: str, body: object) -> httpx.Response:
    return await http.post(f"/api/v1/{path}", json=body, headers=bearer(secret))


@pytest.mark.parametrize("kind", ["source", "item_type"])
async def test_what_is_stopped_goes_to_people_until_it_is_resumed(
    http: httpx.AsyncClient, world: World, kind: str
) -> None:
    lead, path = world.tokens["lea"], f"sources/{world.service.id}" if kind == "source" else "item-types/ticket_intent"
    assert (await post(http, "items", world.service_key, SURE)).json()["status"] == "decided"
    stopped = await post(http, f"{path}/stop", lead, {"reason": "it goes wild"})
    assert (stopped.status_code, stopped.json()["stopped_by"]) == (200, "lea@example.com")
    again = await post(http, f"{path}/stop", lead, {"reason": "once more"})
    assert again.json()["id"] == stopped.json()["id"]
    held = await post(http, "items", world.service_key, SURE)
    assert (held.status_code, held.json()["status"]) == (201, "queued")
    told = held.json()["route"]
    assert (told["action"], told["rule"], told["pool"], told["inclusion_probability"]) == (
        "review",
        "rest",
        "triage",
        1,
    )
    assert told["evaluations"][-1] == {"rule": "rest", "matched": True, "stopped": True}
    blocked = await post(http, "items", world.service_key, submission(tags=["blocked"]))
    assert blocked.json()["decision"]["verdict"] == "reject", "a stop lets nothing through, and keeps nothing out"
    batch = await post(http, "items/batch", world.service_key, {"items": [SURE, SURE]})
    assert [each["item"]["status"] for each in batch.json()["results"]] == ["queued", "queued"]
    standing = await http.get("/api/v1/stops", headers=bearer(world.service_key))
    assert [each["reason"] for each in standing.json()["data"]] == ["it goes wild"]
    resumed = await post(http, f"{path}/resume", lead, {"reason": "mended"})
    assert resumed.json()["resumed_by"] == "lea@example.com"
    assert (await post(http, "items", world.service_key, SURE)).json()["status"] == "decided"
    assert (await post(http, f"{path}/resume", lead, {"reason": "again"})).json()["code"] == "not_stopped"
    assert await world.count("audit_entries", action="source.stopped") == 1
    assert await world.count("audit_entries", action="source.resumed") == 1
    past = await http.get("/api/v1/stops?past=true", headers=bearer(lead))
    assert len(past.json()["data"]) == 1


async def test_a_stop_touches_nobody_else(http: httpx.AsyncClient, world: World) -> None:
    other = await World.build(world.db, world.settings, "elsewhere", CONFIG.format(project="elsewhere"))
    await post(http, "item-types/ticket_intent/stop", other.tokens["lea"], {"reason": "theirs"})
    await post(http, f"sources/{new_id()}/stop", world.tokens["lea"], {"reason": "unknown"})
    assert (await post(http, "items", world.service_key, SURE)).json()["status"] == "decided"


async def test_a_stop_must_say_why_and_of_what(http: httpx.AsyncClient, world: World) -> None:
    lead = world.tokens["lea"]
    path = f"sources/{world.service.id}/stop"
    assert (await post(http, path, lead, {"reason": "  "})).json()["code"] == "invalid"
    assert (await post(http, f"sources/{new_id()}/stop", lead, {"reason": "x"})).json()["code"] == "source_not_found"
    unknown = await post(http, "item-types/none/stop", lead, {"reason": "x"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "source_not_found")
    for name in ("ana", "service"):
        secret = world.service_key if name == "service" else world.tokens[name]
        assert (await post(http, path, secret, {"reason": "x"})).json()["code"] == "not_permitted"


async def test_of_many_who_stop_at_once_one_does(http: httpx.AsyncClient, world: World) -> None:
    path, lead = f"sources/{world.service.id}/stop", world.tokens["lea"]
    answers = await asyncio.gather(*(post(http, path, lead, {"reason": f"reason {at}"}) for at in range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == await world.count("stops") == 1


async def test_what_was_submitted_before_is_answered_as_it_was(http: httpx.AsyncClient, world: World) -> None:
    sent = SURE | {"external_id": "m-1"}
    await post(http, "items", world.service_key, sent)
    await post(http, f"sources/{world.service.id}/stop", world.tokens["lea"], {"reason": "wild"})
    again = await post(http, "items", world.service_key, sent)
    assert (again.status_code, again.json()["status"]) == (200, "decided")


async def test_the_look_up_of_a_key_carries_what_is_stopped(world: World, http: httpx.AsyncClient) -> None:
    await post(http, "item-types/ticket_intent/stop", world.tokens["lea"], {"reason": "wild"})
    who = await keys.authenticate_key(world.db.hot, world.service_key)
    assert who.stops == ("item_type:ticket_intent",)


def test_a_sample_of_what_is_stopped_is_certain_and_a_rejection_stays_one() -> None:
    rules = """
rules:
  - {name: audit, when: 'true', sample: 0.1, then: {review: triage}}
  - {name: bad, when: 'item.confidence < 0.1', then: {reject: true}}
  - {name: rest, when: 'true', then: {approve: true}}
"""
    config = compile_config(parse(CONFIG.format(project="p").split("rules:")[0] + rules))
    for confidence, free, stopped, two in ((0.5, 0.1, 1.0, 1.0), (0.05, 0.1, 0.1, 1.0)):
        item = submission(confidence=confidence)
        shares = [
            route(config.ruleset, item, new_id(), "triage", restraint).inclusion_probability
            for restraint in (Restraint(), Restraint(stopped=True), Restraint(two_person=True))
        ]
        assert shares == pytest.approx([free, stopped, two])


def test_nobody_in_particular_sends_what_is_only_tried() -> None:
    config = compile_config(parse(CONFIG.format(project="p")))
    raw = msgspec.to_builtins(SURE)
    assert routed(prepare(raw, config, idempotency_key=None)).route.action == "approve"


async def test_a_stop_holds_for_every_key_that_a_source_was_rotated_through(
    http: httpx.AsyncClient, world: World
) -> None:
    """Promise 33: whichever of them is stopped, the earlier ones in their overlap and the later ones are too."""
    lead, project_id = world.tokens["lea"], world.service.project_id
    secrets, ids = [world.service_key], [world.service.id]
    for _ in range(2):
        async with world.db.transaction() as tx:
            made = (await keyring.rotate(tx, project_id, ids[-1], actor=OPERATOR)).key
        secrets.append(made.secret)
        ids.append(made.id)
    async with world.db.transaction() as tx:
        other = await keys.create_key(tx, project=world.project, name="other", role="service", actor=OPERATOR)
    for stopped in ids:
        answer = await post(http, f"sources/{stopped}/stop", lead, {"reason": "it goes wild"})
        assert answer.status_code == 200
        told = [(await post(http, "items", each, SURE)).json()["status"] for each in (*secrets, other)]
        assert told == ["queued", "queued", "queued", "decided"]
        await post(http, f"sources/{stopped}/resume", lead, {"reason": "mended"})
        assert (await post(http, "items", secrets[-1], SURE)).json()["status"] == "decided"
