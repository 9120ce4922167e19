"""Acts on many items: previewed truly, done once to each, by what their caller may when they are done."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from review.audit.rules import OPERATOR
from review.bulk import executing, queries, service
from review.bulk.errors import BulkCounts, BulkInvalid, BulkNotFound
from review.bulk.schemas import Asked, Kind
from review.decisions.rules import Verdict
from review.identity import people as identity
from review.identity.errors import NotAPerson, NotPermitted
from review.identity.rules import Role
from review.items.errors import ConflictingResubmission
from review.kernel.db import Database
from review.kernel.settings import Settings
from review.queueing import ahead, departures, pinning
from review.reviewing import pending
from review.reviewing import service as reviewing
from review.reviewing.schemas import JudgementIn
from tests import limited
from tests.bulk.acts import (
    FREED,
    LABELLED,
    MOVED,
    RAISED,
    REJECTED,
    ask,
    bench,
    done,
    outcome,
    preview,
    submitted,
    work,
)
from tests.limited import match, refund
from tests.make import BASE_URL, CONFIG, World, give_verdict, unknown_id

TIMEOUT = 20


async def test_many_are_judged_alike_each_with_its_own_record(world: World) -> None:
    ids = await submitted(world, 3)
    act = await ask(world, "ana", REJECTED, ids)
    assert await work(world) == 3
    assert await outcome(world, "ana", act) == dict.fromkeys(ids, "done")
    rows = await world.db.hot.fetch("SELECT item_id, verdict, reasons::text, comment FROM reviews ORDER BY item_id")
    assert [tuple(row) for row in rows] == [(each, "reject", '["out_of_scope"]', "a test batch") for each in ids]
    for table, where in (("decisions", {}), ("feedback", {}), ("events", {"kind": "item.decided"})):
        assert await world.count(table, **where) == 3, table
    kinds = await world.db.hot.fetch(
        "SELECT action, count(*) AS n FROM audit_entries WHERE actor_name = 'ana@example.com' GROUP BY 1"
    )
    assert {row["action"]: row["n"] for row in kinds} == {
        "bulk.requested": 1,
        "bulk.taken": 3,
        "review.submitted": 3,
        "item.decided": 3,
    }
    assert await world.count("audit_entries", action="bulk.ended") == 1
    assert await world.count("assignments", state="held") == 0
    assert await world.count("timers", kind="lease") == 0


async def test_the_preview_says_what_then_happens(world: World) -> None:
    """One of each way to be left out, of one person's choice; what is somewhere else looks like nothing."""
    (free, decided, withdrawn, held, mine, aside, skipped, same) = ids = await submitted(world, 8)
    (panel,) = await submitted(world, 1, tags=["panel"])
    (elsewhere,) = await submitted(world, 1, tags=["vip"])
    nowhere = unknown_id()
    await world.db.hot.execute('UPDATE item_bodies SET output = \'{"label": "refund"}\' WHERE item_id = $1', same)
    by_item = {each.item.id: each for each in await world.claim("ben", limit=8)}
    await world.judge("ben", by_item[decided], "approve")
    await world.db.hot.execute("UPDATE items SET state = 'withdrawn' WHERE id = $1", withdrawn)
    give = [by_item[each] for each in (free, mine, aside, skipped, same)]
    await world.db.hot.execute(
        "UPDATE assignments SET state = 'open', holder_id = NULL, lease_until = NULL WHERE item_id = ANY ($1::uuid[])",
        [each.item.id for each in give],
    )
    await world.db.hot.execute("DELETE FROM case_reviewers WHERE part = 'holding'")
    await world.db.hot.execute(
        "INSERT INTO case_reviewers SELECT project_id, case_id, $2, id, 'skipped' FROM assignments WHERE item_id = $1",
        *(skipped, world.people["ana"].id),
    )
    await _put_in_hand(world, "ana", mine)
    await _put_in_hand(world, "ana", aside, is_aside=True)
    every = [*ids, panel, elsewhere, nowhere]
    wanted = {
        **dict.fromkeys((free, mine), "waiting"),
        decided: "decided",
        withdrawn: "withdrawn",
        held: "held",
        aside: "aside",
        skipped: "skipped",
        same: "same",
        panel: "several",
        **dict.fromkeys((elsewhere, nowhere), "unknown"),
    }
    seen = await preview(world, "ana", LABELLED, every)
    assert {each.item_id: each.why or each.state for each in seen.items} == wanted
    assert (seen.done, sum(seen.left_out.values())) == (2, len(every) - 2)
    assert await done(world, "ana", LABELLED, every) == {
        each: "done" if state == "waiting" else state for each, state in wanted.items()
    }


