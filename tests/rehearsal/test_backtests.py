"""Backtests over stored items: true, the same each time, taken up again where they were cut off."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from review.configuration.errors import ConfigVersionNotFound
from review.intake import service as intake
from review.kernel.clock import utc_now
from review.kernel.ids import new_id
from review.rehearsal import evaluating, queries, running, service
from review.rehearsal.errors import BacktestInvalid, BacktestNotFound, BacktestOver, TooManyBacktests
from review.rehearsal.rules import replayed
from review.rehearsal.schemas import Report
from review.rehearsal.service import Wanted
from review.routing.rules import Restraint, Route
from tests.make import CONFIG, World, submission, unknown_id
from tests.rehearsal.worlds import LOOSER, NOTHING, admin, apply, arrivals, begin, ended, propose


async def _result(world: World, to: int, **more: Any) -> Report:
    who = world.people.get("ada") or await admin(world)
    done = await ended(world, who, await begin(world, who, to, **more))
    assert done.state == "done", done.error
    assert done.result is not None
    return done.result


async def test_it_says_what_would_go_elsewhere_and_what_would_slip_through(world: World) -> None:
    await arrivals(world)
    to = await propose(world, LOOSER)
    found = await _result(world, to)
    flows = {(flow.old, flow.new): flow.count for flow in found.flows}
    assert flows == {
        ("review:triage", "approve"): 3,
        ("review:triage", "review:triage"): 1,
        ("approve", "approve"): 1,
        ("review:seniors", "review:seniors"): 1,
        ("reject", "reject"): 1,
    }
    assert (found.items, found.moved, found.is_part) == (7, 3, False)
    judged = found.judged
    assert (judged.slipped_correct.count, judged.slipped_reject.count, judged.saved.count) == (1, 1, 1)
    assert judged.error_rate.share == pytest.approx(2 / 3)
    assert 0 < judged.error_rate.low < 2 / 3 < judged.error_rate.high < 1
    texts = await world.db.hot.fetchval(
        "SELECT input ->> 'text' FROM item_bodies WHERE item_id = $1", judged.slipped_correct.examples[0]
    )
    assert texts == "sure by 0.6"
    assert found.item_costs == {"USD": "0.0042"}
    counts = {rule.rule: (rule.old_taken, rule.new_taken) for rule in found.rules}
    assert counts["low-confidence"] == (4, 1)
    assert counts["rest"] == (1, 4)
    assert [(each.code, each.rule) for each in found.warnings if each.rule] == [("rule_matches_nothing", "panel")]
    triage = next(pool for pool in found.pools if pool.pool == "triage")
    assert triage.old is not None
    assert triage.new is not None
    assert (triage.old.reviews, triage.new.reviews, triage.new.members) == (4, 1, 4)
    assert triage.handling_from == 3
    seniors = next(pool for pool in found.pools if pool.pool == "seniors")
    assert (seniors.handling_seconds, seniors.new and seniors.new.people) == (None, None)


async def test_it_gives_the_same_answer_twice_whatever_came_since_and_however_it_is_cut(world: World) -> None:
    """Promise 19: a backtest of stored items gives the same answer twice."""
    await arrivals(world)
    to = await propose(world, LOOSER)
    who = await admin(world)
    until = await world.db.hot.fetchval("SELECT now()")
    once = await _result(world, to, until=until)
    await world.submit("later", confidence=0.1)
    for each in await world.claim("ben"):
        await world.judge("ben", each, "approve")
    again = await ended(world, who, await begin(world, who, to, until=until), batch=2)
    assert again.result is not None
    same = {"since": once.since, "until": once.until}
    assert msgspec.structs.replace(again.result, **same) == once


async def test_what_was_cut_off_is_taken_up_and_nothing_counts_twice(world: World) -> None:
    await arrivals(world)
    to = await propose(world, LOOSER)
    who = await admin(world)
    begun = await begin(world, who, to)
    turns = iter([False, False, False, False, True])
    await running.advance(world.db, world.configs, NOTHING, lambda: next(turns, True), batch=2)
    half = await service.get(world.db.hot, project_id=who.project_id, backtest_id=begun.id)
    assert (half.state, half.items_done, half.items_estimated) == ("running", 4, 7)
    # A worker that died holds its lease; a stale one that wakes up after another has taken over counts for nothing.
    key = (who.project_id, begun.id)
    stale = await queries.claim(world.db.hot, *key, running.LEASE)
    assert await running.advance(world.db, world.configs, NOTHING) == 0
    await world.db.hot.execute("UPDATE backtests SET lease_until = now() - interval '1 second'")
    done = await ended(world, who, begun, batch=2)
    assert (done.state, done.items_done) == ("done", 7)
    assert done.result is not None
    assert done.result.items == 7
    late = (*key, stale["fence"])
    assert not await queries.move_on(world.db.hot, late, stale["cursor"], 99, "{}", running.LEASE, 1.0)


async def test_two_workers_share_one_backtest_without_counting_twice(world: World) -> None:
    await arrivals(world)
    to = await propose(world, LOOSER)
    who = await admin(world)
    begun = await begin(world, who, to)
    await asyncio.gather(*(running.advance(world.db, world.configs, NOTHING, batch=1) for _ in range(3)))
    done = await ended(world, who, begun)
    assert (done.state, done.items_done) == ("done", 7)


async def test_one_that_is_stopped_stays_stopped(world: World) -> None:
    await arrivals(world)
    to = await propose(world, LOOSER)
    who = await admin(world)
    begun = await begin(world, who, to)
    async with world.db.transaction() as tx:
        assert (
            await service.stop(tx, project_id=who.project_id, actor=who.actor, backtest_id=begun.id)
        ).state == "stopped"
    assert (await ended(world, who, begun)).state == "stopped"
    with pytest.raises(BacktestOver):
        async with world.db.transaction() as tx:
            await service.stop(tx, project_id=who.project_id, actor=who.actor, backtest_id=begun.id)
    kinds = await world.db.hot.fetch("SELECT action FROM audit_entries WHERE action LIKE 'backtest.%' ORDER BY id")
    assert [row["action"] for row in kinds] == ["backtest.begun", "backtest.stopped"]


async def test_what_cannot_be_rehearsed_is_refused(world: World) -> None:
    who = await admin(world)
    for more, refusal in (
        ({"to": 9}, ConfigVersionNotFound),
        ({"to": 2**40}, ConfigVersionNotFound),
        ({"to": 1, "days": 0}, BacktestInvalid),
        ({"to": 1, "days": 400}, BacktestInvalid),
    ):
        with pytest.raises(refusal):
            await begin(world, who, **more)
    with pytest.raises(BacktestNotFound):
        await service.get(world.db.hot, project_id=who.project_id, backtest_id=unknown_id())
    assert await world.count("backtests") == 0


@pytest.mark.parametrize(
    "span",
    [
        {"since": utc_now() - timedelta(days=400)},
        {"since": utc_now() + timedelta(days=1)},
        {"until": datetime(1, 1, 5, tzinfo=UTC)},
        {"since": datetime(2026, 11, 1)},  # noqa: DTZ001  a moment without its zone is what is refused
    ],
    ids=["longer than a year", "after now", "before anything", "without a zone"],
)
async def test_a_span_that_is_none_is_refused_by_plan_and_backtest(world: World, span: dict[str, Any]) -> None:
    who = await admin(world)
    with pytest.raises(BacktestInvalid):
        await begin(world, who, 1, **span)
    with pytest.raises(BacktestInvalid):
        await service.plan(
            world.db,
            world.configs,
            project_id=who.project_id,
            wanted=Wanted(from_version=1, to_version=1, **span),
        )
    assert await world.count("backtests") == 0


async def test_no_more_than_three_are_under_way_also_where_six_ask_at_once(world: World) -> None:
    who = await admin(world)
    asked = await asyncio.gather(*(begin(world, who, 1) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(each, TooManyBacktests) for each in asked) == 3
    assert await world.count("backtests") == service.MOST_UNDER_WAY


async def test_a_span_waits_until_all_that_was_stored_in_it_is_to_be_seen(world: World) -> None:
    who = await admin(world)
    begun = await begin(world, who, 1)
    assert await running.advance(world.db, world.configs, world.settings.statement_timeout) == 0
    assert (await service.get(world.db.hot, project_id=who.project_id, backtest_id=begun.id)).state == "waiting"


async def test_a_plan_of_the_newest_items_says_the_same_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await arrivals(world)
    to = await propose(world, LOOSER)
    who = await admin(world)
    full = await _result(world, to)
    wanted = Wanted(from_version=1, to_version=to)
    planned = await service.plan(world.db, world.configs, project_id=who.project_id, wanted=wanted)
    assert planned == msgspec.structs.replace(full, since=planned.since, until=planned.until, pools=planned.pools)
    with monkeypatch.context() as small:
        small.setattr(queries, "READ_LAST", queries.READ_LAST.replace(str(queries.MOST_BYTES), "1"))
        cut = await service.plan(world.db, world.configs, project_id=who.project_id, wanted=wanted)
        assert (cut.items, cut.is_part) == (1, True)
    monkeypatch.setattr(service, "MOST_PLANNED", 2)
    part = await service.plan(world.db, world.configs, project_id=who.project_id, wanted=wanted)
    assert (part.items, part.is_part) == (2, True)
    assert [flow.old for flow in part.flows] == ["reject", "review:seniors"]
    monkeypatch.setattr(service, "PLANNED_AT_ONCE", 1)
    monkeypatch.setattr(service, "PLAN_SECONDS", 0)
    one = await service.plan(world.db, world.configs, project_id=who.project_id, wanted=wanted)
    assert (one.items, one.is_part) == (1, True)


async def test_replaying_stored_items_gives_the_stored_route_also_after_a_rollback(world: World) -> None:
    """Promise 19: routing is a function of the item and the version alone."""
    await arrivals(world)
    await world.submit("sent with an empty field", model={"name": "m", "version": None}, confidence=None)
    for way in (f"hold/{new_id()}/", "everything/"):
        stopped = msgspec.structs.replace(world.service, stops=(f"{way}item_type:ticket_intent",))
        desk = msgspec.structs.replace(world.desk(), who=stopped)
        kinds: list[dict[str, Any]] = [{"confidence": 0.9}, {"tags": ["blocked"]}]
        for more in kinds:
            await intake.submit(desk, msgspec.json.encode(submission(**more)), idempotency_key=None)
    await apply(world, LOOSER)
    await apply(world, CONFIG)
    rows = await world.db.hot.fetch(
        "SELECT i.id, i.type, i.created_at, i.config_version, b.input::text, b.output::text, b.details::text,"
        " b.route::text, NULL AS verdict, NULL AS chance FROM items i JOIN item_bodies b ON b.item_id = i.id"
    )
    assert len(rows) == 12
    for row in rows:
        stored = msgspec.json.decode(row["route"], type=Route)
        past = evaluating.past_of(row)
        for version in (row["config_version"], 3):  # the third is the first again
            config = await world.configs.get(world.service.project_id, version)
            assert replayed(config, past, _restraint(stored)) == stored


def _restraint(stored: Route) -> Restraint:
    is_stopped, is_held = any(each.stopped for each in stored.evaluations), stored.held is True
    return Restraint(stopped_wholly=is_stopped, two_person=stored.two_person, held=is_held)


async def test_what_was_over_long_ago_is_forgotten_and_nothing_else(world: World) -> None:
    await apply(world, LOOSER)
    who = await admin(world)
    for _ in range(3):
        await ended(world, who, await begin(world, who, 2))
    await world.db.hot.execute(
        "UPDATE backtests SET ended_at = now() - interval '2 days' WHERE id ="
        " (SELECT min(id::text)::uuid FROM backtests)"
    )
    await world.db.hot.execute(
        "UPDATE backtests SET state = 'running', ended_at = NULL WHERE id = (SELECT max(id::text)::uuid FROM backtests)"
    )
    assert await service.forget_old(world.db.hot, timedelta(days=1)) == 1
    assert await world.count("backtests") == 2


async def test_rates_are_read_from_the_route_or_counted_as_of_then_and_the_report_says_so(world: World) -> None:
    """Issue 6, 2: what a new rule asks and nobody measured is counted out of what is stored, and told."""
    ada = await admin(world)
    for _ in range(4):
        await world.submit(subject="ann", confidence=0.9)
    await world.submit(confidence=0.9)
    asked = """rules:
  - {{name: burst, when: 'item.subject != null && rate("item.subject", "1h") >= 2', then: {{review: seniors}}}}
"""
    asking = CONFIG.replace("rules:\n", asked)
    version = await propose(world, asking)
    found = await ended(world, ada, await begin(world, ada, version))
    assert found.result is not None
    assert (found.result.items, found.result.moved, found.result.recounted) == (5, 2, 4)
    wanted = Wanted(from_version=1, to_version=version)
    planned = await service.plan(world.db, world.configs, project_id=ada.project_id, wanted=wanted)
    assert (planned.moved, planned.recounted) == (2, 4)
    stored = "UPDATE item_bodies SET route = (route::jsonb || jsonb_build_object('measured', $1::jsonb))::json"
    await world.db.hot.execute(stored, '{"rate(item.subject, 1h)": 3}')
    planned = await service.plan(world.db, world.configs, project_id=ada.project_id, wanted=wanted)
    assert (planned.moved, planned.recounted) == (4, 0), "what was measured then counts"
