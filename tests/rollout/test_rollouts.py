"""Rollouts: what differs is kept, guards are asked before the share widens, and all ends with the active version."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from review.audit.rules import OPERATOR
from review.configuration import candidates, endings, rollouts
from review.configuration import service as configuration
from review.configuration.errors import (
    ApprovalRequired,
    NotACandidate,
    RolloutInvalid,
    RolloutNotFound,
    RolloutOver,
    RolloutRefused,
    RolloutRunning,
)
from review.decisions.rules import Verdict
from review.identity.rules import Role
from review.reviewing import overrides
from review.reviewing.schemas import JudgementIn
from review.reviewing.service import Bench
from review.rollout import following, queries, steering
from review.rollout import service as rollout
from review.routing.rollouts import Course
from tests.make import BASE_URL, CONFIG, World, unknown_id
from tests.rehearsal.worlds import LOOSER, apply, propose
from tests.rollout.scenes import active, admin, begin, course, desk, find, follow, guard, steer, submit, versions

TWO_PEOPLE = "\napprovals: {{rules: true}}\n"


async def _told(world: World, action: str) -> list[dict[str, Any]]:
    rows = await world.db.hot.fetch("SELECT details FROM audit_entries WHERE action = $1 ORDER BY at, id", action)
    return [msgspec.json.decode(row["details"]) for row in rows]


async def test_a_shadow_acts_on_nothing_and_keeps_what_would_differ(world: World) -> None:
    to = await propose(world, LOOSER)
    begun = await begin(world, to, "shadow", course(0.5))
    assert (await desk(world)).who.rollout is None
    for confidence in (0.1, 0.5, 0.6, 0.9):
        await submit(world, confidence=confidence)
    assert await versions(world) == {1: 4}
    taken = {each.item.id: each for each in await world.claim("ana", limit=3)}
    assert await follow(world, batch=3) == 3
    found = await find(world, begun.id)
    assert (found.rollout.seen, found.rollout.differed, found.rollout.taken) == (4, 2, 0)
    flows = {(flow.live, flow.candidate): flow.count for flow in found.flows}
    assert flows == {("review:triage", "approve"): 2, ("review:triage", "review:triage"): 1, ("approve", "approve"): 1}
    first, second = found.flows[0].examples
    assert (first.live_rule, first.candidate_rule, first.verdict) == ("low-confidence", "rest", None)
    assert {(part.name, part.value) for each in (first, second) for part in each.parts} >= {
        ("item.confidence", "0.6"),
        ("item.confidence", "0.5"),
    }
    await world.judge("ana", taken[first.item_id], "approve")
    await world.judge("ana", taken[second.item_id], "reject", reasons=["wrong_label"])
    judged = (await find(world, begun.id)).flows[0]
    assert (judged.sided_candidate, judged.sided_live) == (1, 1)
    assert [each.sides_with for each in judged.examples] == ["candidate", "live"]
    page, more = await rollout.list_differences(world.db.hot, who=await admin(world), rollout_id=begun.id, limit=1)
    rest, end = await rollout.list_differences(
        world.db.hot, who=world.people["ada"], rollout_id=begun.id, before=page[0].item_id, limit=1
    )
    assert (len(page), len(rest), end) == (1, 1, None)
    assert more is not None


async def test_following_is_taken_up_where_it_was_cut_and_counts_nothing_twice(world: World) -> None:
    to = await propose(world, LOOSER)
    begun = await begin(world, to, "shadow")
    await submit(world, 7, confidence=0.6)
    turns = iter([False, True])
    await follow(world, is_stopping=lambda: next(turns, True), batch=2)
    assert (await find(world, begun.id)).rollout.seen == 2
    await asyncio.gather(*(following.follow(world.db, world.configs, batch=1) for _ in range(3)))
    await follow(world)
    found = (await find(world, begun.id)).rollout
    assert (found.seen, found.differed) == (7, 7)
    assert await world.count("rollout_items") == 7
    await world.db.hot.execute("UPDATE rollouts SET state = 'ended', ended_at = now() - interval '91 days'")
    assert await rollout.forget_old(world.db.hot) == 7


async def test_only_a_stated_share_is_compared(world: World) -> None:
    to = await propose(world, LOOSER)
    begun = await begin(world, to, "shadow", compared=0.0)
    await submit(world, 3, confidence=0.6)
    await follow(world)
    assert (await find(world, begun.id)).rollout.seen == 0


async def test_from_the_shadow_it_goes_live_and_counts_what_it_takes(world: World) -> None:
    to = await propose(world, LOOSER)
    begun = await begin(world, to, "shadow", Course())
    who = await admin(world)
    with pytest.raises(RolloutInvalid, match="mend"):
        async with world.db.transaction() as tx:
            await rollouts.go_live(tx, who=who, rollout_id=begun.id)
    async with world.db.transaction() as tx:
        live = await rollouts.go_live(tx, who=who, rollout_id=begun.id, course=Course(tag="beta"))
    assert (live.state, live.tag) == ("live", "beta")
    await submit(world, confidence=0.6, tags=["beta"])
    await submit(world, confidence=0.6)
    await follow(world)
    found = (await find(world, begun.id)).rollout
    assert (found.taken, found.seen, found.differed) == (1, 1, 1)
    with pytest.raises(RolloutRefused, match="live already"):
        async with world.db.transaction() as tx:
            await rollouts.go_live(tx, who=who, rollout_id=begun.id)


async def test_it_widens_by_its_schedule_and_ends_as_the_active_version(world: World) -> None:
    to = await propose(world, LOOSER)
    begun = await begin(world, to, way=course(0.1, h1=0.4, h3=1.0))
    await steer(world)
    assert (await find(world, begun.id)).rollout.share == 0.1
    await steer(world, age=_hours(2))
    now = (await find(world, begun.id)).rollout
    assert (now.share, now.widens_to) == (0.4, 1.0)
    await steer(world, age=_hours(2))
    done = (await find(world, begun.id)).rollout
    assert (done.state, done.share, done.ended_by) == ("finished", 1.0, "timer")
    assert await active(world) == to
    assert (await desk(world)).who.rollout is None
    assert [(each["was"], each["share"]) for each in await _told(world, "rollout.changed")] == [(0.1, 0.4)]
    (ended,) = await _told(world, "rollout.ended")
    assert (ended["state"], ended["version"]) == ("finished", to)


async def test_an_older_candidate_ends_as_a_copy_under_the_next_number(world: World) -> None:
    to = await propose(world, LOOSER)
    await apply(world, CONFIG.replace("item.confidence < 0.8", "item.confidence < 0.99"))
    begun = await begin(world, to, way=course(0.1, h1=1.0))
    await steer(world, age=_hours(1))
    assert (await find(world, begun.id)).rollout.state == "finished"
    assert await active(world) == to + 2


async def test_while_it_is_paused_the_schedule_stands_still(world: World) -> None:
    to = await propose(world, LOOSER)
    begun = await begin(world, to, way=course(0.1, h1=0.4))
    who = await admin(world)
    for _ in range(2):
        async with world.db.transaction() as tx:
            await rollouts.pause(tx, who=who, rollout_id=begun.id)
    await world.db.hot.execute(
        "UPDATE rollouts SET live_at = live_at - interval '2h', paused_at = paused_at - interval '2h'"
    )
    await steer(world)
    assert (await find(world, begun.id)).rollout.share == 0.1
    for _ in range(2):
        async with world.db.transaction() as tx:
            await rollouts.resume(tx, who=who, rollout_id=begun.id)
    resumed = (await find(world, begun.id)).rollout
    assert resumed.paused_at is None
    assert resumed.widens_at is not None
    await steer(world)
    assert (await find(world, begun.id)).rollout.share == 0.1
    await steer(world, age=_hours(1))
    assert (await find(world, begun.id)).rollout.share == 0.4
    assert [each["what"] for each in await _told(world, "rollout.changed")] == ["paused", "resumed", "widened"]


async def _override(world: World, item_id: UUID) -> None:
    async with world.db.transaction() as tx:
        await overrides.override(
            tx,
            Bench(world.item_types, lambda _ids: None, BASE_URL, world.configs),
            who=world.people["lea"],
            item_id=item_id,
            submitted=JudgementIn(verdict=Verdict.REJECT, reasons=("wrong_label",), comment="it is wrong"),
        )


async def test_a_guard_rolls_back_before_the_share_widens_and_says_what_it_measured(world: World) -> None:
    to = await propose(world, LOOSER)
    begun = await begin(world, to, way=course(0.9999, h1=1.0, guards=(guard("override_rate", 0.3, least=3),)))
    items = await submit(world, 4, confidence=0.6)
    for each in items[:2]:
        await _override(world, each.item.id)
    await follow(world)
    (measured,) = (await find(world, begun.id)).guards
    assert (measured.figure.value, measured.figure.of, measured.fires) == (0.5, 4, True)
    await asyncio.gather(*(steer(world, age=_hours(1)) for _ in range(3)))
    done = (await find(world, begun.id)).rollout
    assert done.fired is not None
    assert (done.state, done.fired.guard, done.fired.value, done.fired.of, done.fired.bound) == (
        *("rolled_back", "override_rate"),
        *(0.5, 4, 0.3),
    )
    assert await active(world) == 1
    assert (await desk(world)).who.rollout is None
    assert len(await _told(world, "rollout.ended")) == 1
    assert await _told(world, "rollout.changed") == []
    events = await world.db.hot.fetch("SELECT payload FROM events WHERE kind = 'rollout.ended'")
    assert [msgspec.json.decode(row["payload"])["notify"] for row in events] == [["pool-leads"]]
    await follow(world)
    told = await world.db.hot.fetch("SELECT recipient, state, facts FROM notifications WHERE kind = 'rolled_back'")
    assert [(row["recipient"], row["state"]) for row in told] == [("lea@example.com", "waiting")]
    assert f"version {to}" in told[0]["facts"]


async def test_too_few_items_say_nothing_and_the_share_widens(world: World) -> None:
    to = await propose(world, LOOSER)
    begun = await begin(world, to, way=course(0.9999, h1=0.99995, guards=(guard("override_rate", 0.3, least=5),)))
    for each in await submit(world, 4, confidence=0.6):
        await _override(world, each.item.id)
    await follow(world)
    await steer(world, age=_hours(1))
    found = (await find(world, begun.id)).rollout
    assert (found.state, found.share) == ("live", 0.99995)


async def test_what_is_cut_off_between_guard_and_commit_is_done_again_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = await propose(world, LOOSER)
    begun = await begin(world, to, way=course(0.9999, guards=(guard("override_rate", 0.3),)))
    (item,) = await submit(world, confidence=0.6)
    await _override(world, item.item.id)
    await follow(world)

    def killed(*_given: object, **_named: object) -> None:
        message = "killed"
        raise RuntimeError(message)

    with monkeypatch.context() as cut:
        cut.setattr(endings, "emit", killed)
        assert await steer(world) == 0
    assert (await find(world, begun.id)).rollout.state == "live"
    assert await _told(world, "rollout.ended") == []
    assert await steer(world) == 1
    assert (await find(world, begun.id)).rollout.state == "rolled_back"
    assert len(await _told(world, "rollout.ended")) == 1


async def test_corrections_lateness_and_the_oldest_that_waits_are_measured(world: World) -> None:
    stricter = CONFIG.replace("item.confidence < 0.8", "item.confidence < 0.99")
    to = await propose(world, stricter)
    guards = (guard("correction_rate", 0.9), guard("breach_rate", 0.9), guard("oldest_waiting", 3600.0))
    begun = await begin(world, to, way=course(0.9999, guards=guards))
    await submit(world, 3, confidence=0.9)
    await follow(world)
    first, second = await world.claim("ana", limit=2)
    await world.judge("ana", first, "approve")
    await world.judge("ana", second, "correct", output={"label": "refund"}, reasons=["wrong_label"])
    await world.db.hot.execute("UPDATE cases SET due_at = now() - interval '1 minute' WHERE state = 'open'")
    measured = {each.guard.name: each.figure for each in (await find(world, begun.id)).guards}
    assert (measured["correction_rate"].value, measured["correction_rate"].of) == (0.5, 2)
    assert measured["breach_rate"].of == 3
    assert measured["breach_rate"].value == pytest.approx(1 / 3)
    assert measured["oldest_waiting"].of == 1
    assert measured["oldest_waiting"].value < 3600
    await world.db.hot.execute("UPDATE assignments SET created_at = created_at - interval '2 hours'")
    assert await steer(world, age=_hours(3)) == 1
    done = (await find(world, begun.id)).rollout
    assert done.fired is not None
    assert (done.fired.guard, done.fired.of) == ("oldest_waiting", 1)


async def test_widening_by_hand_asks_the_guards_first(world: World) -> None:
    to = await propose(world, LOOSER)
    begun = await begin(world, to, way=course(0.999, guards=(guard("override_rate", 0.3),)))
    who = await admin(world)
    async with world.db.transaction() as tx:
        assert (await steering.widen(tx, who=who, rollout_id=begun.id, share=0.9999)).share == 0.9999
    with pytest.raises(RolloutInvalid, match="only widens"):
        async with world.db.transaction() as tx:
            await steering.widen(tx, who=who, rollout_id=begun.id, share=0.5)
    (item,) = await submit(world, confidence=0.6)
    await _override(world, item.item.id)
    await follow(world)
    async with world.db.transaction() as tx:
        assert (await steering.widen(tx, who=who, rollout_id=begun.id, share=1.0)).state == "rolled_back"
    with pytest.raises(RolloutOver):
        async with world.db.transaction() as tx:
            await steering.widen(tx, who=who, rollout_id=begun.id, share=1.0)
    again = await begin(world, to, way=course(0.5))
    async with world.db.transaction() as tx:
        assert (await steering.widen(tx, who=who, rollout_id=again.id, share=1.0)).state == "finished"
    assert await active(world) == to


async def test_another_active_version_and_a_withdrawal_end_it(world: World) -> None:
    to = await propose(world, LOOSER)
    begun = await begin(world, to)
    await apply(world, CONFIG.replace("item.confidence < 0.8", "item.confidence < 0.7"))
    ended = (await find(world, begun.id)).rollout
    assert (ended.state, ended.because) == ("ended", f"Version {to + 1} became active.")
    assert (await desk(world)).who.rollout is None
    again = await begin(world, to, "shadow")
    async with world.db.transaction() as tx:
        await candidates.withdraw(tx, who=await admin(world), version=to)
    assert (await find(world, again.id)).rollout.state == "ended"
    other = await propose(world, LOOSER.replace("0.4", "0.3"))
    third = await begin(world, other)
    async with world.db.transaction() as tx:
        await configuration.apply_version(tx, project="support", version=1, actor=OPERATOR)
    assert (await find(world, third.id)).rollout.state == "ended"
    fourth = await begin(world, other)
    async with world.db.transaction() as tx:
        await candidates.activate(tx, who=await admin(world), version=other)
    assert (await find(world, fourth.id)).rollout.state == "finished"


async def test_what_cannot_be_rolled_out_is_refused_with_clear_words(world: World) -> None:
    who = await admin(world)
    to = await propose(world, LOOSER)
    wider = await propose(world, LOOSER.replace("seniors: {{lease: 20m", "seniors: {{lease: 30m"))
    with pytest.raises(RolloutRefused, match="more than rules: pool seniors"):
        await begin(world, wider)
    with pytest.raises(NotACandidate):
        await begin(world, 1)
    with pytest.raises(RolloutInvalid):
        await begin(world, to, way=course(1.0))
    begun = await begin(world, wider, "shadow")
    with pytest.raises(RolloutRunning):
        await begin(world, to)
    with pytest.raises(RolloutRefused, match="more than rules"):
        async with world.db.transaction() as tx:
            await rollouts.go_live(tx, who=who, rollout_id=begun.id)
    for act in (rollouts.pause, rollouts.resume):
        with pytest.raises(RolloutRefused, match="not live yet"):
            async with world.db.transaction() as tx:
                await act(tx, who=who, rollout_id=begun.id)
    with pytest.raises(RolloutNotFound):
        await find(world, unknown_id())
    async with world.db.transaction() as tx:
        assert (await rollouts.roll_back(tx, who=who, rollout_id=begun.id)).state == "ended"
    assert await world.count("rollouts") == 1


async def test_of_two_who_begin_at_once_one_is_refused(world: World) -> None:
    to = await propose(world, LOOSER)
    await admin(world)
    asked = await asyncio.gather(*(begin(world, to) for _ in range(3)), return_exceptions=True)
    assert sum(isinstance(each, RolloutRunning) for each in asked) == 2


async def test_before_it_is_live_somebody_else_has_approved_it_where_that_is_asked(world: World) -> None:
    await apply(world, CONFIG + TWO_PEOPLE)
    to = await propose(world, LOOSER + TWO_PEOPLE)
    with pytest.raises(ApprovalRequired):
        await begin(world, to)
    begun = await begin(world, to, "shadow")
    who = await admin(world)
    with pytest.raises(ApprovalRequired):
        async with world.db.transaction() as tx:
            await rollouts.go_live(tx, who=who, rollout_id=begun.id)
    for each in (who, await world.add_person("abe", Role.ADMIN)):
        async with world.db.transaction() as tx:
            await candidates.approve(tx, who=each, version=to)
    async with world.db.transaction() as tx:
        assert (await rollouts.go_live(tx, who=who, rollout_id=begun.id)).state == "live"
    async with world.db.transaction() as tx:
        page, more = await rollouts.list_rollouts(tx, who=who, limit=1)
        assert ([each.id for each in page], more) == ([begun.id], None)


async def test_the_kept_items_are_bounded_and_all_are_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    to = await propose(world, LOOSER)
    begun = await begin(world, to, "shadow")
    monkeypatch.setattr(queries, "MOVE_ON", queries.MOVE_ON.replace("<= 10000", "<= 2"))
    for _ in range(3):
        await submit(world, confidence=0.6)
        await follow(world)
    assert (await find(world, begun.id)).rollout.differed == 3
    assert await world.count("rollout_items") == 2


def _hours(count: int) -> timedelta:
    return timedelta(hours=count)