async def _put_in_hand(world: World, name: str, item_id: UUID, *, is_aside: bool = False) -> None:
    who = world.people[name]
    await world.db.hot.execute(
        "UPDATE assignments SET state = 'held', holder_id = $2, fence = fence + 1, claimed_at = now(),"
        " lease = '10 min', lease_until = now() + interval '10 min',"
        " aside_fence = CASE WHEN $3 THEN fence + 1 END WHERE item_id = $1",
        *(item_id, who.id, is_aside),
    )
    await world.db.hot.execute(
        "INSERT INTO case_reviewers SELECT project_id, case_id, $2, id, 'holding' FROM assignments WHERE item_id = $1",
        *(item_id, who.id),
    )


async def test_an_item_that_concerns_whoever_judges_is_left_out(world: World) -> None:
    (own,) = await submitted(world, 1, subject="ana@example.com")
    (other,) = await submitted(world, 1)
    assert await done(world, "ana", REJECTED, [own, other]) == {own: "concerned", other: "done"}


async def test_a_relation_added_since_the_preview_still_keeps_them_out(world: World) -> None:
    """Whom seats do not name is found under the lock, as by hand."""
    (named,) = await submitted(world, 1, subject="ana@example.com")
    await world.db.hot.execute("UPDATE assignments SET barred = NULL")
    assert (await preview(world, "ana", REJECTED, [named])).done == 1
    assert await done(world, "ana", REJECTED, [named]) == {named: "concerned"}
    assert await world.count("reviews") == 0
    assert await world.count("audit_entries", action="bulk.taken") == 0, "what was begun is taken back with it"


async def test_what_needs_a_lead_or_two_people_or_another_verdict_is_left_out(db: Database, settings: Settings) -> None:
    """Whether a lead must confirm depends on each judgement; the preview says that it may be so."""
    world = await limited.build(db, settings)
    small, large = [(await refund(world, amount)).item.id for amount in (100, 900)]
    narrow, pair = (await refund(world, tags=["narrow"])).item.id, (await match(world)).item.id
    approved = Asked(act=Kind.DECIDE, verdict=Verdict.APPROVE, reason="all in order")
    seen = await preview(world, "ana", approved, [small, large, pair])
    assert (seen.done, seen.maybe, seen.left_out) == (2, 2, {"two_persons": 1})
    assert await done(world, "ana", approved, [large, pair]) == {large: "lead", pair: "two_persons"}
    assert await world.count("assignments", kind="lead") == 0, (
        "the judgement was taken back, and its lead's seat with it"
    )
    rejected = Asked(act=Kind.DECIDE, verdict=Verdict.REJECT, reason="not in order")
    assert await done(world, "ana", rejected, [narrow, large]) == {narrow: "verdict", large: "done"}
    assert (await preview(world, "lea", approved, [small])).maybe == 0, "a lead decides at once"
    assert await done(world, "lea", approved, [small]) == {small: "done"}


async def test_leads_move_prioritise_and_give_back(world: World) -> None:
    waiting, raised = await submitted(world, 2)
    (held,) = await submitted(world, 1, confidence=0.1)
    await world.db.hot.execute("UPDATE assignments SET priority = 99 WHERE item_id = $1", held)
    (claimed,) = await world.claim("ben")
    assert claimed.item.id == held
    moved = await done(world, "lea", MOVED, [waiting, held])
    assert moved == {waiting: "done", held: "held"}
    assert await done(world, "lea", MOVED, [waiting]) == {waiting: "in_pool"}
    assert await done(world, "lea", RAISED, [raised, held]) == {raised: "done", held: "done"}
    assert await done(world, "lea", FREED, [raised, held]) == {raised: "free", held: "done"}
    rows = await world.db.hot.fetch("SELECT item_id, pool, priority, state FROM assignments")
    assert {row["item_id"]: tuple(row)[1:] for row in rows} == {
        waiting: ("seniors", 50, "open"),
        raised: ("triage", 90, "open"),
        held: ("triage", 90, "open"),
    }
    assert [each.item.id for each in await world.claim("sam", pool="seniors")] == [waiting]
    assert held in [each.item.id for each in await world.claim("ben", limit=2)], "whom it was taken from may have it"
    for kind in ("item.moved", "item.returned"):
        assert await world.count("events", kind=kind) == 1
    assert await world.count("events", kind="item.prioritised") == 2
    assert await world.count("audit_entries", action="assignment.reassigned") == 1


