"""Promise 19, issue 6.7: a stop may hold what it is of, or give it the fallback that its type declares."""

from datetime import timedelta
from uuid import UUID

import httpx
import msgspec
import pytest

from review.audit.rules import OPERATOR
from review.configuration import service as configuration
from review.escalation import holds
from review.intake import stops
from review.intake.stops import Wish, strictness
from tests.intake.test_stops import SURE, bearer, post
from tests.make import CONFIG, World, submission

DOUBTFUL = submission(confidence=0.5)  # to triage, with a clock
PANEL = submission(tags=["panel"], metadata={"author": "ana@example.com"})


async def release(world: World) -> int:
    return await holds.release_ended(world.db, world.configs)


async def stop(http: httpx.AsyncClient, world: World, **more: str) -> str:
    wish = {"kind": "project", "subject": world.project, "reason": "wild", "way": "hold"} | more
    answer = await post(http, "stops", world.tokens["lea"], wish)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def test_what_is_held_waits_in_sight_with_its_clock_still_and_goes_on_to_people(
    http: httpx.AsyncClient, world: World, statements: list[str]
) -> None:
    stop_id = await stop(http, world)
    statements.clear()
    clocked = (await post(http, "items", world.service_key, DOUBTFUL)).json()
    assert len(statements) == 2, "a hold costs intake no statement"
    sure, panel = [(await post(http, "items", world.service_key, each)).json() for each in (SURE, PANEL)]
    assert [each["status"] for each in (clocked, sure, panel)] == ["queued"] * 3
    assert (clocked["sla"]["state"], sure["sla"]) == ("paused", None)
    assert (sure["route"]["held"], sure["route"]["evaluations"][-1]) == (
        True,
        {"rule": "rest", "matched": True, "stopped": True},
    )
    stored = (await http.get(f"/api/v1/items/{clocked['id']}", headers=bearer(world.service_key))).json()
    assert (stored["route"], stored["sla"]) == (clocked["route"], clocked["sla"]), "replay gives what was answered"
    assert await world.claim("ana", limit=5) == []
    shown = (await http.get("/api/v1/stops", headers=bearer(world.tokens["lea"]))).json()["data"]
    assert [(each["id"], each["held"]) for each in shown] == [(stop_id, 3)]
    assert await release(world) == 0
    withdrawn = await post(http, f"items/{panel['id']}/withdraw", world.service_key, {"reason": "never mind"})
    assert withdrawn.json()["status"] == "withdrawn"
    await world.db.hot.execute("UPDATE cases SET clock_started_at = clock_started_at - interval '1 hour'")
    await post(http, f"stops/{stop_id}/resume", world.tokens["lea"], {"reason": "mended"})
    assert await release(world) == 3
    assert await release(world) == await world.count("held_items") == 0
    claimed = await world.claim("ana", limit=5)
    assert {str(each.item.id) for each in claimed} == {clocked["id"], sure["id"]}
    after = (await http.get(f"/api/v1/items/{clocked['id']}", headers=bearer(world.service_key))).json()
    assert (after["sla"]["state"], after["status"]) == ("on_track", "in_review")
    assert await world.count("audit_entries", action="item.released") == 2
    assert await world.count("events", kind="item.reopened") == 2
    assert await world.count("events", kind="item.resumed") == 1


async def test_a_hold_that_ends_by_itself_lets_go_and_what_another_holds_stays(
    http: httpx.AsyncClient, world: World
) -> None:
    await stop(http, world, expires_in="1h")
    rule = await stop(http, world, kind="rule", subject="rest")
    assert (await post(http, "items", world.service_key, SURE)).json()["status"] == "queued"
    assert (await post(http, "items", world.service_key, PANEL)).json()["status"] == "queued"
    await world.db.hot.execute("UPDATE stops SET expires_at = now() - interval '1 second' WHERE kind = 'project'")
    await release(world)
    assert await world.count("held_items", stop_id=UUID(rule)) == 1, "it is under another hold, which stands"
    assert await world.count("assignments") == 2, "both seats of the panel"
    longer = await stop(http, world, kind="rule", subject="rest", expires_in="1h")
    assert longer == rule, "a shorter one never weakens what stands"
    await post(http, f"stops/{rule}/resume", world.tokens["lea"], {"reason": "mended"})
    await release(world)
    assert (await world.count("held_items"), await world.count("assignments")) == (0, 3)


async def test_an_item_that_was_on_its_way_when_its_hold_ended_is_not_lost(
    http: httpx.AsyncClient, world: World
) -> None:
    stop_id = await stop(http, world)
    seen = msgspec.structs.replace(world.service, stops=(f"hold/{stop_id}/project:{world.project}",))
    await post(http, f"stops/{stop_id}/resume", world.tokens["lea"], {"reason": "mended"})
    await release(world)
    world.service = seen  # its key was looked up before
    await world.submit(confidence=0.95)
    assert await world.count("held_items") == await release(world) == 1
    assert len(await world.claim("ana")) == 1


