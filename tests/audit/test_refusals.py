"""Promise 5: a stale holder's attempt is refused, changes nothing, and is in the audit."""

import asyncio
from typing import Any

import httpx
import msgspec
import pytest

from review.audit import queries
from review.queueing.schemas import ClaimedAssignment
from tests.make import PASSWORD, World
from tests.web.test_pages import token


async def lost(world: World, name: str = "ana") -> ClaimedAssignment:
    """Let somebody lose what they claimed to somebody else."""
    await world.submit()
    (held,) = await world.claim(name)
    await world.db.hot.execute("UPDATE assignments SET state = 'open', holder_id = NULL, lease_until = NULL")
    await world.db.hot.execute("DELETE FROM case_reviewers")
    await world.claim("ben")
    return held


async def refusals(world: World) -> list[dict[str, Any]]:
    rows = await world.db.hot.fetch(
        "SELECT actor_name, item_id, origin, details FROM audit_entries WHERE action = 'assignment.refused' ORDER BY at"
    )
    return [dict(row) | {"details": msgspec.json.decode(row["details"])} for row in rows]


ACTS: dict[str, dict[str, Any]] = {
    "extend": {},
    "release": {},
    "skip": {"reason": "no"},
    "escalate": {"reason": "no"},
    "review": {"verdict": "approve"},
}


@pytest.mark.parametrize("act", ACTS)
async def test_every_stale_act_is_refused_and_recorded(http: httpx.AsyncClient, world: World, act: str) -> None:
    held = await lost(world)
    ana = {"Authorization": f"Bearer {world.tokens['ana']}"}
    before = await world.count("audit_entries")
    body = ACTS[act] | {"fence": held.fence}
    answer = await http.post(f"/api/v1/assignments/{held.id}/{act}", json=body, headers=ana)
    assert (answer.status_code, answer.json()["code"]) == (409, "lease_lost")
    (entry,) = await refusals(world)
    assert (entry["actor_name"], entry["item_id"], entry["origin"]) == ("ana@example.com", held.item.id, "127.0.0.1")
    assert entry["details"] == {
        "act": act, "assignment_id": str(held.id), "fence": held.fence, "pool": "triage", "code": "lease_lost",
    }  # fmt: skip  # one line each
    assert await world.count("audit_entries") == before + 1
    assert await world.count("reviews") == await world.count("decisions") == 0
    again = await asyncio.gather(
        *(http.post(f"/api/v1/assignments/{held.id}/{act}", json=body, headers=ana) for _ in range(5))
    )
    assert {each.status_code for each in again} == {409}
    assert len(await refusals(world)) == 1, "the same within a minute is one entry"


@pytest.mark.parametrize("act", ["skip", "escalate", "review", "release"])
async def test_a_stale_form_is_recorded_too(http: httpx.AsyncClient, world: World, act: str) -> None:
    await world.add_person("nora", world.people["ana"].role, password=PASSWORD)
    await world.db.hot.execute(
        "INSERT INTO pool_members VALUES ($1, 'triage', 'nora@example.com', 'direct')", world.service.project_id
    )
    held = await lost(world, "nora")
    await http.post("/sign-in", data={"email": "nora@example.com", "password": PASSWORD})
    form = {"_csrf": await token(http), "fence": str(held.fence), "verdict": "approve", "reason": "no"}
    answer = await http.post(f"/p/support/assignments/{held.id}/{act}", data=form, headers={"Accept": "text/html"})
    assert answer.status_code == 409
    (entry,) = await refusals(world)
    assert (entry["actor_name"], entry["details"]["act"]) == ("nora@example.com", act)


async def test_looking_at_what_one_no_longer_holds_is_no_attempt(http: httpx.AsyncClient, world: World) -> None:
    await world.add_person("nora", world.people["ana"].role, password=PASSWORD)
    await world.db.hot.execute(
        "INSERT INTO pool_members VALUES ($1, 'triage', 'nora@example.com', 'direct')", world.service.project_id
    )
    held = await lost(world, "nora")
    await http.post("/sign-in", data={"email": "nora@example.com", "password": PASSWORD})
    answer = await http.get(f"/p/support/assignments/{held.id}", headers={"Accept": "text/html"})
    assert answer.status_code == 409
    assert await refusals(world) == []


@pytest.mark.parametrize("act", ["extend", "review"])
async def test_a_refusal_that_cannot_be_recorded_stays_a_refusal(
    http: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    held = await lost(world)
    monkeypatch.setattr(queries, "NOTE_REFUSED", "SELECT 1 / 0")
    ana = {"Authorization": f"Bearer {world.tokens['ana']}"}
    body = ACTS[act] | {"fence": held.fence}
    answer = await http.post(f"/api/v1/assignments/{held.id}/{act}", json=body, headers=ana)
    assert (answer.status_code, answer.json()["code"]) == (409, "lease_lost")


async def test_a_blind_reviewer_is_not_told_what_others_tried(http: httpx.AsyncClient, world: World) -> None:
    item_id = (await world.submit(tags=["panel"])).item.id
    (first,) = await world.claim("ana")
    (_second,) = await world.claim("ben")
    await world.judge("ana", first, "approve")
    ana = {"Authorization": f"Bearer {world.tokens['ana']}"}
    body = {"fence": first.fence, "verdict": "reject"}
    await http.post(f"/api/v1/assignments/{first.id}/review", json=body, headers=ana)
    assert len(await refusals(world)) == 1

    async def told(name: str) -> set[str]:
        headers = {"Authorization": f"Bearer {world.tokens[name]}"}
        answer = await http.get(f"/api/v1/items/{item_id}/history", headers=headers)
        return {entry["action"] for entry in answer.json()["data"]}

    assert not {"assignment.refused", "review.submitted"} & await told("ben")
    assert {"assignment.refused", "review.submitted"} <= await told("lea")
