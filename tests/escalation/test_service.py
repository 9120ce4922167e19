"""What time does to open work, once, whoever sweeps and however late."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from review.configuration.service import ConfigCache
from review.escalation import clocks, ladder, marks
from review.escalation import service as escalation
from review.kernel.db import Database
from review.kernel.timers import TimerKind
from review.queueing import service as queueing
from review.sla import rules as sla
from review.sla.ladders import Step
from review.sla.rules import Target
from tests.escalation.ladders import FALLBACK, climb, noted, pass_time, sweep, the_case, told
from tests.make import World

PAST = "now() - interval '1 s'"


async def let_pass(world: World, kind: str) -> None:
    await world.db.hot.execute(f"UPDATE timers SET fire_at = {PAST} WHERE kind = $1", kind)


async def test_a_missed_deadline_is_told_once_and_decides_nothing(world: World) -> None:
    item = (await world.submit()).item
    await pass_time(world, 5)
    swept = await asyncio.gather(*(escalation.sweep(world.db) for _ in range(5)))
    assert sum(each.due for each in swept) == 1
    (breached,) = await told(world, "item.sla_breached", item.id)
    assert (breached["policy"], breached["target"]) == ("standard", "decide")
    assert await noted(world, "case.breached", item.id) == [breached]
    assert await world.count("decisions") == await world.count("timers") == 0
    (held,) = await world.claim("ana")
    assert held.item.sla is not None
    assert held.item.sla.state == "breached"
    done = await world.judge("ana", held, "approve")
    assert done.item.sla is not None
    assert done.item.sla.state == "missed"


async def test_a_timer_that_is_early_waits_for_its_mark(world: World) -> None:
    """Promise 13: a clock that stepped back, or a target that moved, delays and nothing else."""
    await world.submit()
    due_at = await world.db.hot.fetchval("SELECT fire_at FROM timers")
    await let_pass(world, "due")
    assert (await sweep(world)).due == 1
    assert await world.db.hot.fetchval("SELECT fire_at FROM timers") == due_at
    assert await told(world, "item.sla_breached") == []


async def test_every_mark_that_passed_while_nobody_swept_has_its_effect_in_order(world: World) -> None:
    """Promise 10: everything was down over all of them."""
    targets: dict[str, Any] = {"first_claim": Target(timedelta(minutes=30)), "warn_at": (0.5, 0.8)}
    await climb(world, Step(after=0.6, move_to="seniors"), Step(after=1.2, notify=("pool-leads",)), FALLBACK, **targets)
    item = (await world.submit()).item
    await world.db.hot.execute("UPDATE cases SET first_claim_due_at = clock_started_at + interval '30 min'")
    await pass_time(world, 5)
    swept = await asyncio.gather(*(sweep(world) for _ in range(4)))
    assert sum(each.due for each in swept) == 1
    case = await the_case(world, item.id)
    assert case["marks_passed"] == ["first_claim", "warn:0", "step:0", "warn:1", "due", "step:1"]
    assert (case["pool"], case["escalation_level"], case["state"]) == ("seniors", 2, "open")
    rows = await world.db.hot.fetch("SELECT kind FROM events WHERE item_id = $1 ORDER BY created_at, id", item.id)
    assert [row["kind"] for row in rows] == [
        "item.queued",
        "item.sla_breached",
        "item.sla_warning",
        "item.escalated",
        "item.sla_warning",
        "item.sla_breached",
        "item.escalated",
    ]
    assert [each["mark"] for each in await told(world, "item.sla_warning")] == ["warn:0", "warn:1"]
    assert [each["target"] for each in await told(world, "item.sla_breached")] == ["first_claim", "decide"]
    started = case["clock_started_at"]
    assert await world.db.hot.fetchval("SELECT fire_at FROM timers") == started + timedelta(hours=6)
    await pass_time(world, 2)
    await sweep(world)
    assert (await the_case(world, item.id))["marks_passed"][-1] == "step:2"
    assert await world.count("decisions", source="timeout", verdict="reject") == 1
    assert await world.count("timers") == 0


async def test_a_first_claim_in_time_is_no_breach(world: World) -> None:
    await climb(world, first_claim=Target(timedelta(minutes=30)))
    await world.submit()
    await world.db.hot.execute("UPDATE cases SET first_claim_due_at = clock_started_at + interval '30 min'")
    (held,) = await world.claim("ana")
    async with world.db.transaction() as tx:
        await queueing.release(tx, who=world.people["ana"], assignment_id=held.id, fence=held.fence)
    await pass_time(world, 1)
    await sweep(world)
    assert await told(world, "item.sla_breached") == []
    assert (await the_case(world, held.item.id))["marks_passed"] == ["first_claim"]


async def test_a_closed_item_has_no_deadline(world: World) -> None:
    """Promise 11."""
    item = (await world.submit()).item
    (held,) = await world.claim("ana")
    await world.judge("ana", held, "approve")
    await pass_time(world, 5)
    await let_pass(world, "lease")
    swept = await escalation.sweep(world.db)
    assert (swept.due, swept.leases) == (1, 1)
    assert await world.count("events", item_id=item.id, kind="item.sla_breached") == 0
    assert await world.count("audit_entries", item_id=item.id, action="assignment.lapsed") == 0
    assert await world.count("timers") == 0


async def test_a_timer_of_a_clock_that_has_moved_on_does_nothing_and_says_so(world: World) -> None:
    """Promise 11: the generation does not match."""
    item = (await world.submit()).item
    await pass_time(world, 5)
    await world.db.hot.execute("UPDATE cases SET clock_generation = 1")
    await asyncio.gather(*(sweep(world) for _ in range(3)))
    assert await noted(world, "clock.stale", item.id) == [{"timer": "due", "generation": 0, "now": 1}]
    assert await told(world, "item.sla_breached") == []
    assert await world.count("timers") == 0


async def test_a_backlog_drains_in_batches_each_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 10: everything fell due while nobody swept."""
    monkeypatch.setattr(escalation, "BATCH", 7)
    for at in range(20):
        await world.submit(str(at))
    assert len(await world.claim("ana", limit=20)) == 20
    await world.db.hot.execute(f"UPDATE assignments SET lease_until = {PAST}")
    await pass_time(world, 5)
    await let_pass(world, "lease")
    swept = await asyncio.gather(*(escalation.sweep(world.db) for _ in range(4)))
    last = await escalation.sweep(world.db)
    assert sum(each.leases for each in [*swept, last]) == 20
    assert sum(each.due for each in [*swept, last]) == 20
    assert await world.count("audit_entries", action="assignment.lapsed") == 20
    assert await world.count("audit_entries", action="case.breached") == 20
    assert await world.count("events", kind="item.sla_breached") == 20
    assert await world.count("assignments", state="open") == 20
    assert await world.count("case_reviewers") == await world.count("timers") == 0


