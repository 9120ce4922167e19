"""Judgements that may be taken back: counted once that is over, exactly once, and never gone without a word."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from review.audit.rules import OPERATOR
from review.configuration import service as configuration
from review.decisions.rules import Verdict
from review.identity import keys
from review.identity.rules import Role
from review.intake import withdrawal
from review.kernel.db import Database
from review.kernel.events import EventKind
from review.kernel.settings import Settings
from review.queueing import ahead, departures, pinning, snoozing
from review.queueing import service as queueing
from review.queueing.errors import LeaseLost
from review.queueing.schemas import ClaimedAssignment
from review.reviewing import pending, pending_queries, surroundings
from review.reviewing import service as reviewing
from review.reviewing.errors import UndoTooLate
from review.reviewing.pending import Given
from review.reviewing.schemas import JudgementIn
from review.sla.ladders import Step
from tests.escalation.ladders import FALLBACK, climb, pass_time
from tests.escalation.ladders import sweep as sweep_ladder
from tests.make import BASE_URL, CONFIG, World, give_verdict, unknown_id

FILLED = [("base", "output"), ("comment", "half a thought")]
OVER = "UPDATE timers SET fire_at = now() - interval '1 second' WHERE kind = 'judgement'"


@pytest.fixture
async def world(db: Database, settings: Settings) -> World:
    """A project in which verdicts may be taken back for eight seconds."""
    return await World.build(db, settings, source=CONFIG.replace("undo: 0s", "undo: 8s").format(project="support"))


def bench(world: World) -> reviewing.Bench:
    return reviewing.Bench(world.item_types, lambda _ids: None, BASE_URL, world.configs)


async def give(
    world: World,
    name: str,
    held: ClaimedAssignment,
    verdict: str = "approve",
    *,
    shown: ahead.Reserved | None = None,
    **more: Any,
) -> Given:
    async with world.db.transaction() as tx:
        key: dict[str, Any] = {"who": world.people[name], "assignment_id": held.id, "fence": held.fence}
        submitted = JudgementIn(verdict=Verdict(verdict), **more)
        return await give_verdict(tx, bench(world), **key, submitted=submitted, filled=FILLED, shown=shown)


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


async def test_the_end_of_the_lease_it_was_given_under_does_nothing(world: World) -> None:
    held, given = await given_by_ana(world)
    await world.db.hot.execute("UPDATE timers SET fire_at = now() - interval '1 s' WHERE kind = 'lease'")
    await world.db.hot.execute("UPDATE assignments SET lease_until = now() - interval '1 s'")
    async with world.db.transaction() as tx:
        assert await queueing.lapse_due(tx, 10) == 1
    assert await world.claim("ben") == []
    assert await take_back(world, "ana", given) == FILLED
    assert await world.count("timers", kind="lease", subject_id=held.id) == 1


async def test_nothing_is_given_once_the_lease_has_ended(world: World) -> None:
    await world.submit()
    (held,) = await world.claim("ana")
    await world.db.hot.execute("UPDATE assignments SET lease_until = now() - interval '1 s'")
    with pytest.raises(LeaseLost, match="the lease has ended"):
        await give(world, "ana", held)
    assert await world.count("pending_judgements") == 0


async def test_what_is_sent_twice_is_taken_once(world: World) -> None:
    """The answer was lost, or the button pressed twice: the same form is acknowledged again, another one refused."""
    await world.submit()
    (held,) = await world.claim("ana")
    first, second = await asyncio.gather(give(world, "ana", held), give(world, "ana", held))
    assert {first.is_again, second.is_again} == {False, True}
    assert (await give(world, "ana", held)).is_again
    with pytest.raises(LeaseLost):
        await give(world, "ana", held, "reject")
    assert await world.count("pending_judgements") == 1
    assert (await actions(world)).count("judgement.given") == 1


async def test_what_follows_comes_into_hand_with_the_verdict_or_else_changes_nothing_of_it(world: World) -> None:
    """In one statement: the verdict waits to count, and what its page had ahead is claimed, unless that is gone."""
    ana = world.people["ana"]
    for text in ("first", "second", "third", "fourth"):
        await world.submit(text=text)
    (held,) = await world.claim("ana")
    async with world.db.transaction() as tx:
        kept = await ahead.reserve(tx, who=ana, pool="triage", config=world.config, base_url=BASE_URL)
    assert kept is not None
    told = "SELECT count(*) FROM events WHERE kind = $1"
    before = await world.db.hot.fetchval(told, EventKind.CLAIMED)
    given = await give(world, "ana", held, shown=(kept.id, kept.fence))
    assert (given.has_next, given.seconds) == (True, 8)
    assert await world.db.hot.fetchval(told, EventKind.CLAIMED) == before + 1
    assert (await actions(world))[-3:] == ["assignment.reserved", "judgement.given", "assignment.claimed"]
    seats = "SELECT fence, ahead_fence, given_fence FROM assignments WHERE id = $1"
    assert [tuple(row) for row in await world.db.hot.fetch(seats, kept.id)] == [(kept.fence, None, None)]

    for name, gone in (("ben", (kept.id, kept.fence)), ("cleo", (unknown_id(), 1))):
        (other,) = await world.claim(name)
        lost = await give(world, name, other, shown=gone)
        assert (lost.has_next, lost.fence) == (False, other.fence + 1)
        assert await take_back(world, name, lost) == FILLED
    own = await give(world, "ana", kept, shown=(kept.id, kept.fence))
    assert (own.has_next, own.seconds) == (None, 8), "a seat does not follow itself"


async def test_what_is_given_cannot_be_put_aside_or_pinned_and_a_verdict_ends_a_pin(world: World) -> None:
    await world.submit()
    (held,) = await world.claim("ana")
    key: dict[str, Any] = {"who": world.people["ana"], "assignment_id": held.id}
    async with world.db.transaction() as tx:
        await pinning.pin(tx, **key, fence=held.fence)
    given = await give(world, "ana", held)
    for fence in (held.fence, given.fence):
        async with world.db.transaction() as tx:
            with pytest.raises(LeaseLost):
                await pinning.pin(tx, **key, fence=fence)
            with pytest.raises(LeaseLost):
                await snoozing.snooze(tx, **key, fence=fence, until=datetime.now(UTC) + timedelta(hours=1), reason="")
    with pytest.raises(LeaseLost):
        async with world.db.transaction() as tx:
            await snoozing.take_up(tx, **key, config=world.config)
    await take_back(world, "ana", given)
    assert await pinning.list_kept(world.db.hot, who=world.people["ana"]) == []


async def test_a_step_that_decides_waits_for_what_was_given(world: World) -> None:
    """The clock runs out within the window: the person's verdict decides, and no fallback does."""
    await climb(world, FALLBACK)
    _held, _given = await given_by_ana(world)
    await pass_time(world, 7)
    await sweep_ladder(world)
    assert await world.count("decisions") == 0
    await world.db.hot.execute(OVER)
    await pending.sweep(world.db, bench(world))
    await world.db.hot.execute("UPDATE timers SET fire_at = now()")
    await sweep_ladder(world)
    assert await world.db.hot.fetchval("SELECT array_agg(verdict || ' ' || source) FROM decisions") == [
        "approve review"
    ]


