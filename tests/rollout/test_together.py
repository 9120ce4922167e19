"""Rules 3 and 4: a live rollout beside stops that hold or fall back, clearing, and what is measured at intake."""

from typing import Any
from uuid import UUID

import asyncpg
import httpx
import msgspec
import pytest

from review.configuration import rollouts
from review.escalation import holds
from review.intake import measure_queries, measuring, stops
from review.intake import service as intake
from review.intake.service import Accepted
from review.registry import service as registry
from review.registry.rules import Called
from review.rehearsal import evaluating, remeasuring
from review.rehearsal.report import Versions
from review.rehearsal.rules import replayed
from review.rollout.rules import restraint_as
from review.routing.rollouts import Course
from review.routing.rules import Route
from tests.intake.conftest import statements
from tests.intake.test_stops import bearer, post
from tests.make import CONFIG, World, submission
from tests.rehearsal.worlds import LOOSER, apply, begin, ended, propose
from tests.rollout import scenes
from tests.rollout.scenes import course, desk, find, follow, guard, steer

__all__ = ["statements"]

BETA = Course(tag="beta")
FALLS = CONFIG.replace("    undo: 0s", "    undo: 0s\n    fallback: approve")
RATE = """rules:
  - {{name: burst, when: 'item.subject != null && rate("item.subject", "1h") >= 2', then: {{review: seniors}}}}
"""
ASKING = LOOSER.replace("rules:\n", RATE)
SURE, BETTER = submission(confidence=0.9), submission(confidence=0.6, tags=["beta"])
STORED = """
SELECT i.id, i.type, i.created_at, i.config_version, b.input::text, b.output::text, b.details::text, b.route::text,
       (b.route -> 'measured')::text AS measured, NULL AS verdict, NULL AS chance, h.stop_id, c.paused_at,
       (SELECT count(*) FROM assignments a WHERE a.item_id = i.id) AS seats
FROM items i JOIN item_bodies b ON b.item_id = i.id LEFT JOIN held_items h ON h.item_id = i.id
LEFT JOIN cases c ON c.item_id = i.id ORDER BY b.details ->> 'external_id', i.external_id
"""


async def stop(http: httpx.AsyncClient, world: World, **more: str) -> str:
    wish = {"kind": "project", "subject": world.project, "reason": "wild", "way": "hold"} | more
    answer = await post(http, "stops", world.tokens["lea"], wish)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def resume(http: httpx.AsyncClient, world: World, stop_id: str, afterwards: str = "rules") -> None:
    said = {"reason": "mended", "afterwards": afterwards}
    assert (await post(http, f"stops/{stop_id}/resume", world.tokens["lea"], said)).status_code == 200
    await holds.release_ended(world.db, world.configs)


async def send(http: httpx.AsyncClient, world: World, body: dict[str, Any]) -> dict[str, Any]:
    answer = await post(http, "items", world.service_key, body)
    assert answer.status_code in {200, 201}, answer.text
    sent: dict[str, Any] = answer.json()
    return sent


async def read(http: httpx.AsyncClient, world: World, item: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await http.get(f"/api/v1/items/{item['id']}", headers=bearer(world.service_key))).json()
    return found


async def offered(world: World) -> list[str]:
    who = world.people["lea"]
    config = await world.configs.get(who.project_id, who.config_version)
    return await stops.list_deciding_rules(world.db.hot, who=who, config=config)


async def roll_back(world: World, rollout_id: UUID) -> None:
    async with world.db.transaction() as tx:
        await rollouts.roll_back(tx, who=await scenes.admin(world), rollout_id=rollout_id, reason="it hurt")


async def routed(world: World) -> list[tuple[Any, Route]]:
    """Every stored item with its route, which the version that it names gives again from what is stored of it."""
    found: list[tuple[Any, Route]] = []
    for row in await world.db.hot.fetch(STORED):
        config = await world.configs.get(world.service.project_id, row["config_version"])
        taken, past = msgspec.json.decode(row["route"], type=Route), evaluating.past_of(row)
        assert replayed(config, past, restraint_as(taken, config.ruleset, config, past.type)) == taken
        found.append((row, taken))
    return found


