"""Promise 13: the database's clock steps by an hour, back and forth, and no clock of a case minds."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from review.escalation import service as escalation
from tests.escalation.conftest import Hands
from tests.make import World

HOUR = timedelta(hours=1)


async def act(http: httpx.AsyncClient, world: World, item_id: object, act: str) -> Any:
    body = {"reason": "the hour is not what it was"} if act == "pause" else {}
    headers = {"Authorization": f"Bearer {world.service_key}"}
    answer = await http.post(f"/api/v1/items/{item_id}/{act}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["sla"]


async def check(http: httpx.AsyncClient, world: World, item_id: object) -> None:
    """No pause ends before it begins, begins before the clock did, or overlaps another."""
    rows = await world.db.hot.fetch(
        "SELECT p.paused_at, p.resumed_at, c.clock_started_at FROM clock_pauses p"
        " JOIN cases c ON c.id = p.case_id ORDER BY p.paused_at"
    )
    last = rows[0]["clock_started_at"] if rows else None
    for row in rows:
        assert row["paused_at"] > last
        last = row["resumed_at"] or row["paused_at"]
        assert last >= row["paused_at"]
    headers = {"Authorization": f"Bearer {world.service_key}"}
    told = (await http.get(f"/api/v1/items/{item_id}/clock", headers=headers)).json()
    assert told["due_at"] >= told["started_at"]
    assert all(period["ends"] > period["begins"] for period in told["open_periods"])


@pytest.mark.parametrize(
    "steps", [(0, -1, -2, -1), (0, 1, 0, 1), (1, 0, -1, 2), (-1, 1, -1, 1)], ids=["back", "to and fro", "off", "wild"]
)
async def test_pauses_between_steps_last_no_less_than_nothing(
    hands: Hands, world: World, http: httpx.AsyncClient, steps: tuple[int, ...]
) -> None:
    item = (await world.submit()).item
    due = [item.sla.due_at] if item.sla else []
    for at, step in enumerate([*steps, *steps]):
        await hands.to(step * HOUR)
        await act(http, world, item.id, "resume" if at % 2 else "pause")
        due.append(await world.db.hot.fetchval("SELECT due_at FROM cases"))
        await check(http, world, item.id)
    assert due == sorted(due), "a due time that was given comes no sooner"


async def test_a_step_back_delays_what_is_due_and_tells_nothing_twice(hands: Hands, world: World) -> None:
    item = (await world.submit()).item
    assert item.sla is not None
    await hands.to(timedelta(hours=3, minutes=59, seconds=50))
    assert (await escalation.sweep(world.db)).due == 0
    await hands.to(3 * HOUR)
    assert (await escalation.sweep(world.db)).due == 0
    await hands.to(4 * HOUR + timedelta(seconds=1))
    assert (await escalation.sweep(world.db)).due == 1
    for back in (3, 5, 2, 6):
        await hands.to(back * HOUR)
        assert (await escalation.sweep(world.db)).due == 0
    assert await world.count("events", item_id=item.id, kind="item.sla_breached") == 1
    assert await world.count("audit_entries", item_id=item.id, action="case.breached") == 1


async def test_a_step_forward_ends_a_pause_early_and_a_step_back_late(
    hands: Hands, world: World, http: httpx.AsyncClient
) -> None:
    """By the database's time it is exact either way, and it happens once."""
    item = (await world.submit()).item
    now = await world.db.hot.fetchval("SELECT now()")
    headers = {"Authorization": f"Bearer {world.service_key}"}
    body = {"reason": "waiting", "until": (now + HOUR).isoformat()}
    assert (await http.post(f"/api/v1/items/{item.id}/pause", json=body, headers=headers)).status_code == 200
    await hands.to(-HOUR)
    assert (await escalation.sweep(world.db)).resumed == 0
    await hands.to(HOUR + timedelta(minutes=1))
    assert (await escalation.sweep(world.db)).resumed == 1
    await hands.to(-HOUR)
    assert (await escalation.sweep(world.db)).resumed == 0
    assert await world.db.hot.fetchval("SELECT resumed_at FROM clock_pauses") == now + HOUR
    assert await world.count("events", item_id=item.id, kind="item.resumed") == 1
    await check(http, world, item.id)