async def test_a_step_that_reassigns_or_moves_leaves_what_was_given_with_its_giver(world: World) -> None:
    await climb(world, Step(after=0.5, reassign=True), Step(after=0.6, move_to="seniors"))
    held, given = await given_by_ana(world)
    await pass_time(world, 3)
    await sweep_ladder(world)
    assert await world.claim("sam", "seniors") == []
    await take_back(world, "ana", given)
    await world.db.hot.execute(OVER)
    row = await world.db.hot.fetchrow("SELECT holder_id, state FROM assignments WHERE id = $1", held.id)
    assert row is not None
    assert tuple(row) == (world.people["ana"].id, "held")


async def test_of_two_reviewers_one_gives_and_the_other_decides_nothing_before_that_counts(world: World) -> None:
    await world.submit(tags=["panel"])
    (first,) = await world.claim("ana")
    (second,) = await world.claim("ben")
    assert not (await give(world, "ana", first)).is_last
    await world.judge("ben", second, "approve")
    assert await world.count("decisions") == 0
    await world.db.hot.execute(OVER)
    await pending.sweep(world.db, bench(world))
    assert await world.db.hot.fetchval("SELECT source FROM decisions") == "consensus"


async def test_what_waited_long_counts_as_of_when_it_was_given(world: World) -> None:
    """No worker ran for hours: the verdict is there, with the time and the seconds of when it was given."""
    _held, given = await given_by_ana(world)
    await world.db.hot.execute("UPDATE pending_judgements SET submitted_at = now() - interval '5 h', held_seconds = 42")
    await world.db.hot.execute("UPDATE assignments SET lease_until = now() - interval '5 h'")
    await world.db.hot.execute(OVER)
    await pending.sweep(world.db, bench(world))
    row = await world.db.hot.fetchrow(
        "SELECT held_seconds, submitted_at < now() - interval '4 h' AS then_given FROM reviews"
    )
    assert row is not None
    assert tuple(row) == (42, True)
    with pytest.raises(UndoTooLate, match="counts already"):
        await take_back(world, "ana", given)


