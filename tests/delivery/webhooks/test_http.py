"""Webhooks over HTTP and by command, with the configuration, the relay and a real receiver on the way."""

import asyncio
import os
from random import Random
from uuid import uuid4

import httpx
import pytest
from click.testing import CliRunner

from review.audit.rules import OPERATOR
from review.cli.main import main
from review.configuration import service as configuration
from review.configuration.service import ConfigCache
from review.delivery.feed import service as feed
from review.delivery.webhooks.dispatch import Dispatcher
from review.identity.rules import Role
from review.kernel.settings import Settings
from tests.delivery.webhooks.receiver import receiving
from tests.make import BASE_URL, CONFIG, World

PREFIX = "/api/v1"
HOOKS = "webhooks:\n  - {{name: crm, url: '{url}', events: [item.decided, item.queued]}}\n"


async def declare(world: World, url: str, more: str = "") -> None:
    source = CONFIG.format(project=world.project) + HOOKS.format(url=url) + more
    async with world.db.transaction() as tx:
        await configuration.apply(tx, source, actor=OPERATOR)


async def deliver(world: World, settings: Settings) -> None:
    await feed.relay(feed.Post(world.db, ConfigCache(world.db), lambda _: None, BASE_URL))
    dispatcher = Dispatcher(world.db, settings, rng=Random(1))
    await dispatcher.drain()
    await dispatcher.close()


@pytest.fixture
async def admin(world: World) -> dict[str, str]:
    await world.add_person("adi", Role.ADMIN)
    return {"Authorization": f"Bearer {world.tokens['adi']}"}


async def test_the_whole_way_from_a_decision_to_the_receiver_and_its_log(
    http: httpx.AsyncClient, world: World, local: Settings, admin: dict[str, str]
) -> None:
    async with receiving() as receiver:
        await declare(world, receiver.url)
        shown = await http.post(f"{PREFIX}/webhooks/crm/secret", headers=admin)
        assert shown.status_code == 200
        receiver.secrets.append(shown.json()["secret"])
        again = await http.post(f"{PREFIX}/webhooks/crm/secret", headers=admin)
        assert (again.status_code, again.json()["code"]) == (409, "secret_already_shown")
        item = (await world.submit(confidence=0.9)).item
        tested = await http.post(f"{PREFIX}/webhooks/crm/test", headers=admin)
        assert tested.status_code == 202
        await deliver(world, local)
        assert sorted(each["type"] for each in receiver.taken) == ["item.decided", "webhook.test"]
        (decided,) = [each for each in receiver.taken if each["type"] == "item.decided"]
        assert decided["data"]["item"]["id"] == str(item.id)
        assert decided["data"]["item"]["decision"]["verdict"] == "approve"
    listed = (await http.get(f"{PREFIX}/webhooks/crm/deliveries?state=delivered", headers=admin)).json()
    assert (len(listed["data"]), listed["next"]) == (2, None)
    assert tested.json()["event_id"] in {each["event_id"] for each in listed["data"]}
    read = (await http.get(f"{PREFIX}/deliveries/{listed['data'][0]['id']}", headers=admin)).json()
    assert read["body"].encode() in {request.body for request in receiver.requests}
    (attempt,) = read["log"]
    assert attempt["status"] == 204
    assert attempt["request_headers"]["webhook-signature"].startswith("v1,")
    assert shown.json()["secret"] not in str(read)


async def test_endpoints_are_listed_disabled_enabled_and_replayed(
    http: httpx.AsyncClient, world: World, local: Settings, admin: dict[str, str]
) -> None:
    async with receiving() as receiver:
        await declare(world, receiver.url)
        off = await http.post(f"{PREFIX}/webhooks/crm/disable", json={"reason": "it moves"}, headers=admin)
        assert (off.status_code, off.json()["state"], off.json()["reason"]) == (200, "disabled", "it moves")
        await world.submit(confidence=0.9)
        await deliver(world, local)
        for path in ("replay", "test"):
            refused = await http.post(f"{PREFIX}/webhooks/crm/{path}", json={"state": "dead"}, headers=admin)
            assert (refused.status_code, refused.json()["code"]) == (409, "endpoint_not_active")
        on = await http.post(f"{PREFIX}/webhooks/crm/enable", headers=admin)
        assert (on.json()["state"], on.json()["dead"]) == ("active", 1)
        receiver.secrets.append((await http.post(f"{PREFIX}/webhooks/crm/secret", headers=admin)).json()["secret"])
        replayed = await http.post(f"{PREFIX}/webhooks/crm/replay", json={"state": "dead"}, headers=admin)
        assert replayed.json() == {"replayed": 1, "more": False}
        await deliver(world, local)
        assert len(receiver.taken) == 1
        span = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}
        again = await http.post(f"{PREFIX}/webhooks/crm/replay", json=span, headers=admin)
        assert again.json()["replayed"] == 1
        (one,) = (await http.get(f"{PREFIX}/webhooks/crm/deliveries", headers=admin)).json()["data"]
        assert (await http.post(f"{PREFIX}/deliveries/{one['id']}/replay", headers=admin)).status_code == 200
    (listed,) = (await http.get(f"{PREFIX}/webhooks", headers=admin)).json()["data"]
    assert (listed["name"], listed["pending"], listed["dead"]) == ("crm", 1, 0)
    assert await world.count("audit_entries", action="webhook.replayed") == 3


