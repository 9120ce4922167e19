"""People's part in it: escalating by hand, which takes the next step of the ladder, and acknowledging."""

import asyncio
from collections.abc import Awaitable
from uuid import UUID

import httpx
import pytest

from review.escalation import service as escalation
from review.escalation.errors import NothingEscalated
from review.identity.errors import NotAPerson
from review.identity.rules import Role
from review.items.errors import ItemClosed, ItemNotFound
from review.queueing.errors import LeaseLost
from review.sla.ladders import Fallback, Step
from tests.escalation.ladders import FALLBACK, UP, climb, escalate, noted, pass_time, sweep, the_case, told
from tests.make import World
from tests.queueing.ledger import Ledger

LADDER = (
    Step(after=0.5, notify=("pool-leads",)),
    Step(after=1.0, move_to="seniors", priority=UP),
    FALLBACK,
)


def acknowledge(world: World, name: str, item_id: UUID) -> Awaitable[escalation.Acknowledged]:
    async def act() -> escalation.Acknowledged:
        async with world.db.transaction() as tx:
            return await escalation.acknowledge(tx, who=world.people[name], item_id=item_id)

    return act()


async def test_by_hand_the_steps_are_taken_in_turn_and_none_that_decides(world: World) -> None:
    await climb(world, *LADDER)
    item = (await world.submit()).item
    (held,) = await world.claim("ana")
    assert await escalate(world, "ana", held, "a lawyer writes") == 1
    assert (await the_case(world, item.id))["marks_passed"] == ["step:0"]
    assert await world.claim("ana") == [], "who escalates is not offered it again"
    (held,) = await world.claim("ben")
    assert await escalate(world, "ben", held) == 2
    case = await the_case(world, item.id)
    assert (case["pool"], case["priority"], case["marks_passed"]) == ("seniors", 70, ["step:0", "step:1"])
    (held,) = await world.claim("sam", pool="seniors")
    assert await escalate(world, "sam", held) == 3, "no step is left but the decision, so the priority rises"
    case = await the_case(world, item.id)
    assert (case["priority"], case["state"], case["marks_passed"]) == (90, "open", ["step:0", "step:1"])
    events = await told(world, "item.escalated", item.id)
    assert [(each["step"], each["by"], each["reason"]) for each in events] == [
        (1, "ana@example.com", "a lawyer writes"),
        (2, "ben@example.com", "too hard"),
        (None, "sam@example.com", "too hard"),
    ]
    assert [each["level"] for each in await noted(world, "case.escalated", item.id)] == [1, 2, 3]
    assert [each["by"] for each in await noted(world, "escalation.step_taken", item.id)] == [
        "ana@example.com",
        "ben@example.com",
    ]
    await pass_time(world, 5)
    await sweep(world)
    assert len(await told(world, "item.escalated", item.id)) == 3, "what people brought forward is not done again"
    await pass_time(world, 2)
    await sweep(world)
    assert await world.count("decisions", source="timeout") == 1
    (await Ledger.read(world.db.hot, world.service.project_id)).check()


async def test_by_hand_a_dead_end_goes_on_to_the_next_step(world: World) -> None:
    await climb(world, Step(after=0.5, notify=("pool:nobody",)), *LADDER[1:])
    item = (await world.submit()).item
    (held,) = await world.claim("ana")
    assert await escalate(world, "ana", held) == 1
    assert (await the_case(world, item.id))["pool"] == "seniors"
    assert [each["by"] for each in await noted(world, "escalation.step_skipped", item.id)] == ["ana@example.com"]


async def test_by_hand_with_nothing_but_dead_ends_the_priority_rises(world: World) -> None:
    await climb(world, Step(after=0.5, notify=("pool:nobody",)))
    item = (await world.submit()).item
    (held,) = await world.claim("ana")
    assert await escalate(world, "ana", held) == 1
    case = await the_case(world, item.id)
    assert (case["priority"], case["marks_passed"]) == (70, ["step:0"])
    (event,) = await told(world, "item.escalated", item.id)
    assert (event["step"], event["policy"], event["done"]) == (None, None, ["changed its priority from 50 to 70"])