async def test_what_was_held_of_a_candidate_is_judged_by_the_version_that_is_active_then(
    http: httpx.AsyncClient, world: World
) -> None:
    begun = await scenes.begin(world, await propose(world, LOOSER), way=BETA)
    stop_id = await stop(http, world)
    first, sure = await send(http, world, BETTER), await send(http, world, SURE)
    assert [each["route"]["ruleset_version"] for each in (first, sure)] == [2, 1]
    await follow(world)
    await roll_back(world, begun.id)
    await resume(http, world, stop_id)
    after, decided = await read(http, world, first), await read(http, world, sure)
    assert (after["status"], decided["decision"]["verdict"]) == ("queued", "approve"), "the candidate lets nothing out"
    assert after["route"] == first["route"]
    await routed(world)


async def test_a_rule_that_only_the_candidate_has_can_be_stopped_while_it_routes(
    http: httpx.AsyncClient, world: World
) -> None:
    renamed = LOOSER.replace("name: rest", "name: fresh")
    begun = await scenes.begin(world, await propose(world, renamed), way=BETA)
    assert (await send(http, world, BETTER))["status"] == "decided"
    assert "fresh" in await offered(world)
    stop_id = await stop(http, world, kind="rule", subject="fresh", way="approvals")
    stopped = await send(http, world, BETTER)
    assert (stopped["status"], stopped["route"]["evaluations"][-1].get("stopped")) == ("queued", True)
    await roll_back(world, begun.id)
    await resume(http, world, stop_id)
    wish = {"kind": "rule", "subject": "fresh", "reason": "wild", "way": "hold"}
    assert (await post(http, "stops", world.tokens["lea"], wish)).status_code == 404
    assert "fresh" not in await offered(world)


async def test_letting_go_passes_over_no_clearing(http: httpx.AsyncClient, world: World) -> None:
    await apply(world, CONFIG + "models: {{clear_new: true}}\n")
    known = {"name": "intent-clf", "version": "7"}
    async with world.db.transaction() as tx:
        await registry.clear_called(tx, who=world.people["lea"], called=Called("intent-clf", "7"), reason="known")
    stop_id = await stop(http, world)
    items = [await send(http, world, SURE | {"model": each}) for each in (known, known | {"version": "8"})]
    assert [each["route"]["evaluations"][-1].get("uncleared") for each in items] == [None, True]
    await resume(http, world, stop_id)
    assert [(await read(http, world, each))["status"] for each in items] == ["decided", "queued"]


async def test_letting_go_passes_over_no_stop_of_a_rule_that_would_decide_now(
    http: httpx.AsyncClient, world: World
) -> None:
    """Another rule had taken the item when it came, so by that the stop would not touch it."""
    stop_id = await stop(http, world)
    items = [await send(http, world, each) for each in (submission(confidence=0.7), submission(tags=["blocked"]))]
    await apply(world, LOOSER)
    await stop(http, world, kind="rule", subject="rest", way="approvals")
    await resume(http, world, stop_id)
    assert [(await read(http, world, each))["status"] for each in items] == ["queued", "decided"]


async def test_rules_that_judge_what_was_held_ask_what_was_measured_when_it_came(
    http: httpx.AsyncClient, world: World
) -> None:
    await apply(world, CONFIG.replace("rules:\n", RATE))
    stop_id = await stop(http, world)
    items = [await send(http, world, SURE | {"subject": "ann"}) for _ in range(3)]
    await resume(http, world, stop_id)
    after = [await read(http, world, each) for each in items]
    assert [each["status"] for each in after] == ["decided", "decided", "queued"]


