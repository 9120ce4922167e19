"""The contract of claiming, keeping, giving back and reviewing, over HTTP."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.make import World, submission

PREFIX = "/api/v1"


class Caller:
    """One person or key, calling."""

    def __init__(self, http: httpx.AsyncClient, secret: str) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {secret}"}

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self._http.post(f"{PREFIX}/{path}", json=body, headers=self._headers)

    async def get(self, path: str) -> httpx.Response:
        return await self._http.get(f"{PREFIX}/{path}", headers=self._headers)

    async def claim(self, pool: str = "triage", **body: Any) -> list[dict[str, Any]]:
        answer = await self.post(f"pools/{pool}/claims", **body)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]
        return found


@pytest.fixture
def ana(http: httpx.AsyncClient, world: World) -> Caller:
    return Caller(http, world.tokens["ana"])


@pytest.fixture
def ben(http: httpx.AsyncClient, world: World) -> Caller:
    return Caller(http, world.tokens["ben"])


async def test_a_claim_hands_over_what_is_needed_to_judge(ana: Caller, world: World) -> None:
    item = (await world.submit(external_id="m1", explanation="a hunch", tags=["beta"])).item
    (held,) = await ana.claim()
    assert set(held) == {"id", "case_id", "kind", "pool", "fence", "lease_expires_at", "item", "verdicts", "answers"}
    assert (held["kind"], held["pool"], held["fence"]) == ("review", "triage", 1)
    assert (held["verdicts"], held["answers"]) == (["approve", "correct", "reject"], None)
    assert held["item"]["id"] == str(item.id)
    assert held["item"]["status"] == "in_review"
    assert held["item"]["input"] == {"text": "where is my card"}
    assert held["item"]["details"]["explanation"] == "a hunch"
    assert await ana.claim() == []


async def test_claims_go_by_priority_then_due_time_then_age(ana: Caller, world: World) -> None:
    late = (await world.submit("clocked")).item
    unclocked = (await world.submit("unclocked", tags=["panel"])).item
    later = (await world.submit("clocked too")).item
    await world.db.hot.execute("UPDATE assignments SET priority = 90 WHERE item_id = $1", later.id)
    order = [held["item"]["id"] for held in await ana.claim(limit=20)]
    assert order == [str(later.id), str(late.id), str(unclocked.id)]


async def test_a_limit_is_kept(ana: Caller, ben: Caller, world: World) -> None:
    for at in range(5):
        await world.submit(str(at))
    assert len(await ana.claim(limit=3)) == 3
    assert len(await ben.claim(limit=20)) == 2
    for limit in (0, 21, "2", None, 1.5):
        assert (await ana.post("pools/triage/claims", limit=limit)).status_code == 422


async def test_extend_moves_the_end_of_the_lease(ana: Caller, ben: Caller, world: World) -> None:
    await world.submit()
    (held,) = await ana.claim()
    longer = await ana.post(f"assignments/{held['id']}/extend", fence=1)
    assert longer.json()["lease_expires_at"] > held["lease_expires_at"]
    assert (await ben.post(f"assignments/{held['id']}/extend", fence=1)).json()["code"] == "lease_lost"
    assert (await ana.post(f"assignments/{held['id']}/extend", fence=2)).status_code == 409


async def test_released_work_is_offered_again_and_skipped_work_is_not(ana: Caller, ben: Caller, world: World) -> None:
    item = (await world.submit()).item
    (held,) = await ana.claim()
    released = await ana.post(f"assignments/{held['id']}/release", fence=1)
    assert released.json() == {"id": held["id"], "state": "open", "escalation_level": None}
    (again,) = await ana.claim()
    assert again["fence"] == 2
    assert (await ana.post(f"assignments/{held['id']}/skip", fence=2, reason="my cousin")).status_code == 200
    assert await ana.claim() == []
    (theirs,) = await ben.claim()
    assert (theirs["id"], theirs["fence"]) == (held["id"], 3)
    history = (await ana.get(f"items/{item.id}/history")).json()["data"]
    assert [(entry["action"], entry["details"].get("reason")) for entry in history[-2:]] == [
        ("assignment.skipped", "my cousin"),
        ("assignment.claimed", None),
    ]


async def test_an_escalation_raises_and_goes_to_somebody_else(ana: Caller, ben: Caller, world: World) -> None:
    first, second = (await world.submit("a")).item, (await world.submit("b")).item
    (held,) = await ana.claim()
    assert held["item"]["id"] == str(first.id)
    (other,) = await ben.claim()
    assert other["item"]["id"] == str(second.id)
    raised = await ben.post(f"assignments/{other['id']}/escalate", fence=1, reason="too hard")
    assert raised.json()["escalation_level"] == 1
    await ana.post(f"assignments/{held['id']}/release", fence=1)
    assert [each["item"]["id"] for each in await ana.claim(limit=2)] == [str(second.id), str(first.id)]
    shown = (await ana.get(f"items/{second.id}")).json()
    assert (shown["escalation_level"], shown["priority"]) == (1, 70)
    assert await ben.claim() == []


async def test_escalations_stop_at_the_highest_priority(ana: Caller, world: World) -> None:
    item = (await world.submit()).item
    for table in ("cases", "assignments"):
        await world.db.hot.execute(f"UPDATE {table} SET priority = 95 WHERE item_id = $1", item.id)
    (held,) = await ana.claim()
    assert (await ana.post(f"assignments/{held['id']}/escalate", fence=1)).status_code == 200
    assert (await ana.get(f"items/{item.id}")).json()["priority"] == 100


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"verdict": "approve", "output": {"label": "refund"}}, "output"),
        ({"verdict": "correct"}, "output"),
        ({"verdict": "correct", "output": {"label": "nope"}}, "output.label"),
        ({"verdict": "correct", "output": {"label": "card_arrival"}}, "output"),
        ({"verdict": "correct", "output": {"label": "refund", "more": 1}}, "output"),
        ({"verdict": "reject", "reasons": ["because"]}, "reasons[0]"),
        ({"verdict": "maybe"}, "verdict"),
        ({"verdict": "approve", "comment": "x" * 10_001}, "comment"),
        ({}, ""),
    ],
)
async def test_a_judgement_that_cannot_be_taken_leaves_the_claim(
    ana: Caller, world: World, body: dict[str, Any], path: str
) -> None:
    await world.submit()
    (held,) = await ana.claim()
    refused = await ana.post(f"assignments/{held['id']}/review", fence=1, **body)
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["path"] == path
    assert await world.count("reviews") == 0
    assert (await ana.post(f"assignments/{held['id']}/review", fence=1, verdict="approve")).status_code == 200


async def test_a_review_answers_with_itself_and_the_item(ana: Caller, world: World) -> None:
    item = (await world.submit()).item
    (held,) = await ana.claim()
    body = {"verdict": "correct", "output": {"label": "refund"}, "reasons": ["wrong_label"], "comment": "see text"}
    done = (await ana.post(f"assignments/{held['id']}/review", fence=1, **body)).json()
    assert {key: done["review"][key] for key in body} == body
    assert str(UUID(done["review"]["id"])) == done["review"]["id"]
    assert done["review"]["held_seconds"] >= 0
    decision = done["item"]["decision"]
    assert (done["item"]["id"], done["item"]["status"]) == (str(item.id), "decided")
    assert (decision["verdict"], decision["output"], decision["source"]) == ("correct", {"label": "refund"}, "review")
    assert (decision["reasons"], decision["comment"], decision["decided_by"]) == (
        ["wrong_label"],
        "see text",
        "ana@example.com",
    )


async def test_a_panel_hides_nothing_it_decides(ana: Caller, ben: Caller, world: World) -> None:
    await world.submit(tags=["panel"])
    (first,), (second,) = await ana.claim(), await ben.claim()
    assert first["case_id"] == second["case_id"]
    waiting = (await ana.post(f"assignments/{first['id']}/review", fence=1, verdict="approve")).json()
    assert (waiting["item"]["status"], waiting["item"]["decision"]) == ("in_review", None)
    done = (await ben.post(f"assignments/{second['id']}/review", fence=1, verdict="approve")).json()
    decision = done["item"]["decision"]
    assert (decision["source"], decision["reviews"]) == ("consensus", 2)
    assert decision["decided_by"] == "ana@example.com, ben@example.com"


async def test_an_override_needs_a_reason_and_revises(http: httpx.AsyncClient, ana: Caller, world: World) -> None:
    lea = Caller(http, world.tokens["lea"])
    item = (await world.submit()).item
    (held,) = await ana.claim()
    assert (await lea.post(f"items/{item.id}/override", verdict="reject")).status_code == 422
    assert (await lea.post(f"items/{item.id}/override", verdict="reject", reason="  ")).status_code == 422
    first = await lea.post(f"items/{item.id}/override", verdict="reject", reason="policy")
    assert (first.json()["decision"]["revision"], first.json()["decision"]["output"]) == (1, None)
    lost = await ana.post(f"assignments/{held['id']}/review", fence=1, verdict="approve")
    assert lost.status_code == 409
    assert "decided by lea@example.com (reject)" in lost.json()["detail"]
    body = {"verdict": "correct", "output": {"label": "refund"}, "reason": "appeal"}
    second = await lea.post(f"items/{item.id}/override", **body)
    assert second.json()["decision"]["revision"] == 2
    gone = (await world.submit("gone")).item
    key = Caller(http, world.service_key)
    assert (await key.post(f"items/{gone.id}/withdraw", reason="resolved")).json()["status"] == "withdrawn"
    assert (await key.post(f"items/{gone.id}/withdraw")).status_code == 200
    assert (await lea.post(f"items/{gone.id}/override", **body)).json()["code"] == "item_closed"
    late = await key.post(f"items/{item.id}/withdraw")
    assert late.status_code == 409
    assert "decided by lea@example.com" in late.json()["detail"]


async def test_lists_page_through_everything_once(http: httpx.AsyncClient, world: World) -> None:
    key = Caller(http, world.service_key)
    sent = {str((await world.submit(str(at))).item.id) for at in range(7)}
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await key.get(f"items?limit=3{cursor}")).json()
        seen += [item["id"] for item in page["data"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
        await key.post("items", **submission("arrives while paging"))
    assert sorted(seen) == sorted(sent)
    assert seen == sorted(seen, reverse=True)