async def test_a_sweep_that_is_cut_short_leaves_its_work_to_the_next(db: Database, world: World) -> None:
    await world.submit()
    await world.claim("ana")
    await world.db.hot.execute(f"UPDATE assignments SET lease_until = {PAST}")
    await let_pass(world, "lease")
    async with db.hot.acquire() as holder, holder.transaction():
        await holder.execute("SELECT FROM assignments FOR UPDATE")
        assert (await escalation.sweep(world.db)).leases == 0, "what is locked waits for the next sweep"
    assert (await escalation.sweep(world.db)).leases == 1


@pytest.mark.parametrize("table", ["cases", "assignments"])
async def test_a_step_waits_for_nobody(db: Database, world: World, table: str) -> None:
    """A case that somebody has in hand is left, the others are not, and nothing of it is done by halves."""
    await climb(world, Step(after=0.5, move_to="seniors"), warn_at=(0.2,))
    item, other = (await world.submit("busy")).item, (await world.submit("free")).item
    await pass_time(world, 3)
    async with db.hot.acquire() as holder, holder.transaction():
        await holder.execute(f"SELECT FROM {table} WHERE item_id = $1 FOR UPDATE", item.id)
        assert (await asyncio.wait_for(sweep(world), 5)).due == 1
        assert (await the_case(world, item.id))["marks_passed"] == []
        assert (await the_case(world, other.id))["marks_passed"] == ["warn:0", "step:0"]
    assert (await sweep(world)).due == 1
    assert (await the_case(world, item.id))["marks_passed"] == ["warn:0", "step:0"]


