"""What time does to open work, once, whoever sweeps and however late."""

import asyncio

import pytest

from review.escalation import service as escalation
from review.kernel.db import Database
from tests.make import World

PAST = "now() - interval '1 s'"


async def let_pass(world: World, kind: str) -> None:
    await world.db.hot.execute(f"UPDATE timers SET fire_at = {PAST} WHERE kind = $1", kind)


async def test_a_missed_deadline_is_told_once_and_decides_nothing(world: World) -> None:
    item = (await world.submit()).item
    await world.db.hot.execute(f"UPDATE cases SET due_at = {PAST}")
    await let_pass(world, "due")
    swept = await asyncio.gather(*(escalation.sweep(world.db) for _ in range(5)))
    assert sum(each.due for each in swept) == 1
    assert await world.count("events", item_id=item.id, kind="item.sla_breached") == 1
    assert await world.count("audit_entries", item_id=item.id, action="case.breached") == 1
    assert await world.count("decisions") == await world.count("timers") == 0
    (held,) = await world.claim("ana")
    assert held.item.sla is not None
    assert held.item.sla.state == "breached"
    done = await world.judge("ana", held, "approve")
    assert done.item.sla is not None
    assert done.item.sla.state == "missed"


async def test_a_closed_item_has_no_deadline(world: World) -> None:
    """Promise 11."""
    item = (await world.submit()).item
    (held,) = await world.claim("ana")
    await world.judge("ana", held, "approve")
    await let_pass(world, "due")
    await let_pass(world, "lease")
    swept = await escalation.sweep(world.db)
    assert (swept.due, swept.leases) == (1, 1)
    assert await world.count("events", item_id=item.id, kind="item.sla_breached") == 0
    assert await world.count("audit_entries", item_id=item.id, action="assignment.lapsed") == 0
    assert await world.count("timers") == 0


async def test_a_backlog_drains_in_batches_each_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 10: everything fell due while nobody swept."""
    monkeypatch.setattr(escalation, "BATCH", 7)
    for at in range(20):
        await world.submit(str(at))
    assert len(await world.claim("ana", limit=20)) == 20
    await world.db.hot.execute(f"UPDATE assignments SET lease_until = {PAST}")
    await let_pass(world, "due")
    await let_pass(world, "lease")
    swept = await asyncio.gather(*(escalation.sweep(world.db) for _ in range(4)))
    last = await escalation.sweep(world.db)
    assert sum(each.leases for each in [*swept, last]) == 20
    assert sum(each.due for each in [*swept, last]) == 20
    assert await world.count("audit_entries", action="assignment.lapsed") == 20
    assert await world.count("assignments", state="open") == 20
    assert await world.count("case_reviewers") == 0


async def test_a_sweep_that_is_cut_short_leaves_its_work_to_the_next(db: Database, world: World) -> None:
    await world.submit()
    await world.claim("ana")
    await world.db.hot.execute(f"UPDATE assignments SET lease_until = {PAST}")
    await let_pass(world, "lease")
    async with db.hot.acquire() as holder, holder.transaction():
        await holder.execute("SELECT FROM assignments FOR UPDATE")
        assert (await escalation.sweep(world.db)).leases == 0, "what is locked waits for the next sweep"
    assert (await escalation.sweep(world.db)).leases == 1
