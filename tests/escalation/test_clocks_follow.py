"""Open clocks follow a configuration that changes how long people have, and say so."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from review.audit.rules import OPERATOR
from review.configuration import service as configuration
from review.escalation import recomputing
from review.escalation import service as escalation
from review.items.schemas import ItemView
from tests.escalation.conftest import Hands
from tests.make import CONFIG, World

HOUR = timedelta(hours=1)
SOON = recomputing.AFTERMATH + timedelta(seconds=5)


def with_target(decide: str) -> str:
    return CONFIG.format(project="support").replace("standard: {decide: 4h}", f"standard: {{decide: {decide}}}")


async def apply(world: World, source: str) -> None:
    """Apply a configuration; what is submitted after this comes under the one before, as requests under way do."""
    async with world.db.transaction() as tx:
        await configuration.apply(tx, source, actor=OPERATOR)


async def cases(world: World) -> dict[Any, Any]:
    rows = await world.db.hot.fetch(
        "SELECT c.*, t.fire_at, t.generation, a.due_at AS seat_due_at FROM cases c"
        " JOIN assignments a ON a.item_id = c.item_id"
        " LEFT JOIN timers t ON t.subject_id = c.id AND t.kind = 'due' AND t.generation = c.clock_generation"
    )
    return {row["item_id"]: row for row in rows}


async def recomputes(world: World) -> int:
    return await world.count("timers", kind="recompute")


def due(item: ItemView) -> datetime:
    assert item.sla is not None
    return item.sla.due_at


async def test_a_shorter_target_moves_what_is_open_and_history_says_why(
    hands: Hands, world: World, http: httpx.AsyncClient
) -> None:
    open_item, closed = (await world.submit("open")).item, (await world.submit("closed")).item
    (_, second) = await world.claim("ana", limit=2)
    assert second.item.id == closed.id
    await world.judge("ana", second, "approve")
    await apply(world, with_target("1h"))
    await escalation.sweep(world.db)
    moved, over = (await cases(world))[open_item.id], (await cases(world))[closed.id]
    assert moved["due_at"] == moved["seat_due_at"] == moved["fire_at"] == due(open_item) - 3 * HOUR
    assert (moved["clock_version"], moved["clock_generation"]) == (2, 1)
    assert (over["due_at"], over["clock_version"]) == (due(closed), 1)
    assert await world.count("timers", kind="due") == 2
    headers = {"Authorization": f"Bearer {world.service_key}"}
    told = (await http.get(f"/api/v1/items/{open_item.id}/clock", headers=headers)).json()
    movement = told["movements"][-1]
    assert (movement["action"], movement["by"]) == ("clock.moved", "timer")
    assert datetime.fromisoformat(movement["was"]) == due(open_item)
    assert datetime.fromisoformat(movement["due_at"]) == moved["due_at"]
    assert "version 2" in movement["because"][0]
    history = (await http.get(f"/api/v1/items/{open_item.id}/history", headers=headers)).json()["data"]
    assert [entry["details"]["version"] for entry in history if entry["action"] == "clock.moved"] == [2]
    await hands.to(HOUR + timedelta(minutes=1))
    await escalation.sweep(world.db)
    assert await world.count("events", kind="item.sla_breached") == 1


async def test_what_changes_nothing_about_a_clock_moves_none(world: World) -> None:
    item = (await world.submit()).item
    leases = with_target("4h").replace("lease: 10m", "lease: 11m")
    await apply(world, leases)
    assert await recomputes(world) == 0
    await apply(world, leases.replace("sla_policies:", "sla_policies:\n  other: {decide: 1h}"))
    assert await recomputes(world) == 1
    await escalation.sweep(world.db)
    row = (await cases(world))[item.id]
    assert (row["due_at"], row["clock_version"], row["clock_generation"]) == (due(item), 3, 0)
    assert await world.count("audit_entries", action="clock.moved") == 0


async def test_requests_under_way_under_the_old_version_are_caught_up_with(hands: Hands, world: World) -> None:
    await apply(world, with_target("1h"))
    late = (await world.submit("read the configuration before it changed")).item
    await escalation.sweep(world.db)
    later = (await world.submit("and this one stored after the walk")).item
    await escalation.sweep(world.db)
    rows = await cases(world)
    assert (rows[late.id]["clock_version"], rows[later.id]["clock_version"]) == (2, 1)
    assert await recomputes(world) == 1, "there is another walk to come"
    await hands.to(SOON)
    await escalation.sweep(world.db)
    assert (await cases(world))[later.id]["due_at"] == due(later) - 3 * HOUR
    assert await recomputes(world) == 0
    walk: Any = await world.db.hot.fetchrow("SELECT * FROM clock_recomputes")
    assert (walk["moved"], walk["finished_at"] is not None) == (2, True)


async def test_marks_that_have_passed_stay_passed(hands: Hands, world: World) -> None:
    """Two breaches of one target are not told, wherever the target goes."""
    await world.submit()
    await hands.to(2 * HOUR)
    await apply(world, with_target("1h"))
    for _ in range(2):
        await escalation.sweep(world.db)
    assert await world.count("events", kind="item.sla_breached") == 1
    await apply(world, with_target("30h"))
    await hands.to(40 * HOUR)
    for _ in range(3):
        await escalation.sweep(world.db)
    assert await world.count("events", kind="item.sla_breached") == 1


async def test_of_several_versions_the_last_one_counts(hands: Hands, world: World) -> None:
    item = (await world.submit()).item
    for target in ("1h", "2h", "3h"):
        await apply(world, with_target(target))
    assert await recomputes(world) == 3
    for _ in range(2):
        await escalation.sweep(world.db)
        await hands.to(SOON)
    row = (await cases(world))[item.id]
    assert (row["due_at"], row["clock_version"]) == (due(item) - HOUR, 4)
    assert await recomputes(world) == 0
    assert await world.count("audit_entries", action="clock.moved") == 1


async def test_going_back_moves_them_back(world: World) -> None:
    item = (await world.submit()).item
    await apply(world, with_target("1h"))
    await escalation.sweep(world.db)
    async with world.db.transaction() as tx:
        await configuration.apply_version(tx, project="support", version=1, actor=OPERATOR)
    await escalation.sweep(world.db)
    assert (await cases(world))[item.id]["due_at"] == due(item)


async def test_a_paused_clock_follows_when_it_is_resumed(world: World, http: httpx.AsyncClient) -> None:
    item = (await world.submit()).item
    headers = {"Authorization": f"Bearer {world.service_key}"}
    await http.post(f"/api/v1/items/{item.id}/pause", json={"reason": "upstream is down"}, headers=headers)
    await apply(world, with_target("1h"))
    await escalation.sweep(world.db)
    assert (await cases(world))[item.id]["due_at"] == due(item)
    resumed = await http.post(f"/api/v1/items/{item.id}/resume", headers=headers)
    row: Any = await world.db.hot.fetchrow("SELECT resumed_at - paused_at AS lasted FROM clock_pauses")
    shown = datetime.fromisoformat(resumed.json()["sla"]["due_at"])
    assert shown == due(item) - 3 * HOUR + row["lasted"]
    assert (await cases(world))[item.id]["clock_version"] == 2


async def test_pages_of_a_walk_end_where_they_began_and_meet_each_clock_once(
    hands: Hands, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many work on it, and wherever one of them stops."""
    monkeypatch.setattr(escalation, "BATCH", 3)
    items = [(await world.submit(str(number))).item for number in range(10)]
    await apply(world, with_target("1h"))
    async with world.db.transaction() as tx:
        assert await recomputing.recompute_due(tx, world.configs, 3) == 3
    with pytest.raises(ZeroDivisionError):
        await _break_off(world)
    await asyncio.gather(*(escalation.sweep(world.db) for _ in range(4)))
    await escalation.sweep(world.db)
    rows = await cases(world)
    assert {row["due_at"] for row in rows.values()} == {due(item) - 3 * HOUR for item in items}
    assert {row["clock_generation"] for row in rows.values()} == {1}
    assert await world.count("audit_entries", action="clock.moved") == 10
    assert await world.db.hot.fetchval("SELECT moved FROM clock_recomputes") == 10
    await hands.to(SOON)
    await asyncio.gather(*(escalation.sweep(world.db) for _ in range(4)))
    await escalation.sweep(world.db)
    assert await recomputes(world) == 0
    assert await world.count("audit_entries", action="clock.moved") == 10