async def test_moving_and_giving_back_is_for_leads_and_no_key_judges(world: World) -> None:
    ids = await submitted(world, 1)
    for asked in (MOVED, RAISED, FREED):
        with pytest.raises(NotPermitted):
            await ask(world, "ana", asked, ids)
    world.people["crm"] = world.service
    with pytest.raises(NotAPerson):
        await ask(world, "crm", REJECTED, ids)
    with pytest.raises(BulkInvalid):
        await ask(world, "ana", REJECTED, [])
    with pytest.raises(BulkInvalid):
        await ask(world, "ana", REJECTED, [unknown_id() for _ in range(1001)])
    assert await world.count("bulk_acts") == 0


async def test_nothing_is_done_before_it_counts_and_undo_takes_all_back(world: World) -> None:
    ids = await submitted(world, 2)
    act = await ask(world, "ana", REJECTED, ids, grace=3600)
    assert await work(world) == 0
    for _ in range(2):  # twice is as good as once
        async with world.db.transaction() as tx:
            undone = await service.undo(tx, who=world.people["ana"], act_id=act.id)
        assert (undone.state, undone.counts.undone) == ("undone", 2)
    await world.db.hot.execute("UPDATE bulk_acts SET counts_at = now() - interval '1 second'")
    assert await work(world) == 0
    assert await world.count("reviews") == 0
    assert await world.count("audit_entries", action="bulk.undone") == 1


async def test_what_has_begun_is_not_taken_back_and_nobody_takes_back_anothers(world: World) -> None:
    act = await ask(world, "ana", REJECTED, await submitted(world, 2))
    async with world.db.transaction() as tx:
        with pytest.raises(BulkNotFound):
            await service.undo(tx, who=world.people["ben"], act_id=act.id)
    assert await executing.step(world.db, bench(world), world.service.project_id, act.id)
    with pytest.raises(BulkCounts):
        async with world.db.transaction() as tx:
            await service.undo(tx, who=world.people["ana"], act_id=act.id)
    await work(world)
    assert (await service.get_act(world.db.hot, who=world.people["ana"], act_id=act.id)).counts.done == 2


async def test_the_same_key_asks_once_and_another_act_under_it_is_refused(world: World) -> None:
    ids = await submitted(world, 2)
    first, again = [await ask(world, "ana", REJECTED, ids, key="k") for _ in range(2)]
    assert first.id == again.id
    with pytest.raises(ConflictingResubmission):
        await ask(world, "ana", REJECTED, ids[:1], key="k")
    assert (await ask(world, "ben", REJECTED, ids, key="k")).id != first.id
    assert await world.count("bulk_acts") == 2


@pytest.mark.parametrize("how", ["disabled", "demoted", "token revoked"])
async def test_who_may_not_any_more_does_nothing_any_more(world: World, how: str) -> None:
    ids = await submitted(world, 2)
    act = await ask(world, "ana", REJECTED, ids)
    assert await executing.step(world.db, bench(world), world.service.project_id, act.id)
    project, ana = world.service.project_id, world.people["ana"]
    async with world.db.transaction() as tx:
        if how == "disabled":
            await departures.disable(tx, email=ana.email, actor=OPERATOR)
        elif how == "demoted":
            await departures.change(tx, project, ana.id, actor=OPERATOR, role=Role.ANALYST)
    if how == "token revoked":
        await world.db.hot.execute("UPDATE api_keys SET revoked_at = now() WHERE id = $1", ana.key_id)
    await work(world)
    assert list((await outcome(world, "ana", act)).values()) == ["forbidden", "done"]
    assert await world.count("reviews") == 1


async def test_more_power_since_then_does_not_make_an_act_do_more(world: World) -> None:
    """It goes by what its caller carried when they asked, and what they carry now, whichever is less."""
    (elsewhere,) = await submitted(world, 1, tags=["vip"])
    act = await ask(world, "ana", REJECTED, [elsewhere])
    async with world.db.transaction() as tx:
        await identity.change(
            tx, world.service.project_id, world.people["ana"].id, actor=OPERATOR, role=Role.LEAD, pools=[]
        )
    await work(world)
    assert await outcome(world, "ana", act) == {elsewhere: "unknown"}


