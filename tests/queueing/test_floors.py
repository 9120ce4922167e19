"""Claims while the head of the queue is littered: floors are hints, and never hide work for long."""

import time
from datetime import UTC, datetime
from uuid import UUID

import pytest

from review.kernel.ids import new_id
from review.queueing import floors, service
from review.queueing.floors import LIVES_SECONDS, SLOW_SECONDS, Floors, Place, is_slow
from tests.make import World

PROJECT = UUID(int=1)
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def row(priority: int) -> dict[str, object]:
    return {"priority": priority, "due_at": NOW, "id": new_id()}


def test_only_a_slow_claim_is_slow() -> None:
    assert not is_slow(1.0, 1.0 + SLOW_SECONDS / 2)
    assert is_slow(1.0, 1.0 + SLOW_SECONDS)


def test_a_slow_claim_leaves_a_floor_that_moves_and_ends() -> None:
    kept, first, second = Floors(), row(50), row(40)
    kept.leave(PROJECT, "triage", first, ended=1.0 + SLOW_SECONDS, head=second)
    floor = kept.find(PROJECT, "triage", 1.02)
    assert floor == Place(50, NOW, first["id"])  # type: ignore[arg-type]  # a row of objects
    assert kept.find(PROJECT, "seniors", 1.02) is None
    kept.move(PROJECT, "triage", second)
    moved = kept.find(PROJECT, "triage", 1.04)
    assert moved is not None
    assert moved.priority == 40
    assert kept.find(PROJECT, "triage", 1.0 + SLOW_SECONDS + LIVES_SECONDS) is None


def test_a_floor_begins_at_what_its_claimer_passed_over_and_stays_there() -> None:
    kept, passed, taken = Floors(), row(60), row(50)
    kept.leave(PROJECT, "triage", taken, ended=1.0, head=passed)
    kept.move(PROJECT, "triage", row(40))
    assert kept.find(PROJECT, "triage", 1.1) == Place(60, NOW, passed["id"])  # type: ignore[arg-type]  # a row is a mapping


async def test_what_a_slow_claimer_may_not_have_is_not_hidden_from_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Design rule 4, where somebody passes over what concerns them."""
    monkeypatch.setattr(floors, "SLOW_SECONDS", 0.0)
    monkeypatch.setattr(floors, "LIVES_SECONDS", 60.0)
    hers = await world.submit("about ana", subject="Ana@Example.com")
    others = [await world.submit(str(at)) for at in range(3)]
    (first,) = await world.claim("ana")
    assert first.item.id == others[0].item.id
    (second,) = await world.claim("ana")
    assert second.item.id == others[1].item.id
    (third,) = await world.claim("ben")
    assert third.item.id == hers.item.id


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
    service._floors.leave(*key, seat, ended=now + 60)  # an hour-long snapshot, say
    (third,) = await world.claim("ben")
    assert third.item.created_at > second.item.created_at
    rest = await world.claim("ben", limit=10)
    assert len(rest) == 4
    assert first.id in {each.id for each in rest}