@pytest.mark.parametrize(
    "body",
    [
        *({}, {"state": "delivered"}, {"state": "dead", "from": "2020-01-01T00:00:00Z"}),
        *({"from": "2020-01-01T00:00:00Z"}, {"from": "2020-01-01T00:00:00", "to": "2021-01-01T00:00:00"}),
        *({"from": "2021-01-01T00:00:00Z", "to": "2020-01-01T00:00:00Z"}, {"all": True}),
    ],
)
async def test_a_replay_that_does_not_say_what_is_refused(
    http: httpx.AsyncClient, world: World, admin: dict[str, str], body: object
) -> None:
    await declare(world, "https://a.example.com/")
    answer = await http.post(f"{PREFIX}/webhooks/crm/replay", json=body, headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("rotate", {"kind": "rsa"}),
        ("rotate", {"overlap_hours": 169}),
        ("rotate", {"overlap_hours": -1}),
        ("disable", {}),
        ("disable", {"reason": ""}),
        ("disable", {"reason": " \n"}),
    ],
)
async def test_what_cannot_be_done_is_refused_and_changes_nothing(
    http: httpx.AsyncClient, world: World, admin: dict[str, str], path: str, body: object
) -> None:
    await declare(world, "https://a.example.com/")
    answer = await http.post(f"{PREFIX}/webhooks/crm/{path}", json=body, headers=admin)
    assert answer.status_code == 422
    assert (await http.get(f"{PREFIX}/webhooks/crm", headers=admin)).json()["secrets"] == []


async def test_what_is_not_there_is_not_found_and_another_projects_neither(
    http: httpx.AsyncClient, world: World, admin: dict[str, str]
) -> None:
    other = await World.build(world.db, world.settings, "elsewhere", CONFIG.format(project="elsewhere"))
    await declare(other, "https://a.example.com/")
    await other.submit()
    await feed.relay(feed.Post(world.db, ConfigCache(world.db), lambda _: None, BASE_URL))
    theirs = await world.db.hot.fetchval("SELECT id FROM deliveries WHERE project_id = $1", other.service.project_id)
    assert theirs is not None
    for delivery_id in (theirs, uuid4()):
        for method, path in (("GET", ""), ("POST", "/replay")):
            answer = await http.request(method, f"{PREFIX}/deliveries/{delivery_id}{path}", headers=admin)
            assert (answer.status_code, answer.json()["code"]) == (404, "delivery_not_found")
    for path in ("webhooks/crm", "webhooks/crm/deliveries"):
        answer = await http.get(f"{PREFIX}/{path}", headers=admin)
        assert (answer.status_code, answer.json()["code"]) == (404, "endpoint_not_found")
    rotated = await http.post(f"{PREFIX}/webhooks/crm/rotate", headers=admin)
    assert rotated.json()["code"] == "endpoint_not_found"


async def test_the_command_prints_secrets_alone_and_lists_endpoints(
    world: World, local: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await declare(world, "https://a.example.com/")
    monkeypatch.setenv("REVIEW_DATABASE_URL", local.database_url)
    for name in ("REVIEW_DATA_DIR", "REVIEW_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert os.environ["REVIEW_DATABASE_URL"]

    async def run(*words: str) -> tuple[int, str, str]:
        result = await asyncio.to_thread(CliRunner().invoke, main, ["webhooks", *words, "--project", "support"])
        return result.exit_code, result.stdout, result.stderr

    code, out, _ = await run("secret", "--name", "crm")
    assert (code, out.startswith("whsec_"), out.count("\n")) == (0, True, 1)
    code, out, err = await run("secret", "--name", "crm")
    assert (code, out) == (1, "")
    assert "rotate it" in err
    code, out, err = await run("rotate", "--name", "crm", "--kind", "ed25519", "--overlap-hours", "2")
    assert (code, out.startswith("whpk_"), out.count("\n")) == (0, True, 1)
    assert "The old secret counts until" in err
    assert (await run("list"))[1] == "crm\tactive\thttps://a.example.com/\t0 pending\t0 dead\n"
    assert (await run("secret", "--name", "other"))[0] == 1