async def test_by_hand_without_a_ladder_the_priority_rises(world: World) -> None:
    item = (await world.submit()).item
    (held,) = await world.claim("ana")
    assert await escalate(world, "ana", held) == 1
    assert (await the_case(world, item.id))["priority"] == 70
    with pytest.raises(LeaseLost):
        await escalate(world, "ana", held)
    assert (await the_case(world, item.id))["escalation_level"] == 1


async def test_two_who_hold_one_case_escalate_it_one_after_the_other(world: World) -> None:
    await climb(world, *LADDER)
    item = (await world.submit(tags=["panel"])).item
    await world.db.hot.execute("UPDATE cases SET sla_policy = 'standard'")
    (first,), (second,) = await world.claim("ana"), await world.claim("ben")
    levels = await asyncio.gather(escalate(world, "ana", first), escalate(world, "ben", second))
    assert sorted(levels) == [1, 2]
    assert (await the_case(world, item.id))["marks_passed"] == ["step:0", "step:1"]


async def test_once_acknowledged_nobody_is_told_again(world: World) -> None:
    await climb(world, LADDER[0], Step(after=0.8, page=("pool-leads",)), LADDER[1])
    item = (await world.submit()).item
    with pytest.raises(NothingEscalated):
        await acknowledge(world, "ana", item.id)
    await pass_time(world, 2.1)
    await sweep(world)
    first, second = await asyncio.gather(acknowledge(world, "lea", item.id), acknowledge(world, "ana", item.id))
    assert first == second, "whoever was first is kept, and the other is told"
    assert len(await noted(world, "escalation.acknowledged", item.id)) == 1
    await pass_time(world, 2)
    await sweep(world)
    events = await told(world, "item.escalated", item.id)
    assert [(each["notify"], each["page"]) for each in events] == [(["pool-leads"], []), ([], []), ([], [])]
    known = f"did not page pool-leads again: {first.acknowledged_by} has acknowledged it"
    assert events[1]["done"] == [known]
    assert (await the_case(world, item.id))["pool"] == "seniors"


async def test_acknowledging_is_a_persons_who_may_see_the_item(world: World) -> None:
    item = (await world.submit()).item
    (held,) = await world.claim("ana")
    await escalate(world, "ana", held)
    with pytest.raises(ItemNotFound):
        await acknowledge(world, "sam", item.id)
    async with world.db.transaction() as tx:
        with pytest.raises(NotAPerson):
            await escalation.acknowledge(tx, who=world.service, item_id=item.id)
    assert await noted(world, "escalation.acknowledged") == []


async def test_there_is_nothing_left_to_acknowledge_of_what_is_decided(world: World) -> None:
    await climb(world, LADDER[0], Step(after=0.6, decide=Fallback.REJECT))
    item = (await world.submit()).item
    await pass_time(world, 3)
    await sweep(world)
    with pytest.raises(ItemClosed):
        await acknowledge(world, "lea", item.id)


async def test_over_http(http: httpx.AsyncClient, world: World) -> None:
    item = (await world.submit()).item
    (held,) = await world.claim("ana")
    mine, leads = ({"Authorization": f"Bearer {world.tokens[name]}"} for name in ("ana", "lea"))
    path = f"/api/v1/items/{item.id}/acknowledge"
    early = await http.post(path, json={}, headers=leads)
    assert (early.status_code, early.json()["code"]) == (409, "nothing_escalated")
    body = {"fence": held.fence, "reason": "legal"}
    done = await http.post(f"/api/v1/assignments/{held.id}/escalate", json=body, headers=mine)
    assert (done.status_code, done.json()) == (200, {"id": str(held.id), "state": "open", "escalation_level": 1})
    known = await http.post(path, headers=leads)
    assert (known.status_code, known.json()["acknowledged_by"]) == (200, "lea@example.com")
    assert (await http.post(path, json={"by": "me"}, headers=leads)).status_code == 422
    await world.add_person("root", Role.ADMIN)
    again = await http.post(path, json={}, headers={"Authorization": f"Bearer {world.tokens['root']}"})
    assert again.json() == known.json()
