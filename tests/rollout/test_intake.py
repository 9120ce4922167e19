"""A live rollout at intake: who is taken is a function of the id or the tag, and costs no statement."""

import asyncio

import httpx
import msgspec

from review.configuration import rollouts
from review.intake import service as intake
from review.rehearsal import evaluating
from review.rehearsal.rules import replayed
from review.routing.rollouts import Course, is_taken
from review.routing.rules import Route
from tests.intake.conftest import statements
from tests.make import World, submission
from tests.rehearsal.worlds import LOOSER, propose
from tests.rollout.scenes import admin, begin, course, desk, submit, versions

__all__ = ["statements"]


async def test_a_batch_holds_items_of_two_versions_and_each_says_which(world: World) -> None:
    to = await propose(world, LOOSER)
    begun = await begin(world, to, way=course(0.5))
    caller = (await desk(world)).who
    assert caller.rollout is not None
    taken = await submit(world, 60, confidence=0.6)
    rows = await world.db.hot.fetch(
        "SELECT i.id, i.config_version, i.ruleset_version, b.route ->> 'ruleset_version' AS routed,"
        " b.route ->> 'action' AS action, c.clock_version, a.config_version AS noted"
        " FROM items i JOIN item_bodies b ON b.item_id = i.id"
        " JOIN audit_entries a ON a.item_id = i.id AND a.action = 'item.submitted'"
        " LEFT JOIN cases c ON c.item_id = i.id"
    )
    assert len(rows) == len(taken) == 60
    for row in rows:
        by = to if is_taken(caller.rollout, row["id"], ()) else 1
        assert (row["config_version"], row["ruleset_version"], row["noted"]) == (by, by, by)
        assert (int(row["routed"]), row["action"]) == (by, "approve" if by == to else "review")
        assert row["clock_version"] == (1 if by == 1 else None)
    assert len(await versions(world)) == 2
    assert begun.id == caller.rollout.id


async def test_submissions_that_arrive_together_keep_their_own_version(world: World) -> None:
    to = await propose(world, LOOSER)
    await begin(world, to, way=Course(tag="beta"))
    at = await desk(world)
    raws = [
        msgspec.json.encode(submission(f"n {each}", confidence=0.6, tags=["beta"] if each % 2 else []))
        for each in range(40)
    ]
    accepted = await asyncio.gather(*(intake.submit(at, raw, idempotency_key=None) for raw in raws))
    assert [each.item.decision is None for each in accepted] == [each % 2 == 0 for each in range(40)]
    assert await versions(world) == {1: 20, to: 20}


async def test_a_rollout_costs_intake_no_statement(
    http: httpx.AsyncClient, world: World, statements: list[str]
) -> None:
    to = await propose(world, LOOSER)
    headers = {"Authorization": f"Bearer {world.service_key}"}
    counts: list[list[str]] = []
    for starts in (False, True):
        if starts:
            await begin(world, to, way=Course(tag="beta"))
        for external_id in (f"loads {starts}", f"counts {starts}"):
            statements.clear()
            body = submission(external_id=external_id, confidence=0.6, tags=["beta"])
            answer = await http.post("/api/v1/items", json=body, headers=headers)
            assert answer.status_code == 201
            assert answer.json()["status"] == ("decided" if starts else "queued")
        counts.append([each.split()[0] for each in statements])
    assert counts == [["SELECT", "WITH"]] * 2


async def test_replaying_stored_items_gives_the_stored_route_also_after_a_rollback(world: World) -> None:
    """Promise 19: routing is a function of the item and the version that it names, whatever became of that version."""
    to = await propose(world, LOOSER)
    begun = await begin(world, to, way=course(0.5))
    await submit(world, 12, confidence=0.6)
    async with world.db.transaction() as tx:
        ended = await rollouts.roll_back(tx, who=await admin(world), rollout_id=begun.id, reason="it hurt")
    assert (ended.state, ended.because) == ("rolled_back", "it hurt")
    await submit(world, 4, confidence=0.6)
    rows = await world.db.hot.fetch(
        "SELECT i.id, i.type, i.created_at, i.config_version, b.input::text, b.output::text, b.details::text,"
        " b.route::text, NULL AS verdict, NULL AS chance FROM items i JOIN item_bodies b ON b.item_id = i.id ORDER BY 1"
    )
    for row in rows:
        config = await world.configs.get(world.service.project_id, row["config_version"])
        assert replayed(config, evaluating.past_of(row)) == msgspec.json.decode(row["route"], type=Route)
    assert {row["config_version"] for row in rows[-4:]} == {1}
    assert {row["config_version"] for row in rows} == {1, to}
