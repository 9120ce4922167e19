"""A role of the project's own with `decisions:override` and without `pools:all` leads its pools, and no others."""

from typing import Any

import httpx
import pytest

from review.audit.rules import OPERATOR
from review.delivery.notifications import queries as notifications
from review.escalation import ladder_queries
from review.identity import people
from review.kernel.db import driver_of
from tests.make import World
from tests.web.matrix import CUSTOM
from tests.web.scene import add_role

OVERRIDE = {"verdict": "reject", "reason": "policy"}


@pytest.fixture
async def led(world: World) -> World:
    """A project whose pool triage has a lead of its own, tara."""
    await add_role(world)
    await world.add_person("tara", CUSTOM)
    async with world.db.transaction() as tx:
        project_id, tara = world.service.project_id, world.people["tara"].id
        await people.change(tx, project_id, tara, actor=OPERATOR, pools=["triage"])
    return world


async def act(http: httpx.AsyncClient, world: World, path: str, body: dict[str, Any], name: str = "tara") -> int:
    headers = {"Authorization": f"Bearer {world.tokens[name]}"}
    return (await http.post(f"/api/v1/items/{path}", json=body, headers=headers)).status_code


async def test_they_override_in_their_pools_alone(http: httpx.AsyncClient, led: World) -> None:
    mine, theirs = (await led.submit()).item.id, (await led.submit(tags=["vip"])).item.id
    passed = (await led.submit(confidence=0.95)).item.id
    for item_id in (theirs, passed):
        assert await act(http, led, f"{item_id}/override", OVERRIDE) == 404
        assert await act(http, led, f"{item_id}/pause", {"reason": "why"}) == 404
    assert await act(http, led, f"{mine}/override", OVERRIDE) == 200
    assert await act(http, led, f"{mine}/override", OVERRIDE | {"verdict": "approve"}) == 200, (
        "decided, and still theirs"
    )
    assert await led.count("decisions", source="override") == 2


async def test_having_had_an_item_in_hand_is_not_enough_to_override_it(http: httpx.AsyncClient, led: World) -> None:
    item_id = (await led.submit()).item.id
    await led.claim("tara")
    await led.db.hot.execute("UPDATE cases SET pool = 'seniors'")
    headers = {"Authorization": f"Bearer {led.tokens['tara']}"}
    assert (await http.get(f"/api/v1/items/{item_id}", headers=headers)).status_code == 200
    assert await act(http, led, f"{item_id}/override", OVERRIDE) == 404
    assert await led.count("decisions") == 0


async def test_they_hear_what_others_judged_and_reviewers_do_not(http: httpx.AsyncClient, led: World) -> None:
    item_id = (await led.submit(tags=["panel"])).item.id
    (held,) = await led.claim("ana")
    await led.judge("ana", held, "approve")

    async def heard(name: str) -> bool:
        headers = {"Authorization": f"Bearer {led.tokens[name]}"}
        history = (await http.get(f"/api/v1/items/{item_id}/history", headers=headers)).json()["data"]
        return "review.submitted" in {each["action"] for each in history}

    assert await heard("tara")
    assert await heard("lea")
    assert not await heard("ben")


async def test_what_pool_leads_are_told_reaches_them_for_their_pools(led: World) -> None:
    rows = await notifications.list_people(led.db.hot, led.service.project_id, [], ["triage"])
    assert {row["email"]: row["is_lead"] for row in rows}["tara@example.com"]
    rows = await notifications.list_people(led.db.hot, led.service.project_id, [], ["seniors"])
    assert "tara@example.com" not in {row["email"] for row in rows}


@pytest.mark.parametrize(("pool", "has_leads"), [("triage", True), ("seniors", False)])
async def test_a_ladder_counts_them_as_leads_of_their_pools(led: World, pool: str, has_leads: bool) -> None:
    await led.db.hot.execute("DELETE FROM memberships WHERE role = 'lead'")
    async with led.db.transaction() as tx:
        row = await (await driver_of(tx)).fetchrow(
            ladder_queries.FIND_REACH,
            *(led.service.project_id, pool, [], [], [], led.service.id, [], led.service.id),
        )
    assert row is not None
    assert row["has_leads"] is has_leads
