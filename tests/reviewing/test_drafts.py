"""Issue 5, drafts: what was typed outlives a lost lease, is its author's alone, and ends with the review."""

from typing import Any

import pytest

from review.queueing.schemas import ClaimedAssignment
from review.reviewing import drafts, surroundings
from review.reviewing.errors import DraftOvertaken, DraftTooLarge
from tests.make import World
from tests.queueing.test_in_hand import NOW

TYPED = [("base", "output"), ("comment", "half a thought")]


async def save(world: World, name: str, held: ClaimedAssignment, version: int = 0, fields: Any = TYPED) -> drafts.Saved:
    key: dict[str, Any] = {"assignment_id": held.id, "version": version, "fields": fields}
    return await drafts.save(world.db.hot, who=world.people[name], **key)


async def found(world: World, name: str, held: ClaimedAssignment) -> drafts.SavedDraft | None:
    return await drafts.find(world.db.hot, who=world.people[name], item_id=held.item.id)


async def held_by_ana(world: World) -> ClaimedAssignment:
    await world.submit()
    (held,) = await world.claim("ana")
    return held


async def test_a_draft_outlives_the_lease_and_is_nobody_elses(world: World) -> None:
    held = await held_by_ana(world)
    assert (await save(world, "ana", held)).version == 1
    await world.db.hot.execute("UPDATE assignments SET state = 'open', holder_id = NULL, lease_until = NULL")
    await world.db.hot.execute("DELETE FROM case_reviewers")
    assert (await save(world, "ana", held, 1)).version == 2
    await world.claim("ben")
    assert await found(world, "ben", held) is None
    draft = await found(world, "ana", held)
    assert draft is not None
    assert draft.fields == TYPED


async def test_the_newer_save_stays_until_the_author_chooses(world: World) -> None:
    held = await held_by_ana(world)
    await save(world, "ana", held)
    with pytest.raises(DraftOvertaken, match="left as it is"):
        await save(world, "ana", held, fields=[("comment", "from the other page")])
    draft = await found(world, "ana", held)
    assert draft is not None
    assert draft.fields == TYPED
    assert (await save(world, "ana", held, drafts.ANY, [("comment", "mine")])).version == 2


async def test_a_review_ends_the_draft_and_a_late_save_does_not_bring_it_back(world: World) -> None:
    held = await held_by_ana(world)
    await save(world, "ana", held)
    await world.judge("ana", held, "approve")
    assert await found(world, "ana", held) is None
    assert (await save(world, "ana", held)).version == 0
    assert await found(world, "ana", held) is None


async def test_drafts_are_bounded_and_forgotten(world: World) -> None:
    held = await held_by_ana(world)
    with pytest.raises(DraftTooLarge, match="256 KB"):
        await save(world, "ana", held, fields=[("comment", "x" * drafts.MAX_BYTES)])
    await save(world, "ana", held)
    assert await drafts.forget_old(world.db.hot) == 0
    await world.db.hot.execute("UPDATE drafts SET saved_at = now() - interval '31 days'")
    assert await drafts.forget_old(world.db.hot) == 1


async def test_the_day_so_far_counts_ones_own_reviews_and_what_waits(world: World) -> None:
    for _ in range(5):
        await world.submit()
    for _ in range(3):
        (held,) = await world.claim("ana")
        await world.judge("ana", held, "approve")
    day: dict[str, Any] = {"pool": "triage", "since": NOW.replace(year=2000)}
    today = (await surroundings.look(world.db.hot, who=world.people["ana"], **day)).sitting
    assert (today.done, today.waiting, today.is_waiting_capped) == (3, 2, False)
    assert today.pace_seconds is not None
    assert today.steady_since is not None
    nobody = (await surroundings.look(world.db.hot, who=world.people["ben"], **day)).sitting
    assert (nobody.done, nobody.pace_seconds, nobody.steady_since) == (0, None, None)
