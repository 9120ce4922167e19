"""Claims while the head of the queue is littered: floors are hints, and never hide work for long."""

import time
from datetime import UTC, datetime
from uuid import UUID

from review.kernel.ids import new_id
from review.queueing import service
from review.queueing.floors import LIVES_SECONDS, SLOW_SECONDS, Floors, Place
from tests.make import World

PROJECT = UUID(int=1)
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def row(priority: int) -> dict[str, object]:
    return {"priority": priority, "due_at": NOW, "id": new_id()}


def test_a_quick_claim_leaves_no_floor() -> None:
    floors = Floors()
    floors.note(PROJECT, "triage", row(50), began=1.0, ended=1.0 + SLOW_SECONDS / 2, floor=None)
    assert floors.find(PROJECT, "triage", 1.01) is None


def test_a_slow_claim_leaves_a_floor_that_moves_and_ends() -> None:
    floors, first, second = Floors(), row(50), row(40)
    floors.note(PROJECT, "triage", first, began=1.0, ended=1.0 + SLOW_SECONDS, floor=None)
    floor = floors.find(PROJECT, "triage", 1.02)
    assert floor == Place(50, NOW, first["id"])  # type: ignore[arg-type]  # a row of objects
    assert floors.find(PROJECT, "seniors", 1.02) is None
    floors.note(PROJECT, "triage", second, began=1.02, ended=1.03, floor=floor)
    moved = floors.find(PROJECT, "triage", 1.04)
    assert moved is not None
    assert moved.priority == 40
    assert floors.find(PROJECT, "triage", 1.0 + SLOW_SECONDS + LIVES_SECONDS) is None


async def test_claims_from_a_floor_keep_their_order_and_miss_nothing(world: World) -> None:
    for at in range(6):
        await world.submit(str(at))
    (first,) = await world.claim("ana")
    (second,) = await world.claim("ana")
    async with world.db.transaction() as tx:
        await service.release(tx, who=world.people["ana"], assignment_id=first.id, fence=first.fence)
    seat = await world.db.hot.fetchrow("SELECT id, priority, due_at FROM assignments WHERE id = $1", second.id)
    key = (world.service.project_id, "triage")
    now = time.monotonic()
    service._floors.note(*key, seat, began=now - 1, ended=now + 60, floor=None)  # an hour-long snapshot, say
    (third,) = await world.claim("ben")
    assert third.item.created_at > second.item.created_at
    rest = await world.claim("ben", limit=10)
    assert len(rest) == 4
    assert first.id in {each.id for each in rest}