async def _break_off(world: World) -> None:
    async with world.db.transaction() as tx:
        await recomputing.recompute_due(tx, world.configs, 3)
        raise ZeroDivisionError


async def test_what_somebody_has_in_hand_is_left_for_a_further_walk(hands: Hands, world: World) -> None:
    first, second = (await world.submit("first")).item, (await world.submit("second")).item
    await apply(world, with_target("1h"))
    for step in range(3):
        await hands.to(step * SOON)
        async with world.db.hot.acquire() as holder, holder.transaction():
            await holder.execute("SELECT FROM assignments WHERE item_id = $1 FOR UPDATE", first.id)
            await asyncio.wait_for(escalation.sweep(world.db), 5)
    rows = await cases(world)
    assert (rows[first.id]["due_at"], rows[second.id]["due_at"]) == (due(first), due(second) - 3 * HOUR)
    assert await recomputes(world) == 1
    await hands.to(3 * SOON)
    await escalation.sweep(world.db)
    assert (await cases(world))[first.id]["due_at"] == due(first) - 3 * HOUR
    assert await recomputes(world) == 0


async def test_what_upstream_asked_for_alone_is_nobodys_to_move(world: World) -> None:
    item = (await world.submit(tags=["vip"], respond_by="2099-01-01T00:00:00Z")).item
    await apply(world, with_target("1h"))
    await escalation.sweep(world.db)
    row = (await cases(world))[item.id]
    assert (row["due_at"], row["clock_version"]) == (datetime(2099, 1, 1, tzinfo=UTC), 2)
    entry = await world.db.hot.fetchval("SELECT details::text FROM audit_entries WHERE action = 'item.submitted'")
    assert msgspec.json.decode(entry)["sla_policy"] is None