async def test_one_statement_stores_both_versions_held_or_not_and_measured_or_not(
    http: httpx.AsyncClient, world: World, statements: list[str]
) -> None:
    """Only the candidate asks, and a stop holds what one of its rules and one of the active version take."""
    await scenes.begin(world, await propose(world, ASKING), way=BETA)
    stop_id = UUID(await stop(http, world, kind="rule", subject="low-confidence"))
    at = await desk(world)
    kinds: list[dict[str, Any]] = [
        {"tags": tags, "confidence": sure} for tags in (["beta"], []) for sure in (0.9, 0.5, 0.3)
    ]
    raws = [msgspec.json.encode(submission(subject="ann", external_id=f"{n}", **each)) for n, each in enumerate(kinds)]
    statements.clear()
    taken = await intake.submit_batch(at, raws, idempotency_keys=[None] * len(raws))
    assert len(statements) == 2, "one to count, for the candidate's sake, and one to store"
    assert all(isinstance(each, Accepted) and each.created for each in taken)
    rows = await routed(world)
    assert [row["config_version"] for row, _ in rows] == [2, 2, 2, 1, 1, 1]
    assert [row["stop_id"] for row, _ in rows] == [None, None, None, None, stop_id, stop_id]
    assert [route.rule for _, route in rows] == ["rest", "rest", "burst", "rest", "low-confidence", "low-confidence"]
    assert [row["seats"] for row, _ in rows] == [0, 0, 1, 0, 0, 0]
    assert [row["paused_at"] is not None for row, _ in rows] == [False] * 4 + [True] * 2
    counted = [route.measured if isinstance(route.measured, dict) else {} for _, route in rows]
    assert [each.get("rate(item.subject, 1h)") for each in counted] == [0, 1, 2, None, None, None]
    again = await intake.submit_batch(at, raws, idempotency_keys=[None] * len(raws))
    assert [isinstance(each, Accepted) and each.created for each in again] == [False] * 6
    first, second = ([each.item for each in found if isinstance(each, Accepted)] for found in (taken, again))
    assert msgspec.json.encode(first) == msgspec.json.encode(second), "a held one is answered as it was"
    assert await world.count("held_items") == 2


