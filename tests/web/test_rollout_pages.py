"""Rolling a candidate out by hand and by program, from its version's page to the way back."""

import re
from typing import Any

import httpx

from review.identity.rules import Role
from tests.make import OF_A_PAGE, PASSWORD, World
from tests.rehearsal.worlds import LOOSER, propose
from tests.rollout.scenes import follow, submit

HTML = {"Accept": "text/html", **OF_A_PAGE}
RULES = "/p/support/rules"
ROLLOUTS = "/api/v1/config/rollouts"


async def _sign_in(http: httpx.AsyncClient, world: World, name: str, role: Role) -> None:
    await world.add_person(name, role, password=PASSWORD)
    answer = await http.post("/sign-in", data={"email": f"{name}@example.com", "password": PASSWORD})
    assert answer.status_code == 303


async def _read(http: httpx.AsyncClient, path: str) -> str:
    answer = await http.get(path, headers=HTML)
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", answer.text)


async def _send(http: httpx.AsyncClient, world: World, path: str, status: int = 303, **fields: str) -> str:
    csrf = await world.db.hot.fetchval("SELECT csrf_token FROM sessions ORDER BY created_at DESC LIMIT 1")
    answer = await http.post(path, data={"_csrf": csrf, **fields}, headers=HTML)
    assert answer.status_code == status, answer.text
    return str(answer.headers.get("location", answer.text))


async def test_from_the_versions_page_into_the_shadow_live_wider_and_back(
    http: httpx.AsyncClient, world: World
) -> None:
    to = await propose(world, LOOSER)
    await _sign_in(http, world, "ada", Role.ADMIN)
    assert "There is none yet" in await _read(http, f"{RULES}/rollouts")
    assert "Begin the rollout" in await _read(http, f"{RULES}/{to}")
    wrong: dict[str, Any] = {
        "version": "x",
        "share": "most",
        "steps": "soon",
        "breach_rate": "200",
        "oldest_waiting": "old",
    }
    refused = await _send(http, world, f"{RULES}/rollouts", 422, **wrong, override_rate="5", override_rate_least="few")
    assert "nothing was changed" in refused
    there = (await _send(http, world, f"{RULES}/rollouts", version=str(to), reason="let more through")).partition("?")[
        0
    ]
    assert "No item has come in since it began" in await _read(http, there)
    await submit(world, 2, confidence=0.6)
    await follow(world)
    shadow = await _read(http, f"{there}?done=rollout-began")
    for told in ("let more through", "in the shadow", "low-confidence → rest", "<code>item.confidence</code> 0.6"):
        assert told in shadow, told
    course: dict[str, Any] = {
        "share": "5",
        "tag": "beta",
        "steps": "25% after 1d, 100% after 3d",
        "override_rate": "5%",
    }
    await _send(http, world, f"{there}/live", **course, oldest_waiting="4h", oldest_waiting_least="3")
    live = await _read(http, there)
    for told in ("It routes <span", ">beta</code>", "of what its rules decided, people found wrong", "240 min", "1d"):
        assert told in live, told
    await _send(http, world, f"{there}/widen", share="10")
    await _send(http, world, f"{there}/widen", 422, share="5")
    await _send(http, world, f"{there}/pause")
    assert "Its schedule is paused" in await _read(http, there)
    await _send(http, world, f"{there}/resume")
    await _send(http, world, f"{there}/end", reason="it hurt")
    ended = await _read(http, there)
    assert "rolled back" in ended
    assert "it hurt" in ended
    assert "Roll back" not in ended
    assert f"Version {to}" in await _read(http, f"{RULES}/rollouts")
    await _send(http, world, f"{there}/end", 409)


async def test_a_lead_takes_back_what_only_an_admin_begins(http: httpx.AsyncClient, world: World) -> None:
    to = await propose(world, LOOSER)
    await world.add_person("ada", Role.ADMIN)
    ada = {"Authorization": f"Bearer {world.tokens['ada']}"}
    lea = {"Authorization": f"Bearer {world.tokens['lea']}"}
    body: dict[str, Any] = {
        "version": to,
        "mode": "live",
        "tag": "beta",
        "steps": [{"share": 0.25, "after": "1d"}],
        "guards": [{"name": "breach_rate", "bound": 0.1, "least": 50}],
    }
    assert (await http.post(ROLLOUTS, json=body, headers=lea)).status_code == 403
    wrong = body | {"steps": [{"share": 0.25, "after": "soon"}]}
    assert (await http.post(ROLLOUTS, json=wrong, headers=ada)).json()["errors"][0]["path"] == "steps[0].after"
    begun = await http.post(ROLLOUTS, json=body, headers=ada)
    assert begun.status_code == 201, begun.text
    assert (begun.json()["state"], begun.json()["steps"]) == ("live", [{"share": 0.25, "after": "1d"}])
    there = f"{ROLLOUTS}/{begun.json()['id']}"
    assert (await http.post(ROLLOUTS, json=body, headers=ada)).json()["code"] == "rollout_running"
    assert (await http.post(f"{there}/live", headers=ada)).json()["code"] == "rollout_refused"
    await submit(world, confidence=0.6, tags=["beta"])
    await submit(world, confidence=0.6)
    await follow(world)
    found = (await http.get(there, headers=lea)).json()
    assert (found["rollout"]["taken"], found["flows"][0]["count"]) == (1, 1)
    assert found["guards"][0]["guard"] == {"name": "breach_rate", "bound": 0.1, "least": 50}
    listed = (await http.get(f"{there}/differences?limit=1", headers=lea)).json()
    assert [each["candidate"] for each in listed["data"]] == ["approve"]
    assert (await http.post(f"{there}/widen", json={"share": 0.5}, headers=ada)).json()["share"] == 0.5
    assert (await http.post(f"{there}/pause", headers=ada)).json()["paused_at"] is not None
    assert (await http.post(f"{there}/resume", headers=ada)).json()["paused_at"] is None
    ended = await http.post(f"{there}/end", json={"reason": "it hurt"}, headers=lea)
    assert (ended.json()["state"], ended.json()["ended_by"]) == ("rolled_back", "lea@example.com")
    assert [each["state"] for each in (await http.get(f"{ROLLOUTS}?limit=1", headers=lea)).json()["data"]] == [
        "rolled_back"
    ]