async def test_a_day_that_is_closed_after_all_moves_what_was_due_on_it(
    hands: Hands, world: World, http: httpx.AsyncClient
) -> None:
    """A calendar changes, open due times follow it, and history names the calendar and the version."""
    now = await world.db.hot.fetchval("SELECT date_trunc('day', now()) + interval '12 h'")
    await hands.to(now - await world.db.hot.fetchval("SELECT now()"))  # noon, so that midnight is far
    calendars = "calendars:\n  utc: {timezone: UTC, hours: {mon-sun: '08:00-18:00'}}\n"
    source = CONFIG.format(project="support").replace(
        "sla_policies:\n  standard: {decide: 4h}",
        f"{calendars}sla_policies:\n  standard: {{calendar: utc, decide: 9h, warn_at: [50%]}}",
    )
    await apply(world, source)
    world.config = await world.configs.get(world.service.project_id, 2)
    item = (await world.submit()).item
    tomorrow = (now + timedelta(days=1)).date()
    assert due(item).date() == tomorrow
    await apply(world, source.replace("'08:00-18:00'}}", f"'08:00-18:00'}}, closed: ['{tomorrow}']}}"))
    await escalation.sweep(world.db)
    row = (await cases(world))[item.id]
    assert row["due_at"] == row["seat_due_at"] == due(item) + timedelta(days=1)
    headers = {"Authorization": f"Bearer {world.tokens['ana']}"}
    told = (await http.get(f"/api/v1/items/{item.id}/clock", headers=headers)).json()
    assert [mark["key"] for mark in told["marks"]] == ["warn:0", "due"]
    assert len(told["open_periods"]) == 2
    assert abs(told["remaining_seconds"] - 9 * 3600) < 60
    movement = told["movements"][-1]
    assert (movement["action"], datetime.fromisoformat(movement["was"])) == ("clock.moved", due(item))
    assert "version 3" in movement["because"][0]
    assert any("utc" in sentence for sentence in movement["because"])
