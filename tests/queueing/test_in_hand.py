"""Issue 5, flow: put aside until a moment, sent back, pinned; nothing is offered to others before its time."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from review.audit.rules import OPERATOR
from review.escalation import clocks
from review.escalation import service as escalation
from review.escalation.clocks import Watch
from review.queueing import comments, departures, overview, pinning, sending_back, snooze_rules, snoozing
from review.queueing.errors import LeaseLost, SendBackInvalid, SnoozeInvalid, TooManyPinned
from review.queueing.schemas import ClaimedAssignment
from review.reviewing import surroundings
from review.sla.ladders import Step
from tests.escalation.ladders import UP, climb, pass_time
from tests.escalation.ladders import sweep as sweep_ladder
from tests.escalation.test_questions import answer, ask
from tests.make import BASE_URL, World
from tests.queueing.ledger import Ledger

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
COMES_NOW = """
WITH a AS (UPDATE assignments SET lease_until = now() - interval '1 s' WHERE state = 'held')
UPDATE timers SET fire_at = now() - interval '1 s' WHERE kind IN ('snooze', 'lease')
"""


async def put_aside(world: World, name: str, held: ClaimedAssignment, hours: float = 1, reason: str = "") -> None:
    until = datetime.now(UTC) + timedelta(hours=hours)
    async with world.db.transaction() as tx:
        key: dict[str, Any] = {"assignment_id": held.id, "fence": held.fence, "until": until, "reason": reason}
        await snoozing.snooze(tx, who=world.people[name], **key)


async def take_up(world: World, name: str, held: ClaimedAssignment) -> int:
    async with world.db.transaction() as tx:
        return await snoozing.take_up(tx, who=world.people[name], assignment_id=held.id, config=world.config)


async def send(world: World, name: str, held: ClaimedAssignment, to: str, reason: str = "look again") -> None:
    async with world.db.transaction() as tx:
        key: dict[str, Any] = {"assignment_id": held.id, "fence": held.fence, "to": to, "reason": reason}
        await sending_back.send_back(tx, who=world.people[name], config=world.config, **key)


async def pin(world: World, name: str, held: ClaimedAssignment) -> None:
    async with world.db.transaction() as tx:
        await pinning.pin(tx, who=world.people[name], assignment_id=held.id, fence=held.fence)


async def kinds(world: World, name: str) -> list[str]:
    return [each.kind for each in await pinning.list_kept(world.db.hot, who=world.people[name])]


async def left_with(world: World, name: str, held: ClaimedAssignment) -> pinning.Note | None:
    return (await surroundings.look(world.db.hot, who=world.people[name], claimed=held)).note


async def checked(world: World) -> Ledger:
    return await Ledger.read(world.db.hot, world.service.project_id)


@pytest.mark.parametrize(
    ("hours", "due_in", "said"),
    [
        (1, None, None),
        (1, 4, None),
        (3.9, 4, None),
        (4, 4, "The latest is 2026-11-27 12:55 UTC"),
        (-1, 4, "That time is past"),
        (1, 0.05, "due too soon"),
        (24 * 15, None, "14 days at most"),
    ],
)
def test_how_long_something_may_be_put_aside(hours: float, due_in: float | None, said: str | None) -> None:
    due_at = None if due_in is None else NOW + timedelta(hours=due_in)
    why = snooze_rules.why_not(NOW + timedelta(hours=hours), NOW, due_at)
    assert (why is None) if said is None else (said in str(why))


async def test_what_is_put_aside_is_offered_to_nobody_and_comes_back_to_the_same_person_first(world: World) -> None:
    await world.submit()
    (held,) = await world.claim("ana")
    await put_aside(world, "ana", held, reason="ask finance")
    assert await world.claim("ben") == []
    assert await overview.held_by(world.db.hot, who=world.people["ana"]) == []
    assert await kinds(world, "ana") == ["snoozed"]
    with pytest.raises(LeaseLost, match="put aside for you"):
        await world.judge("ana", held, "approve")
    await world.db.hot.execute("UPDATE timers SET fire_at = now() WHERE kind = 'snooze'")
    assert (await escalation.sweep(world.db)).returned == 1
    assert await kinds(world, "ana") == ["reserved"]
    assert await world.claim("ben") == []
    fence = await take_up(world, "ana", held)
    assert fence == held.fence + 2
    note = await left_with(world, "ana", held)
    assert note is not None
    assert (note.text, note.is_by(world.people["ana"])) == ("ask finance", True)
    ledger = await checked(world)
    ledger._check_parts()


async def test_what_nobody_takes_up_is_the_pools_after_a_while(world: World) -> None:
    await world.submit()
    (held,) = await world.claim("ana")
    await put_aside(world, "ana", held)
    await world.db.hot.execute("UPDATE timers SET fire_at = now() WHERE kind = 'snooze'")
    await escalation.sweep(world.db)
    await world.db.hot.execute(COMES_NOW)
    await escalation.sweep(world.db)
    (again,) = await world.claim("ben")
    assert again.id == held.id
    with pytest.raises(LeaseLost):
        await take_up(world, "ana", held)
    (await checked(world)).check()


async def test_snoozing_past_the_due_time_is_refused_and_the_item_stays_in_hand(world: World) -> None:
    await world.submit()
    (held,) = await world.claim("ana")
    with pytest.raises(SnoozeInvalid, match="you still hold the item"):
        await put_aside(world, "ana", held, hours=5)
    await world.judge("ana", held, "approve")


async def test_a_snooze_and_a_verdict_at_once_are_one_of_the_two(world: World) -> None:
    for _ in range(8):
        await world.submit()
        (held,) = await world.claim("ana")
        done = await asyncio.gather(
            put_aside(world, "ana", held), world.judge("ana", held, "approve"), return_exceptions=True
        )
        assert sum(isinstance(each, LeaseLost) for each in done) == 1, done
    assert await world.count("reviews") + await world.count("asides") == 8


async def test_a_snooze_and_the_end_of_the_lease_at_once_leave_one_owner(world: World) -> None:
    for _ in range(8):
        await world.submit()
        (held,) = await world.claim("ana")
        await world.db.hot.execute("UPDATE timers SET fire_at = now() WHERE subject_id = $1", held.id)
        await asyncio.gather(put_aside(world, "ana", held), escalation.sweep(world.db))
        row = await world.db.hot.fetchrow("SELECT state, fence, aside_fence FROM assignments WHERE id = $1", held.id)
        assert row is not None
        assert tuple(row) == ("held", held.fence + 1, held.fence + 1)


async def test_an_escalation_brings_it_back_at_once_for_everybody(world: World) -> None:
    await climb(world, Step(after=0.5, priority=UP))
    await world.submit()
    (held,) = await world.claim("ana")
    await put_aside(world, "ana", held)
    await pass_time(world, 2.1)
    await sweep_ladder(world)
    (again,) = await world.claim("ben")
    assert again.id == held.id
    assert await world.count("events", kind="item.returned") == 1


@pytest.mark.parametrize(
    ("said", "back"), [("@ana can you look?", 1), ("@ben can you look?", 0), ("to whom it may", 0)]
)
async def test_a_mention_of_its_holder_brings_it_back_to_them_at_once(world: World, said: str, back: int) -> None:
    item_id = (await world.submit()).item.id
    (held,) = await world.claim("ana")
    await put_aside(world, "ana", held)
    async with world.db.transaction() as tx:
        await comments.write(tx, who=world.people["lea"], item_id=item_id, text=said, base_url=BASE_URL)
    assert (await escalation.sweep(world.db)).returned == back
    assert await kinds(world, "ana") == (["reserved"] if back else ["snoozed"])


async def test_an_answer_from_upstream_brings_it_back_to_whoever_put_it_aside(world: World) -> None:
    await world.submit(tags=["panel"])
    (held,), (other,) = await world.claim("ana"), await world.claim("ben")
    asked = await ask(world, "ben", other)
    await put_aside(world, "ana", held)
    assert (await escalation.sweep(world.db)).returned == 0
    await answer(world, asked)
    assert (await escalation.sweep(world.db)).returned == 1
    assert await kinds(world, "ana") == ["reserved"]


async def test_what_was_put_aside_while_its_clock_stood_comes_back_before_it_is_due(world: World) -> None:
    """While a clock stands there is no due time to keep to; once it runs on there is."""
    item_id = (await world.submit()).item.id
    (held,) = await world.claim("ana")
    watch, lead = Watch(world.configs, BASE_URL), world.people["lea"]
    async with world.db.transaction() as tx:
        await clocks.pause(tx, watch, who=lead, item_id=item_id, reason="the customer is asked", until=None)
    await put_aside(world, "ana", held, hours=10)
    async with world.db.transaction() as tx:
        await clocks.resume(tx, watch, who=lead, item_id=item_id)
    left = await world.db.hot.fetchval(
        "SELECT a.due_at - t.fire_at FROM timers t JOIN assignments a ON a.id = t.subject_id WHERE t.kind = 'snooze'"
    )
    assert left == snooze_rules.BEFORE_DUE


async def test_who_leaves_leaves_what_they_put_aside(world: World) -> None:
    await world.submit()
    (held,) = await world.claim("ana")
    await put_aside(world, "ana", held)
    async with world.db.transaction() as tx:
        await departures.disable(tx, email="ana@example.com", actor=OPERATOR)
    (again,) = await world.claim("ben")
    assert again.id == held.id
    (await checked(world)).check()


async def test_sent_back_to_who_had_it_before_it_is_theirs_first_with_the_note(world: World) -> None:
    await world.submit()
    (first,) = await world.claim("ana")
    async with world.db.transaction() as tx:
        key: dict[str, Any] = {"assignment_id": first.id, "fence": first.fence, "reason": "too hard"}
        await escalation.escalate(tx, world.configs, who=world.people["ana"], **key)
    (held,) = await world.claim("ben")
    with pytest.raises(SendBackInvalid, match="you still hold the item"):
        await send(world, "ben", held, "cleo@example.com")
    await send(world, "ben", held, "ana@example.com")
    assert await world.claim("cleo") == []
    assert await kinds(world, "ana") == ["reserved"]
    await take_up(world, "ana", first)
    note = await left_with(world, "ana", first)
    assert note is not None
    assert (note.text, note.put_by, note.is_by(world.people["ana"])) == ("look again", "ben@example.com", False)
    ledger = await checked(world)
    ledger.check()
    (told,) = [row for row in ledger.rows["events"] if row["kind"] == "item.returned"]
    assert '"to": "ana@example.com"' in told["payload"] or '"to":"ana@example.com"' in told["payload"]


async def test_sent_back_to_the_pool_it_came_from(world: World) -> None:
    await world.submit()
    (first,) = await world.claim("ana")
    await world.db.hot.execute("UPDATE cases SET pool = 'seniors'")
    async with world.db.transaction() as tx:
        key: dict[str, Any] = {"assignment_id": first.id, "fence": first.fence, "reason": "too hard"}
        await escalation.escalate(tx, world.configs, who=world.people["ana"], **key)
    (held,) = await world.claim("sam", "seniors")
    await send(world, "sam", held, "triage")
    assert await world.claim("sam", "seniors") == []
    (again,) = await world.claim("ben")
    assert again.id == held.id
    note = await left_with(world, "ben", held)
    assert note is not None
    assert note.text == "look again"
    (await checked(world)).check()


async def test_where_others_judge_too_the_note_is_kept_in_the_history_alone(world: World) -> None:
    await world.submit(tags=["panel"])
    (first,) = await world.claim("ana")
    async with world.db.transaction() as tx:
        key: dict[str, Any] = {"assignment_id": first.id, "fence": first.fence, "reason": "no"}
        await escalation.escalate(tx, world.configs, who=world.people["ana"], **key)
    held = next(each for each in [*await world.claim("ben"), *await world.claim("cleo")] if each.id == first.id)
    name = "ben" if await overview.held_by(world.db.hot, who=world.people["ben"]) else "cleo"
    holder = await world.db.hot.fetchval("SELECT holder_id FROM assignments WHERE id = $1", held.id)
    name = next(each for each in ("ben", "cleo") if world.people[each].id == holder)
    await send(world, name, held, "ana@example.com", "I would reject it")
    assert await left_with(world, "ana", held) is None


async def test_four_are_pinned_beside_the_one_that_is_judged_and_their_leases_are_kept(world: World) -> None:
    for _ in range(5):
        await world.submit()
    held = await world.claim("ana", limit=5)
    for each in held[:4]:
        await pin(world, "ana", each)
    with pytest.raises(TooManyPinned, match="you still hold this one"):
        await pin(world, "ana", held[4])
    await world.db.hot.execute("UPDATE assignments SET lease_until = now() + interval '1 minute'")
    await pinning.keep(world.db.hot, who=world.people["ana"])
    left = await world.db.hot.fetch("SELECT lease_until - now() > interval '9 minutes' AS kept FROM assignments")
    assert sorted(row["kept"] for row in left) == [False, True, True, True, True]
    await world.judge("ana", held[0], "approve")
    assert await kinds(world, "ana") == ["pinned"] * 3


async def test_marks_of_long_ago_are_forgotten(world: World) -> None:
    await world.submit()
    (held,) = await world.claim("ana")
    await put_aside(world, "ana", held)
    assert await pinning.forget_old(world.db.hot) == 0
    await world.db.hot.execute("UPDATE asides SET put_at = now() - interval '31 days'")
    assert await pinning.forget_old(world.db.hot) == 1
