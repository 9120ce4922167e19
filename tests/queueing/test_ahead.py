"""Issue 5, flow: the next item is claimed ahead, counts as seen once it is shown, and is lost to nobody."""

import asyncio
from datetime import timedelta
from typing import Any

from review.escalation import service as escalation
from review.queueing import ahead, overview, pinning
from review.queueing import service as queueing
from review.queueing.schemas import ClaimedAssignment
from tests.make import BASE_URL, World
from tests.queueing.test_in_hand import put_aside


async def actions(world: World) -> list[str]:
    rows = await world.db.hot.fetch("SELECT action FROM audit_entries WHERE item_id IS NOT NULL ORDER BY at, id")
    return [row["action"] for row in rows][1:]


async def reserve(world: World, name: str) -> ClaimedAssignment | None:
    async with world.db.transaction() as tx:
        return await ahead.reserve(tx, who=world.people[name], pool="triage", config=world.config, base_url=BASE_URL)


async def show(world: World, name: str, only: ahead.Reserved, *, is_again: bool = False) -> bool:
    key: dict[str, Any] = {"who": world.people[name], "pool": "triage", "config": world.config}
    return await ahead.show(world.db.hot, **key, only=only, is_again=is_again)


async def stow(world: World, name: str, held: ClaimedAssignment) -> bool:
    key: dict[str, Any] = {"who": world.people[name], "pool": "triage", "config": world.config}
    return await ahead.stow(world.db.hot, **key, only=(held.id, held.fence))


async def test_what_is_claimed_ahead_is_one_and_counts_as_seen_once_it_is_shown(world: World) -> None:
    for number in range(3):
        await world.submit(f"message {number}")
    kept, again = await asyncio.gather(reserve(world, "ana"), reserve(world, "ana"))
    assert kept is not None
    assert again is not None
    assert kept.id == again.id, "asked twice at once, it is one and the same"
    assert await world.count("events", kind="item.claimed") == 0
    assert await actions(world) == ["item.submitted"] * 2 + ["assignment.reserved"]
    assert not await show(world, "ben", (kept.id, kept.fence))
    assert not await show(world, "ana", (kept.id, kept.fence + 1))
    assert await show(world, "ana", (kept.id, kept.fence))
    assert not await show(world, "ana", (kept.id, kept.fence)), "it is shown once"
    assert await show(world, "ana", (kept.id, kept.fence), is_again=True)
    assert await world.count("events", kind="item.claimed") == 1
    assert (await actions(world))[-1] == "assignment.claimed"


async def test_what_is_put_back_unseen_is_offered_again(world: World) -> None:
    await world.submit()
    kept = await reserve(world, "ana")
    assert kept is not None
    async with world.db.transaction() as tx:
        assert await ahead.put_back(tx, who=world.people["ana"], assignment_id=kept.id, fence=kept.fence)
        assert not await ahead.put_back(tx, who=world.people["ana"], assignment_id=kept.id, fence=kept.fence)
    (held,) = await world.claim("ana")
    assert held.id == kept.id
    async with world.db.transaction() as tx:
        assert not await ahead.put_back(tx, who=world.people["ana"], assignment_id=held.id, fence=held.fence)


async def test_of_two_pages_that_have_the_same_item_ahead_one_shows_it(world: World) -> None:
    await world.submit()
    kept = await reserve(world, "ana")
    assert kept is not None
    done = await asyncio.gather(*(show(world, "ana", (kept.id, kept.fence)) for _ in range(4)))
    assert sorted(done) == [False, False, False, True]


async def test_what_is_ahead_and_never_seen_is_everybodys_in_three_minutes(world: World) -> None:
    """A crash, a closed lid: one item a pool is kept from others, and for three minutes at most."""
    await world.submit()
    kept = await reserve(world, "ana")
    assert kept is not None
    left = await world.db.hot.fetchval("SELECT lease_until - now() FROM assignments")
    assert timedelta(minutes=2, seconds=55) < left <= ahead.LONGEST
    assert await world.claim("ben") == []
    assert await overview.held_by(world.db.hot, who=world.people["ana"]) == []
    await world.db.hot.execute("UPDATE assignments SET lease_until = now() - interval '1 s'")
    await world.db.hot.execute("UPDATE timers SET fire_at = now() - interval '1 s'")
    async with world.db.transaction() as tx:
        await queueing.lapse_due(tx, 10)
    (again,) = await world.claim("ben")
    assert again.id == kept.id
    assert not await show(world, "ana", (kept.id, kept.fence))


async def test_what_came_back_is_next_before_anything_else(world: World) -> None:
    for number in range(3):
        await world.submit(f"message {number}")
    (first,) = await world.claim("ana")
    who = world.people["ana"]
    kept = await reserve(world, "ana")
    assert kept is not None
    await put_aside(world, "ana", first)
    await world.db.hot.execute("UPDATE timers SET fire_at = now() WHERE kind = 'snooze'")
    await escalation.sweep(world.db)
    assert await reserve(world, "ana") is None, "nothing is kept besides"
    key: dict[str, Any] = {"who": who, "pool": "triage", "config": world.config}
    assert await ahead.resume(world.db.hot, **key) == first.id
    assert await ahead.resume(world.db.hot, **key) == kept.id
    assert await ahead.resume(world.db.hot, **key) is None
    assert (await actions(world))[-2:] == ["assignment.taken_up", "assignment.claimed"]
    assert await world.count("events", kind="item.claimed") == 3


async def test_whoever_goes_on_waits_for_what_their_page_claims_at_this_moment(world: World) -> None:
    await world.submit()
    key: dict[str, Any] = {"who": world.people["ana"], "pool": "triage", "config": world.config}
    async with world.db.transaction() as tx:
        kept = await ahead.reserve(tx, **key, base_url=BASE_URL)
        assert kept is not None
        waiting = asyncio.create_task(ahead.resume(world.db.hot, **key))
        while not await world.db.hot.fetchval(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        ):
            await asyncio.sleep(0)
    assert await waiting == kept.id


async def test_what_is_pinned_is_not_laid_aside(world: World) -> None:
    await world.submit()
    (held,) = await world.claim("ana")
    async with world.db.transaction() as tx:
        await pinning.pin(tx, who=world.people["ana"], assignment_id=held.id, fence=held.fence)
    assert not await stow(world, "ana", held)


async def test_what_is_laid_aside_comes_next(world: World) -> None:
    await world.submit()
    (held,) = await world.claim("ana")
    assert await stow(world, "ana", held)
    kept = await reserve(world, "ana")
    assert kept is not None
    assert (kept.id, kept.fence) == (held.id, held.fence)