async def test_more_ladders_than_one_transaction_takes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "LADDERS_AT_A_TIME", 2)
    await climb(world, Step(after=0.5, move_to="seniors"))
    for at in range(5):
        await world.submit(str(at))
    await pass_time(world, 3)
    assert (await sweep(world)).due == 5
    assert await world.count("cases", pool="seniors") == 5


@pytest.mark.parametrize("broken", ["clock", "step"])
async def test_a_case_that_fails_does_not_hold_up_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    await climb(world, Step(after=0.5, move_to="seniors"))
    poison, sound = (await world.submit("poison")).item, (await world.submit("sound")).item
    await pass_time(world, 3)
    run, take = sla.run, ladder.climb

    def no_clock(policy: Any, facts: sla.Facts) -> Any:
        if facts.priority == 13:
            raise ZeroDivisionError
        return run(policy, facts)

    async def no_step(tx: Any, climbing: Any, case: Any, number: int) -> Any:
        climbed = await take(tx, climbing, case, number)
        if case.item_id == poison.id:
            raise ZeroDivisionError
        return climbed

    if broken == "clock":
        route = """jsonb_set(route::jsonb, '{priority}', '13')::json"""
        await world.db.hot.execute(f"UPDATE item_bodies SET route = {route} WHERE item_id = $1", poison.id)
        monkeypatch.setattr(sla, "run", no_clock)
    else:
        monkeypatch.setattr(ladder, "climb", no_step)
    assert (await sweep(world)).due == 2
    assert (await the_case(world, sound.id))["pool"] == "seniors"
    left = await the_case(world, poison.id)
    assert (left["pool"], left["marks_passed"], left["escalation_level"]) == ("triage", [], 0)
    assert await told(world, "item.escalated", poison.id) == []
    assert str(poison.id) in caplog.text
    assert (await sweep(world)).due == 0, "it is tried again in a minute, not at once"
    monkeypatch.undo()
    await let_pass(world, "due")
    await sweep(world)
    assert (await the_case(world, poison.id))["pool"] == "seniors"


async def test_a_kind_that_fails_does_not_hold_up_the_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.submit()
    await world.claim("ana")
    await world.db.hot.execute(f"UPDATE assignments SET lease_until = {PAST}")
    await let_pass(world, "lease")
    await pass_time(world, 5)

    async def fail(*_given: object) -> int:
        message = "no leases today"
        raise RuntimeError(message)

    handlers = {**escalation.HANDLERS, TimerKind.LEASE: fail}
    monkeypatch.setattr(escalation, "HANDLERS", handlers)
    with pytest.raises(RuntimeError, match="no leases today"):
        await sweep(world)
    assert len(await told(world, "item.sla_breached")) == 1
    monkeypatch.undo()
    assert (await sweep(world)).leases == 1


async def test_a_pause_that_fails_to_end_is_put_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.submit()
    await world.db.hot.execute(
        "INSERT INTO timers (project_id, kind, subject_id, generation, fire_at)"
        " SELECT project_id, 'resume', id, 0, now() FROM cases"
    )

    async def fail(*_given: object, **_named: object) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(clocks, "fire_resume", fail)
    assert (await sweep(world)).resumed == 1
    assert (await sweep(world)).resumed == 0
    monkeypatch.undo()
    await let_pass(world, "resume")
    assert (await sweep(world)).resumed == 1
    assert await world.count("timers", kind="resume") == 0


async def test_upstreams_own_due_time_passes_without_a_policy(world: World) -> None:
    item = (await world.submit(tags=["vip"], respond_by="2026-11-21T00:00:00Z")).item
    await let_pass(world, "due")
    await escalation.sweep(world.db, ConfigCache(world.db))
    (breached,) = await told(world, "item.sla_breached", item.id)
    assert (breached["policy"], breached["target"]) == (None, "decide")
    assert msgspec.convert(breached["due_at"], str).startswith("2026-11-2")