async def test_a_worker_that_is_cut_off_anywhere_leaves_each_item_done_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled before, within and after the judgement of each item in turn, and taken up again every time."""
    ids = await submitted(world, 4)
    act = await ask(world, "ana", REJECTED, ids)
    cuts = iter(range(3 * len(ids)))
    for module, name in ((queries, "find_next"), (reviewing, "submit"), (queries, "settle_item")):
        monkeypatch.setattr(module, name, _cut_once_in_a_while(getattr(module, name), cuts))
    while await world.count("bulk_items", state="waiting"):
        try:
            await work(world)
        except asyncio.CancelledError:
            continue
    await work(world)
    assert await outcome(world, "ana", act) == dict.fromkeys(ids, "done")
    assert await world.count("reviews") == len(ids)
    assert await world.count("audit_entries", action="bulk.taken") == len(ids)
    assert await world.count("audit_entries", action="bulk.ended") == 1
    assert next(cuts, None) is None, "it was cut off as often as it was to be"


def _cut_once_in_a_while(act: Any, cuts: Any) -> Any:
    turn = Counter[str]()

    async def cut(*given: Any, **more: Any) -> Any:
        turn["calls"] += 1
        if turn["calls"] % 2 and next(cuts, None) is not None:
            raise asyncio.CancelledError
        found = await act(*given, **more)
        if turn["calls"] % 3 == 0 and next(cuts, None) is not None:
            raise asyncio.CancelledError
        return found

    return cut


async def test_workers_beside_each_other_and_beside_people_do_each_item_once(world: World) -> None:
    ids = await submitted(world, 12)
    acts = [await ask(world, name, REJECTED, ids) for name in ("ana", "ben")]

    async def by_hand() -> int:
        judged = 0
        while held := await world.claim("cleo", limit=2):
            for each in held:
                await world.judge("cleo", each, "approve")
                judged += 1
        return judged

    async with asyncio.timeout(TIMEOUT):
        *_, judged = await asyncio.gather(*(work(world) for _ in range(3)), by_hand())
        await work(world)
    said = [await outcome(world, name, act) for name, act in zip(("ana", "ben"), acts, strict=True)]
    assert judged + sum(list(each.values()).count("done") for each in said) == len(ids)
    assert await world.count("reviews") == await world.count("decisions") == len(ids)
    assert {why for each in said for why in each.values()} <= {"done", "decided", "held"}


async def test_an_item_that_fails_on_our_side_is_tried_three_times_and_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison, *others = ids = await submitted(world, 3)
    act = await ask(world, "ana", REJECTED, ids)
    tried = Counter[UUID]()
    submit = reviewing.submit

    async def broken(tx: Any, bench_: Any, **given: Any) -> Any:
        item_id = await world.db.hot.fetchval("SELECT item_id FROM assignments WHERE id = $1", given["assignment_id"])
        tried[item_id] += 1
        if item_id == poison:
            raise RuntimeError
        return await submit(tx, bench_, **given)

    monkeypatch.setattr(reviewing, "submit", broken)
    await work(world)
    assert await outcome(world, "ana", act) == {poison: "failed", **dict.fromkeys(others, "done")}
    assert tried == {poison: 3, **dict.fromkeys(others, 1)}
    assert await world.count("reviews") == len(others)


async def test_what_is_pinned_is_judged_with_the_rest(world: World) -> None:
    """What one has in hand oneself is one's own to judge; its page then says that it was reviewed."""
    first, second = await submitted(world, 2)
    held = {each.item.id: each for each in await world.claim("ana", limit=2)}
    async with world.db.transaction() as tx:
        await pinning.pin(tx, who=world.people["ana"], assignment_id=held[first].id, fence=held[first].fence)
    assert await done(world, "ana", REJECTED, [first, second]) == dict.fromkeys((first, second), "done")


async def test_whoever_has_judged_keeps_their_seat_and_their_verdict_counts(db: Database, settings: Settings) -> None:
    """A verdict that waits to count is taken from nobody, and its item is not judged again meanwhile."""
    world = await World.build(db, settings, source=CONFIG.replace("undo: 0s", "undo: 8s").format(project="support"))
    ids = await submitted(world, 1)
    (held,) = await world.claim("ana")
    async with db.transaction() as tx:
        given: dict[str, Any] = {"who": world.people["ana"], "assignment_id": held.id, "fence": held.fence}
        await give_verdict(tx, bench(world), **given, submitted=JudgementIn(verdict=Verdict.APPROVE), filled=[])
    assert await done(world, "lea", FREED, ids) == {ids[0]: "free"}
    assert await done(world, "ana", REJECTED, ids) == {ids[0]: "reviewed"}
    assert await done(world, "ben", REJECTED, ids) == {ids[0]: "held"}
    await db.hot.execute("UPDATE timers SET fire_at = now() WHERE kind = 'judgement'")
    await pending.sweep(db, bench(world))
    assert await db.hot.fetchval("SELECT verdict FROM decisions") == "approve"


async def test_what_the_caller_has_ahead_is_judged_with_the_rest(world: World) -> None:
    ids = await submitted(world, 2)
    who: dict[str, Any] = {"who": world.people["ana"], "pool": "triage", "config": world.config, "base_url": BASE_URL}
    async with world.db.transaction() as tx:
        kept = await ahead.reserve(tx, **who)
    assert kept is not None
    assert await done(world, "ana", REJECTED, ids) == dict.fromkeys(ids, "done")