@pytest.mark.parametrize(
    ("old", "new", "decisions", "dropped"),
    [
        ("undo: 8s", "undo: 0s", 1, None),
        ("triage: {lease: 10m,", "triage: {verdicts: [reject], lease: 10m,", 1, None),
        ("undo: 8s", "undo: 8s\n    relations: [input.author]", 0, "the item concerns its reviewer"),
    ],
)
async def test_a_configuration_that_changes_meanwhile(
    world: World, old: str, new: str, decisions: int, dropped: str | None
) -> None:
    """What was allowed when it was given counts; whom the item concerns by the configuration of now decides nothing."""
    source = CONFIG.replace("undo: 0s", "undo: 8s").format(project="support")
    author = "amount: {type: number}, author: {type: string}"
    source = source.replace("amount: {type: number}", author)
    async with world.db.transaction() as tx:
        await configuration.apply(tx, source, actor=OPERATOR)
    service = await keys.authenticate_key(world.db.hot, world.service_key)
    world.service, world.config = service, await world.configs.get(service.project_id, service.config_version)
    await world.submit(input={"text": "my own", "author": "ana@example.com"})
    (held,) = await world.claim("ana")
    await give(world, "ana", held)
    assert old in source
    async with world.db.transaction() as tx:
        await configuration.apply(tx, source.replace(old, new), actor=OPERATOR)
    await world.db.hot.execute(OVER)
    await pending.sweep(world.db, bench(world))
    assert await world.count("decisions") == decisions
    told = (await surroundings.look(world.db.hot, who=world.people["ana"])).waiting
    assert [str(dropped) in str(each.dropped_because) for each in told] == ([] if dropped is None else [True])


async def test_what_upstream_withdrew_meanwhile_comes_back_with_the_reason(world: World) -> None:
    held, given = await given_by_ana(world)
    async with world.db.transaction() as tx:
        given_to: dict[str, Any] = {"tell_closed": lambda _ids: None, "base_url": BASE_URL, "reason": ""}
        await withdrawal.withdraw(tx, who=world.service, item_id=held.item.id, **given_to)
    with pytest.raises(UndoTooLate, match="upstream has withdrawn"):
        await take_back(world, "ana", given)
    await world.db.hot.execute(OVER)
    assert await pending.sweep(world.db, bench(world)) == 1
    (told,) = (await surroundings.look(world.db.hot, who=world.people["ana"])).waiting
    assert told.dropped_because == "upstream has withdrawn the item"
    assert await world.count("reviews") == 0


async def test_what_was_given_outlives_its_givers_departure(world: World) -> None:
    """Nothing acknowledged vanishes: who leaves has judged, and that counts."""
    await given_by_ana(world)
    async with world.db.transaction() as tx:
        await departures.disable(tx, email="ana@example.com", actor=OPERATOR)
    await world.db.hot.execute(OVER)
    assert await pending.sweep(world.db, bench(world)) == 1
    assert await world.count("reviews") == await world.count("decisions") == 1


async def test_whoever_has_left_the_pool_takes_nothing_of_it_back_into_hand(world: World) -> None:
    _held, given = await given_by_ana(world)
    await world.db.hot.execute("DELETE FROM pool_members WHERE email = 'ana@example.com'")
    with pytest.raises(UndoTooLate, match="your verdict stands"):
        await take_back(world, "ana", given)
    await world.db.hot.execute(OVER)
    await pending.sweep(world.db, bench(world))
    assert await world.count("reviews") == 1


async def test_what_a_lead_overrode_meanwhile_comes_back_with_the_reason(world: World) -> None:
    held, given = await given_by_ana(world)
    async with world.db.transaction() as tx:
        submitted = JudgementIn(verdict=Verdict.REJECT, comment="policy 4.2")
        await reviewing.override(tx, bench(world), who=world.people["lea"], item_id=held.item.id, submitted=submitted)
    with pytest.raises(UndoTooLate, match=r"decided by lea@example\.com"):
        await take_back(world, "ana", given)
    await world.db.hot.execute(OVER)
    assert await pending.sweep(world.db, bench(world)) == 1
    (told,) = (await surroundings.look(world.db.hot, who=world.people["ana"])).waiting
    assert told.dropped_because == "the item was decided by lea@example.com (reject)"
    assert (await actions(world))[-1] == "judgement.dropped"
    async with world.db.transaction() as tx:
        await pending.forget_dropped(tx, who=world.people["ana"])
    assert (await surroundings.look(world.db.hot, who=world.people["ana"])).waiting == []


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