async def test_a_measurement_that_fails_sends_to_people_what_asked_and_differs_in_no_rule(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version that asks nothing goes on, and the other's items are not compared by counts made afterwards."""
    await apply(world, CONFIG.replace("rules:\n", RATE))
    begun = await scenes.begin(world, await propose(world, ASKING), "shadow")

    async def fails(*_args: object) -> None:
        raise asyncpg.QueryCanceledError

    with monkeypatch.context() as broken:
        broken.setattr(measure_queries, "count", fails)
        broken.setattr(measuring, "get_now", fails)
        await scenes.submit(world, 2, confidence=0.9, subject="ann")
    await follow(world)
    found = await find(world, begun.id)
    assert [(each.live, each.candidate, each.count) for each in found.flows] == [("review:triage", "review:triage", 2)]
    await roll_back(world, begun.id)
    await apply(world, CONFIG)
    await scenes.begin(world, await propose(world, ASKING), way=BETA)
    with monkeypatch.context() as broken:
        broken.setattr(measure_queries, "count", fails)
        taken = [*await scenes.submit(world, confidence=0.9), *await scenes.submit(world, **SURE_BETA)]
    assert [each.item.status for each in taken] == ["decided", "queued"]
    await routed(world)


SURE_BETA: dict[str, Any] = {"confidence": 0.9, "tags": ["beta"], "subject": "ann"}


async def test_what_fell_back_differs_in_no_rule_and_counts_against_no_candidate(
    http: httpx.AsyncClient, world: World
) -> None:
    await apply(world, FALLS)
    looser = FALLS.replace("item.confidence < 0.8", "item.confidence < 0.4")
    begun = await scenes.begin(world, await propose(world, looser), "shadow")
    fallback = await stop(http, world, way="fallback")
    for each in (SURE, BETTER, submission(tags=["blocked"])):
        assert (await send(http, world, each))["decision"]["verdict"] == "approve"
    await follow(world)
    found = await find(world, begun.id)
    assert [(each.live, each.candidate, each.count) for each in found.flows] == [("approve", "approve", 3)]
    guards = (guard("override_rate", 0.1),)
    async with world.db.transaction() as tx:
        way = msgspec.structs.replace(course(0.0, guards=guards), tag="beta")
        await rollouts.go_live(tx, who=await scenes.admin(world), rollout_id=begun.id, course=way)
    fallen = await send(http, world, BETTER)
    verdict = {"verdict": "reject", "reason": "plainly wrong", "reasons": ["wrong_label"]}
    overridden = await post(http, f"items/{fallen['id']}/override", world.tokens["lea"], verdict)
    assert overridden.status_code == 200, overridden.text
    await follow(world)
    found = await find(world, begun.id)
    assert found.rollout.taken == 1
    assert [(each.figure.of, each.fires) for each in found.guards] == [(0, False)]
    await resume(http, world, fallback)
    await routed(world)


async def test_the_time_that_a_stop_held_counts_against_no_candidate(http: httpx.AsyncClient, world: World) -> None:
    guards = (guard("oldest_waiting", 3600.0), guard("breach_rate", 0.1))
    stricter = CONFIG.replace("item.confidence < 0.8", "item.confidence < 0.95")
    begun = await scenes.begin(world, await propose(world, stricter), way=course(0.9999, guards=guards))
    stop_id = await stop(http, world)
    await send(http, world, SURE)
    await world.db.hot.execute("UPDATE rollouts SET live_at = live_at - interval '9 hours'")
    await world.db.hot.execute(
        "UPDATE cases SET opened_at = opened_at - interval '5 hours', paused_at = paused_at - interval '5 hours',"
        " clock_started_at = clock_started_at - interval '5 hours', due_at = due_at - interval '5 hours'"
    )
    await world.db.hot.execute("UPDATE clock_pauses SET paused_at = paused_at - interval '5 hours'")
    await world.db.hot.execute("UPDATE held_items SET paused_at = paused_at - interval '5 hours'")
    await follow(world)
    await steer(world)
    assert (await find(world, begun.id)).rollout.state == "live", "what is held is not late"
    await resume(http, world, stop_id, "people")
    await steer(world)
    now = await find(world, begun.id)
    assert (now.rollout.state, [each.figure.of for each in now.guards]) == ("live", [1, 0])


async def test_backtest_and_plan_take_these_items_by_their_rules_alone(http: httpx.AsyncClient, world: World) -> None:
    """Held, fallen back, of a candidate: what rules make of an item asks nothing of what was stopped."""
    await apply(world, FALLS)
    asking = FALLS.replace("item.confidence < 0.8", "item.confidence < 0.4").replace("rules:\n", RATE)
    to = await propose(world, asking)
    await scenes.begin(world, to, way=BETA)
    hold = await stop(http, world)
    for each in (SURE, BETTER):
        await send(http, world, each | {"subject": "ann"})
    await resume(http, world, hold, "people")
    fallback = await stop(http, world, way="fallback")
    for each in (SURE, BETTER):
        await send(http, world, each | {"subject": "ann"})
    await resume(http, world, fallback)
    done = await ended(world, world.people["ada"], await begin(world, world.people["ada"], to))
    assert done.state == "done"
    rows = await world.db.hot.fetch(STORED)
    old, new = [await world.configs.get(world.service.project_id, at) for at in (2, to)]
    pasts = await remeasuring.pasts_of(world.db.hot, world.service.project_id, rows, Versions(old, new))
    made = sorted((replayed(old, each).action, replayed(new, each).action) for each in pasts)
    assert made == [("approve", "approve"), ("approve", "review"), ("review", "approve"), ("review", "review")]