async def test_an_override_decides_what_is_held(http: httpx.AsyncClient, world: World) -> None:
    stop_id = await stop(http, world)
    item = (await post(http, "items", world.service_key, DOUBTFUL)).json()
    verdict = {"verdict": "reject", "reason": "plainly wrong", "reasons": ["ambiguous"]}
    decided = await post(http, f"items/{item['id']}/override", world.tokens["lea"], verdict)
    assert decided.json()["status"] == "decided", decided.text
    await post(http, f"stops/{stop_id}/resume", world.tokens["lea"], {"reason": "mended"})
    await release(world)
    assert await world.count("held_items") == await world.count("assignments") == 0


async def test_whoever_resumes_may_have_the_rules_of_then_judge_what_was_held(
    http: httpx.AsyncClient, world: World
) -> None:
    stop_id, lead = await stop(http, world), world.tokens["lea"]
    kinds = (SURE, DOUBTFUL, submission(tags=["blocked"]), SURE | {"model": {"name": "wild"}})
    items = [(await post(http, "items", world.service_key, each)).json() for each in kinds]
    await stop(http, world, kind="model", subject="wild", way="approvals")
    looser = CONFIG.format(project=world.project).replace("item.confidence < 0.8", "item.confidence < 0.4")
    async with world.db.transaction() as tx:
        await configuration.apply(tx, looser, actor=OPERATOR)
    await post(http, f"stops/{stop_id}/resume", lead, {"reason": "mended", "afterwards": "rules"})
    assert await release(world) == 4
    heading = bearer(world.service_key)
    after = [(await http.get(f"/api/v1/items/{each['id']}", headers=heading)).json() for each in items]
    said = [each["decision"] and (each["decision"]["verdict"], each["decision"]["source"]) for each in after]
    assert said == [("approve", "rule"), ("approve", "rule"), ("reject", "rule"), None]
    assert [each["route"] for each in after] == [each["route"] for each in items], "how it arrived stays as it was"
    assert after[0]["decision"]["output_sha256"] is not None
    assert await world.count("assignments", state="open") == 1
    assert await world.count("feedback") == await world.count("held_items") == 0
    assert await world.count("events", kind="item.decided") == 3
    told = await world.db.hot.fetchval(
        "SELECT details -> 'route' ->> 'ruleset_version' FROM audit_entries WHERE action = 'item.released'"
        " AND item_id = $1",
        UUID(items[1]["id"]),
    )
    assert told == "2"


async def declare(world: World, fallback: str) -> None:
    source = CONFIG.format(project=world.project).replace("    undo: 0s", f"    undo: 0s\n    fallback: {fallback}")
    async with world.db.transaction() as tx:
        await configuration.apply(tx, source, actor=OPERATOR)


@pytest.mark.parametrize("declared", ["reject", "approve", None])
async def test_the_fallback_of_the_type_decides_and_else_people_do(
    http: httpx.AsyncClient, world: World, declared: str | None
) -> None:
    """Never an approval unless the document says so, nor beside another stop, nor of what cannot be evaluated."""
    if declared is not None:
        await declare(world, declared)
    await stop(http, world, way="fallback")
    answers = [(await post(http, "items", world.service_key, each)).json() for each in (SURE, DOUBTFUL, PANEL)]
    broken = submission()
    del broken["confidence"]
    answers.append((await post(http, "items", world.service_key, broken)).json())
    said = [each["decision"] and each["decision"]["verdict"] for each in answers]
    assert said == [*[declared] * 3, "reject" if declared == "reject" else None]
    assert [each["route"].get("fallback") for each in answers][:3] == [declared and True] * 3
    await stop(http, world, kind="rule", subject="rest", way="approvals")
    again = (await post(http, "items", world.service_key, SURE)).json()
    assert again["status"] == ("decided" if declared == "reject" else "queued")
    await stop(http, world, kind="rule", subject="rest", way="hold")
    assert (await post(http, "items", world.service_key, SURE)).json()["status"] == "queued", "to hold is stronger"


async def test_the_stricter_way_stays_on_one_subject(world: World) -> None:
    rank = {way: strictness(way, may_approve=False) for way in ("approvals", "everything", "fallback", "hold")}
    assert sorted(rank, key=rank.__getitem__) == ["approvals", "everything", "fallback", "hold"]
    assert strictness("fallback", may_approve=True) < strictness("approvals", may_approve=True)
    wish = Wish(kind="project", subject=world.project, reason="wild", way="hold", lasts=timedelta(hours=1))
    async with world.db.transaction() as tx:
        first = await stops.stop(tx, who=world.people["lea"], config=world.config, wish=wish)
    weaker = msgspec.structs.replace(wish, way="fallback", lasts=timedelta(hours=2))
    async with world.db.transaction() as tx:
        second = await stops.stop(tx, who=world.people["lea"], config=world.config, wish=weaker)
    assert (second.way, second.id == first.id) == ("hold", False), "the later end, and still nothing handed out"
