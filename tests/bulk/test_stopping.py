"""Stopping the rest of an act on many items, and forgetting what became of each item."""

import asyncio
from typing import Any

import msgspec
import pytest

from review.bulk import executing, service
from review.bulk.errors import BulkNotFound
from review.bulk.schemas import ActView
from review.identity.rules import PERMISSIONS, Permission, Role
from review.kernel.settings import Settings
from tests.bulk.acts import RAISED, REJECTED, ask, bench, outcome, submitted, work
from tests.make import World
from workers import jobs

TIMEOUT = 20


async def stop(world: World, name: str, act: ActView) -> ActView:
    async with world.db.transaction() as tx:
        return await service.stop(tx, who=world.people[name], act_id=act.id)


async def test_what_is_done_stays_done_and_the_rest_stays_as_it_was(world: World) -> None:
    first, *others = ids = await submitted(world, 4)
    act = await ask(world, "ana", REJECTED, ids)
    assert await executing.step(world.db, bench(world), world.service.project_id, act.id)
    with pytest.raises(BulkNotFound):
        await stop(world, "ben", act)
    stopped = await stop(world, "ana", act)
    assert (stopped.state, stopped.stopped_by) == ("stopped", world.people["ana"].name)
    assert (stopped.counts.done, stopped.counts.left_out, stopped.counts.waiting) == (1, 3, 0)
    assert await stop(world, "ana", act) == stopped, "twice is as good as once"
    assert await work(world) == 0
    assert await outcome(world, "ana", act) == {first: "done", **dict.fromkeys(others, "stopped")}
    told = await service.get_told(world.db.hot, who=world.people["ana"], act_id=act.id)
    assert {each.message for each in told.items if each.why} == {f"Not done: stopped by {stopped.stopped_by}."}
    assert await world.count("reviews") == 1
    assert await world.count("assignments", state="open") == 3
    rows = await world.db.hot.fetch("SELECT actor_name, details::text FROM audit_entries WHERE action = 'bulk.stopped'")
    assert [row["actor_name"] for row in rows] == ["ana@example.com"]
    assert '"stopped":3' in rows[0]["details"].replace(" ", "")


async def test_whoever_leads_where_all_of_its_items_are_stops_anothers_act(world: World) -> None:
    """Issue 5, point 5: a lead is not left to watch a wrong act run to its end; the audit says who stopped whose."""
    triage, seniors = await submitted(world, 2), await submitted(world, 1, tags=["vip"])
    inside, across = await ask(world, "ana", REJECTED, triage), await ask(world, "lea", RAISED, [*triage, *seniors])
    lead_of_triage = msgspec.structs.replace(
        world.people["ben"], permissions=PERMISSIONS[Role.LEAD] - {Permission.ALL_POOLS}, role="lead-of-triage"
    )
    led = await service.list_led(world.db.hot, who=lead_of_triage)
    assert [(each.id, each.asked_by) for each in led] == [(inside.id, "ana@example.com")]
    assert [each.id for each in await service.list_led(world.db.hot, who=world.people["lea"])] == [inside.id]
    assert await service.list_led(world.db.hot, who=world.people["ben"]) == []
    async with world.db.transaction() as tx:
        with pytest.raises(BulkNotFound):
            await service.stop(tx, who=lead_of_triage, act_id=across.id)
        with pytest.raises(BulkNotFound):
            await service.undo(tx, who=lead_of_triage, act_id=inside.id)
        stopped = await service.stop(tx, who=lead_of_triage, act_id=inside.id)
    assert (stopped.state, stopped.stopped_by, stopped.counts.left_out) == ("stopped", "ben", 2)
    assert await service.list_led(world.db.hot, who=lead_of_triage) == []
    (told,) = await world.db.hot.fetch("SELECT actor_name, details FROM audit_entries WHERE action = 'bulk.stopped'")
    assert told["actor_name"] == "ben@example.com"
    assert msgspec.json.decode(told["details"])["asked_by"] == "ana@example.com"
    assert await work(world) == 3, "the other act goes on"


async def test_what_is_over_stays_as_it_came_out(world: World) -> None:
    act = await ask(world, "ana", REJECTED, await submitted(world, 2))
    await work(world)
    assert (await stop(world, "ana", act)).state == "done"
    waiting = await ask(world, "ana", REJECTED, await submitted(world, 1), grace=3600)
    async with world.db.transaction() as tx:
        await service.undo(tx, who=world.people["ana"], act_id=waiting.id)
    assert (await stop(world, "ana", waiting)).state == "undone"
    assert await world.count("audit_entries", action="bulk.stopped") == 0


async def test_a_stop_beside_workers_leaves_each_item_either_done_or_as_it_was(world: World) -> None:
    ids = await submitted(world, 12)
    act = await ask(world, "ana", REJECTED, ids)
    async with asyncio.timeout(TIMEOUT):
        await asyncio.gather(work(world), work(world), stop(world, "ana", act))
    await work(world)
    said = list((await outcome(world, "ana", act)).values())
    assert set(said) <= {"done", "stopped"}
    assert await world.count("reviews") == await world.count("decisions") == said.count("done")
    assert await world.count("assignments", state="open") == said.count("stopped")


async def test_items_of_old_acts_are_forgotten_and_their_counts_stay(world: World, settings: Settings) -> None:
    """What is under way or can be taken back is kept, however old it is; so is what ended lately."""
    over = await ask(world, "ana", REJECTED, [*await submitted(world, 2), *(await submitted(world, 1, tags=["vip"]))])
    late = await ask(world, "ana", REJECTED, await submitted(world, 1))
    await work(world)
    begun = await ask(world, "ana", REJECTED, await submitted(world, 2))
    assert await executing.step(world.db, bench(world), world.service.project_id, begun.id)
    undoable = await ask(world, "ana", REJECTED, await submitted(world, 1), grace=3600)
    await world.db.hot.execute(
        "UPDATE bulk_acts SET requested_at = now() - interval '91 days',"
        " ended_at = CASE WHEN ended_at IS NOT NULL THEN now() - interval '91 days' END WHERE id <> $1",
        late.id,
    )
    ctx: dict[Any, Any] = {"db": world.db, "settings": settings}
    assert [await jobs.forget_old_bulk_items(ctx) for _ in range(2)] == [1, 0]
    told = await service.get_told(world.db.hot, who=world.people["ana"], act_id=over.id)
    assert (told.items, told.act.counts.done, told.act.counts.left_out) == ([], 2, 1)
    assert told.act.forgotten_at is not None
    for act, count in ((late, 1), (begun, 2), (undoable, 1)):
        assert len(await outcome(world, "ana", act)) == count
