"""Judgements that may be taken back: counted once that is over, exactly once, and never gone without a word."""

import asyncio
from typing import Any

import pytest

from review.audit.rules import OPERATOR
from review.decisions.rules import Verdict
from review.identity.rules import Role
from review.kernel.db import Database
from review.kernel.settings import Settings
from review.queueing import ahead, departures
from review.queueing import service as queueing
from review.queueing.errors import LeaseLost
from review.queueing.schemas import ClaimedAssignment
from review.reviewing import pending, pending_queries
from review.reviewing import service as reviewing
from review.reviewing.errors import UndoTooLate
from review.reviewing.pending import Given
from review.reviewing.schemas import JudgementIn
from tests.make import BASE_URL, CONFIG, World

FILLED = [("base", "output"), ("comment", "half a thought")]
OVER = "UPDATE timers SET fire_at = now() - interval '1 second' WHERE kind = 'judgement'"


@pytest.fixture
async def world(db: Database, settings: Settings) -> World:
    """A project in which verdicts may be taken back for eight seconds."""
    return await World.build(db, settings, source=CONFIG.replace("undo: 0s", "undo: 8s").format(project="support"))


def bench(world: World) -> reviewing.Bench:
    return reviewing.Bench(world.item_types, lambda _ids: None, BASE_URL, world.configs)


async def give(world: World, name: str, held: ClaimedAssignment, verdict: str = "approve", **more: Any) -> Given:
    async with world.db.transaction() as tx:
        return await pending.give(
            tx,
            bench(world),
            who=world.people[name],
            assignment_id=held.id,
            fence=held.fence,
            submitted=JudgementIn(verdict=Verdict(verdict), **more),
            filled=FILLED,
        )


async def take_back(world: World, name: str, given: Given) -> list[tuple[str, str]]:
    async with world.db.transaction() as tx:
        return await pending.take_back(
            tx, who=world.people[name], assignment_id=given.assignment_id, fence=given.fence, config=world.config
        )


async def actions(world: World) -> list[str]:
    rows = await world.db.hot.fetch("SELECT action FROM audit_entries WHERE item_id IS NOT NULL ORDER BY at, id")
    return [row["action"] for row in rows][1:]


async def given_by_ana(world: World, **more: Any) -> tuple[ClaimedAssignment, Given]:
    await world.submit(**more)
    (held,) = await world.claim("ana")
    return held, await give(world, "ana", held)


async def test_a_verdict_counts_once_its_time_is_over_and_not_before(world: World) -> None:
    _held, given = await given_by_ana(world)
    assert (given.seconds, given.is_last) == (8, True)
    assert await pending.sweep(world.db, bench(world)) == 0
    assert await world.count("reviews") + await world.count("decisions") == 0
    await world.db.hot.execute(OVER)
    assert await pending.sweep(world.db, bench(world)) == 1
    assert await pending.sweep(world.db, bench(world)) == 0
    assert await world.count("reviews") == await world.count("decisions") == await world.count("feedback") == 1
    assert await world.count("pending_judgements") == await world.count("timers", kind="judgement") == 0
    assert await actions(world) == ["assignment.claimed", "judgement.given", "review.submitted", "item.decided"]


async def test_taken_back_it_is_in_hand_again_with_what_was_filled_in(world: World) -> None:
    held, given = await given_by_ana(world)
    assert await take_back(world, "ana", given) == FILLED
    again = await queueing.get_held(
        world.db.hot, who=world.people["ana"], assignment_id=held.id, config=world.config, base_url=BASE_URL
    )
    assert again.fence > given.fence > held.fence
    await world.db.hot.execute(OVER)
    assert await pending.sweep(world.db, bench(world)) == 1, "the timer of what was taken back does nothing"
    assert await world.count("reviews") == 0
    await world.judge("ana", again, "reject")
    assert await world.count("decisions") == 1


async def test_nobody_else_has_what_was_given_and_its_giver_does_not_act_on_it(world: World) -> None:
    held, given = await given_by_ana(world)
    assert await world.claim("ben") == []
    who = world.people["ana"]
    with pytest.raises(LeaseLost, match="counts in a moment"):
        await queueing.extend(world.db.hot, who=who, assignment_id=held.id, fence=given.fence)
    with pytest.raises(LeaseLost):
        await world.judge("ana", held, "reject")
    async with world.db.transaction() as tx:
        assert await queueing.lapse_due(tx, 10) == 0
    with pytest.raises(UndoTooLate):
        await take_back(world, "ben", given)


