"""Issue 6.7: what rules let through is brought back to people, whose word is a revision."""

from uuid import UUID

import httpx

from review.bulk.schemas import Asked, Kind
from review.items import service as items
from tests.bulk.acts import done, preview, submitted, work
from tests.make import BASE_URL, World

BACK = Asked(act=Kind.BRING_BACK, reason="the model went wild")
SURE = {"confidence": 0.95}


async def test_what_a_rule_decided_goes_to_people_and_its_decision_counts_until_they_revise_it(world: World) -> None:
    ids = await submitted(world, 2, **SURE)
    (mine,) = await submitted(world, 1, **SURE, subject="ana@example.com")
    assert set((await done(world, "lea", BACK, [*ids, mine])).values()) == {"done"}
    view = await items.get_detail(world.db.hot, who=world.people["lea"], item_id=ids[0], base_url=BASE_URL)
    assert view.decision is not None
    assert (view.status, view.decision.source, view.decision.revision, view.pool) == ("queued", "rule", 1, "triage")
    claimed = {each.item.id: each for each in await world.claim("ana", limit=5)}
    assert set(claimed) == set(ids), "what concerns her is for somebody else"
    rejected = await world.judge("ana", claimed[ids[0]], "reject", reasons=("out_of_scope",))
    approved = await world.judge("ana", claimed[ids[1]], "approve")
    for answer, verdict in ((rejected, "reject"), (approved, "approve")):
        assert answer.item.decision is not None
        assert (answer.item.status, answer.item.decision.verdict) == ("decided", verdict)
        assert (answer.item.decision.source, answer.item.decision.revision) == ("review", 2)
    assert await world.count("decisions", revision=2) == await world.count("events", kind="decision.revised") == 2
    assert await world.count("feedback") == 2, "a rule leaves none, people do"
    assert await world.count("events", kind="item.reopened") == await world.count("cases") == 3
    assert await world.count("audit_entries", action="item.reopened") == 3
    assert await world.count("assignments", state="open") == 1


async def test_what_is_left_out_and_why(world: World) -> None:
    (plain, judged, overridden) = await submitted(world, 3, **SURE)
    (waits,) = await submitted(world, 1)
    await world.db.hot.execute("UPDATE decisions SET source = 'override' WHERE item_id = $1", overridden)
    assert set((await done(world, "lea", BACK, [judged])).values()) == {"done"}
    (mine,) = [each for each in await world.claim("ana", limit=5) if each.item.id == judged]
    await world.judge("ana", mine, "approve")
    chosen = [plain, judged, overridden, waits]
    seen = await preview(world, "lea", BACK, chosen)
    assert (seen.done, seen.left_out) == (1, {"not_by_rule": 2, "open": 1})
    assert await done(world, "lea", BACK, chosen) == {
        plain: "done",
        judged: "not_by_rule",
        overridden: "not_by_rule",
        waits: "open",
    }
    assert set((await done(world, "lea", BACK, chosen)).values()) == {"not_by_rule", "open"}, "twice is as once"


async def test_an_incident_brings_back_what_was_let_through_in_one_call(http: httpx.AsyncClient, world: World) -> None:
    model = {"name": "intent-clf", "version": "7"}
    wild = await submitted(world, 2, **SURE, model=model)
    await submitted(world, 1, **SURE)
    await submitted(world, 1, tags=["blocked"], model=model)
    given = {"act": "bring_back", "reason": "wild", "let_through": {"kind": "model", "subject": "intent-clf@7"}}
    lead = {"Authorization": f"Bearer {world.tokens['lea']}"}
    seen = await http.post("/api/v1/bulk/preview", json=given, headers=lead)
    assert (seen.json()["done"], seen.json()["left_out"]) == (2, {}), seen.text
    begun = await http.post("/api/v1/bulk", json=given, headers=lead)
    await world.db.hot.execute("UPDATE bulk_acts SET counts_at = now()")
    await work(world)
    told = (await http.get(f"/api/v1/bulk/{begun.json()['id']}", headers=lead)).json()
    assert {UUID(each["item_id"]): each["state"] for each in told["items"]} == dict.fromkeys(wild, "done")
    again = await http.post("/api/v1/bulk/preview", json=given, headers=lead)
    assert again.status_code == 422, "nothing of it is left"
    for change, code in (
        ({"act": "give_back"}, "bulk_invalid"),
        ({"items": []}, "bulk_invalid"),
        ({"let_through": {"kind": "model", "subject": "x", "within": "soon"}}, "bulk_invalid"),
    ):
        refused = await http.post("/api/v1/bulk/preview", json=given | change, headers=lead)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    reviewer = {"Authorization": f"Bearer {world.tokens['ana']}"}
    assert (await http.post("/api/v1/bulk/preview", json=given, headers=reviewer)).status_code == 403
