"""The project's configuration over HTTP: read, planned, applied, and in force for the very next call."""

import asyncio
from typing import Any

import httpx
import pytest

from review.identity.rules import Role
from tests.make import CONFIG, World, submission

ADDRESS = "/api/v1/config"
SOURCE = CONFIG.format(project="support")
STRICTER = SOURCE.replace("item.confidence < 0.8", "item.confidence < 0.99")


@pytest.fixture
async def admin(world: World) -> dict[str, str]:
    await world.add_person("the-admin", Role.ADMIN)
    return {"Authorization": f"Bearer {world.tokens['the-admin']}"}


async def test_what_is_read_can_be_put_back(http: httpx.AsyncClient, admin: dict[str, str]) -> None:
    as_json = await http.get(ADDRESS, headers=admin)
    assert as_json.headers["etag"] == '"1"'
    assert as_json.json()["project"] == "support"
    as_yaml = await http.get(ADDRESS, headers=admin | {"Accept": "application/yaml"})
    assert as_yaml.text == SOURCE
    for answer in (as_json, as_yaml):
        plan = await http.put(ADDRESS, content=answer.content, headers=admin)
        assert plan.status_code == 200, plan.text
        assert (plan.json()["applied"], plan.json()["version"], plan.json()["differences"]) == (False, 1, [])


async def test_a_dry_run_plans_and_a_run_applies(http: httpx.AsyncClient, world: World, admin: dict[str, str]) -> None:
    planned = (await http.put(f"{ADDRESS}?dry_run=true", content=STRICTER, headers=admin)).json()
    assert (planned["applied"], planned["version"], planned["previous_version"]) == (False, 2, 1)
    assert await world.count("config_versions") == 1
    applied = (await http.put(ADDRESS, content=STRICTER, headers=admin)).json()
    assert applied == planned | {"applied": True}
    assert (await http.get(f"{ADDRESS}?version=1", headers=admin)).headers["etag"] == '"1"'
    assert (await http.get(ADDRESS, headers=admin)).headers["etag"] == '"2"'


async def test_new_rules_are_in_force_at_once_and_old_items_keep_theirs(
    http: httpx.AsyncClient, world: World, admin: dict[str, str]
) -> None:
    key = {"Authorization": f"Bearer {world.service_key}"}

    async def submit(name: str) -> dict[str, Any]:
        body = submission(confidence=0.9, external_id=name)
        item: dict[str, Any] = (await http.post("/api/v1/items", json=body, headers=key)).json()
        return item

    before = await submit("before")
    await http.put(ADDRESS, content=STRICTER, headers=admin)
    after = await submit("after")
    assert (before["status"], before["route"]["ruleset_version"]) == ("decided", 1)
    assert (after["status"], after["route"]["ruleset_version"]) == ("queued", 2)
    assert await submit("before") == before


async def test_items_taken_in_while_rules_change_name_the_rules_they_met(
    http: httpx.AsyncClient, world: World, admin: dict[str, str]
) -> None:
    """Promise 19: each item is routed by one version, and says by which."""
    key = {"Authorization": f"Bearer {world.service_key}"}

    async def change() -> None:
        for at in range(6):
            await http.put(ADDRESS, content=STRICTER if at % 2 == 0 else SOURCE, headers=admin)

    changing = asyncio.create_task(change())
    items: list[dict[str, Any]] = []
    while not changing.done():
        answer = await http.post("/api/v1/items", json=submission(confidence=0.9), headers=key)
        items.append(answer.json())
    await changing
    met = {(item["route"]["ruleset_version"], item["status"]) for item in items}
    assert met <= {(1, "decided"), (2, "queued")}, "one rule set, one answer"
    assert len(met) == 2


@pytest.mark.parametrize(
    ("source", "status"),
    [
        (b"", 422),
        (b"project: support", 422),
        (b"\xff", 422),
        (b"project: [", 422),
        (STRICTER.replace("review: seniors", "review: nobody").encode(), 422),
        (STRICTER.replace("project: support", "project: elsewhere").encode(), 422),
        (STRICTER.replace("item.confidence <", "item.confidence <<").encode(), 422),
    ],
)
async def test_a_fault_names_its_place_and_changes_nothing(
    http: httpx.AsyncClient, world: World, admin: dict[str, str], source: bytes, status: int
) -> None:
    refused = await http.put(ADDRESS, content=source, headers=admin)
    assert refused.status_code == status, refused.text
    assert refused.json()["code"] == "configuration_invalid"
    assert refused.json()["errors"]
    assert await world.count("config_versions") == 1


async def test_a_version_that_is_none_is_not_found(http: httpx.AsyncClient, admin: dict[str, str]) -> None:
    for version in ("0", "2", "-1", "99999999999999999999"):
        assert (await http.get(f"{ADDRESS}?version={version}", headers=admin)).status_code in {400, 404}


async def test_a_document_is_checked_with_places_and_nothing_is_stored(
    http: httpx.AsyncClient, world: World, admin: dict[str, str]
) -> None:
    wrong = SOURCE.replace("item.confidence < 0.8", "item.confidnce < 0.8")
    answer = await http.post(f"{ADDRESS}/check", content=wrong, headers=admin)
    (fault,) = answer.json()["faults"]
    assert answer.status_code == 200
    assert "did you mean `confidence`?" in fault["message"]
    assert wrong.splitlines()[fault["line"] - 1][fault["column"] - 1 :].startswith("confidnce")
    good = await http.post(f"{ADDRESS}/check", content=SOURCE, headers=admin)
    assert good.json()["faults"] == []
    assert await world.count("config_versions") == 1


async def test_a_document_is_tried_on_an_item_and_nothing_is_stored(
    http: httpx.AsyncClient, world: World, admin: dict[str, str]
) -> None:
    scored = SOURCE + "scores: {risk: [{when: 'item.confidence < 0.5', add: 30}, {when: true, add: 25}]}\n"
    item = submission() | {"confidence": 0.42}
    tried = await http.post(f"{ADDRESS}/evaluate", json={"document": scored, "item": item}, headers=admin)
    assert tried.status_code == 200, tried.text
    (taken,) = [rule for rule in tried.json()["rules"] if rule["matched"]]
    assert (taken["rule"], taken["told"]) == (tried.json()["route"]["rule"], "0.42 < 0.8")
    assert tried.json()["scores"] == {"risk": 55.0}
    assert await world.count("items") == 0
    for document, given in (("rules: [", item), (SOURCE, {"type": "other"})):
        refused = await http.post(f"{ADDRESS}/evaluate", json={"document": document, "item": given}, headers=admin)
        assert refused.status_code == 422