async def test_what_was_given_outlives_its_givers_departure(world: World) -> None:
    """Nothing acknowledged vanishes: who leaves has judged, and that counts."""
    await given_by_ana(world)
    async with world.db.transaction() as tx:
        await departures.disable(tx, email="ana@example.com", actor=OPERATOR)
    await world.db.hot.execute(OVER)
    assert await pending.sweep(world.db, bench(world)) == 1
    assert await world.count("reviews") == await world.count("decisions") == 1


async def test_what_a_lead_overrode_meanwhile_comes_back_with_the_reason(world: World) -> None:
    held, given = await given_by_ana(world)
    async with world.db.transaction() as tx:
        submitted = JudgementIn(verdict=Verdict.REJECT, comment="policy 4.2")
        await reviewing.override(tx, bench(world), who=world.people["lea"], item_id=held.item.id, submitted=submitted)
    with pytest.raises(UndoTooLate, match=r"decided by lea@example\.com"):
        await take_back(world, "ana", given)
    await world.db.hot.execute(OVER)
    assert await pending.sweep(world.db, bench(world)) == 1
    (told,) = await pending.list_mine(world.db.hot, who=world.people["ana"])
    assert told.dropped_because == "the item was decided by lea@example.com (reject)"
    assert (await actions(world))[-1] == "judgement.dropped"
    async with world.db.transaction() as tx:
        await pending.forget_dropped(tx, who=world.people["ana"])
    assert await pending.list_mine(world.db.hot, who=world.people["ana"]) == []


async def test_of_undo_and_sweep_exactly_one_wins(world: World) -> None:
    """Whichever is first, the other finds nothing: taken back and not counted, or counted and too late."""
    for round_ in range(12):
        await world.submit(text=f"message {round_}")
        (held,) = await world.claim("ana")
        given = await give(world, "ana", held)
        await world.db.hot.execute(OVER)
        sweeps = [pending.sweep(world.db, bench(world)) for _ in range(2)]
        undone, *_ = await asyncio.gather(take_back(world, "ana", given), *sweeps, return_exceptions=True)
        counted = await world.count("reviews", assignment_id=held.id)
        if isinstance(undone, UndoTooLate):
            assert counted == 1
        else:
            assert (undone, counted) == (FILLED, 0)
        assert await world.count("pending_judgements") == 0


async def test_one_that_fails_is_kept_and_holds_up_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = await given_by_ana(world)
    await world.submit("another")
    (second,) = await world.claim("ben")
    await give(world, "ben", second)
    await world.db.hot.execute(OVER)
    count = reviewing.count

    async def fail_for_the_first(tx: Any, its: Any, who: Any, judged: Any, *rest: Any, **more: Any) -> Any:
        if judged.seat.id == first.id:
            message = "nobody foresaw this"
            raise RuntimeError(message)
        return await count(tx, its, who, judged, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(reviewing, "count", fail_for_the_first)
        await pending.sweep(world.db, bench(world))
    assert await world.count("reviews") == 1
    await world.db.hot.execute(OVER)
    await pending.sweep(world.db, bench(world))
    assert await world.count("reviews") == await world.count("decisions") == 2


async def reserve(world: World, name: str) -> ClaimedAssignment | None:
    async with world.db.transaction() as tx:
        return await ahead.reserve(tx, who=world.people[name], pool="triage", config=world.config, base_url=BASE_URL)


async def show(world: World, name: str, only: ahead.Reserved) -> bool:
    return await ahead.show(world.db.hot, who=world.people[name], pool="triage", config=world.config, only=only)


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
    assert await show(world, "ana", (kept.id, kept.fence)), "said twice, it is so all the same"
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


async def test_what_is_laid_aside_comes_next(world: World) -> None:
    await world.submit()
    (held,) = await world.claim("ana")
    assert await ahead.stow(
        world.db.hot,
        who=world.people["ana"],
        pool="triage",
        config=world.config,
        only=(held.id, held.fence),
    )
    kept = await reserve(world, "ana")
    assert kept is not None
    assert (kept.id, kept.fence) == (held.id, held.fence)


async def test_old_drops_are_forgotten(world: World) -> None:
    await given_by_ana(world)
    await world.db.hot.execute(
        "UPDATE pending_judgements SET dropped_at = now() - $1::interval, dropped_because = 'it was closed'",
        pending_queries.KEPT * 2,
    )
    async with world.db.transaction() as tx:
        assert await pending.forget_old(tx) == 1


async def test_a_lead_who_gives_a_verdict_decides_it_alone(world: World) -> None:
    await world.add_person("lou", Role.LEAD)
    await world.submit(tags=["panel"])
    (held,) = await world.claim("lou")
    assert not (await give(world, "lou", held)).is_last
