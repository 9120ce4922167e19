"""The clock an item gets as it arrives: what the arithmetic gives for the database's time, in one statement."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from review.intake import service as intake
from review.intake.service import Accepted, Desk
from review.items import service as items
from review.items.schemas import SlaView
from review.kernel import clock
from review.sla import rules as sla
from review.sla.rules import Facts, PriorityTargets, SlaPolicy, Target
from tests.make import BASE_URL, CONFIG, World, submission
from tests.sla.make import calendar

HOUR = timedelta(hours=1)
ELAPSED = SlaPolicy(
    name="standard", decide=Target(4 * HOUR), first_claim=Target(HOUR / 2), warn_at=(0.5, timedelta(hours=3))
)
BY_CALENDAR = msgspec.structs.replace(ELAPSED, calendar=calendar())
LATER = datetime(2099, 1, 1, tzinfo=UTC)


def desk(world: World, policy: SlaPolicy) -> Desk:
    config = msgspec.structs.replace(world.config, sla_policies={"standard": policy})
    return msgspec.structs.replace(world.desk(), config=config)


async def take_in(at: Desk, *bodies: dict[str, Any]) -> list[Accepted]:
    raws = [msgspec.json.encode(body) for body in bodies]
    outcomes = await intake.submit_batch(at, raws, idempotency_keys=[None] * len(raws))
    return [outcome for outcome in outcomes if isinstance(outcome, Accepted)]


async def stored(world: World, accepted: Accepted) -> Any:
    return await world.db.hot.fetchrow(
        "SELECT c.*, a.due_at AS seat_due_at, t.fire_at, t.generation, e.details->>'due_at' AS told,"
        " now() - c.clock_started_at AS age"
        " FROM cases c JOIN assignments a USING (project_id, item_id)"
        " LEFT JOIN timers t ON t.project_id = c.project_id AND t.kind = 'due' AND t.subject_id = c.id"
        " JOIN audit_entries e ON e.item_id = c.item_id AND e.action = 'item.submitted'"
        " WHERE c.item_id = $1",
        accepted.item.id,
    )


async def shown(world: World, accepted: Accepted) -> SlaView | None:
    item = accepted.item
    found = await items.get_views(world.db.hot, who=world.service, item_ids=[item.id], base_url=BASE_URL)
    return found[item.id].sla


async def check(world: World, policy: SlaPolicy | None, accepted: Accepted, **facts: Any) -> sla.Clock:
    """Hold everything that was stored against the arithmetic on the facts that were stored."""
    row = await stored(world, accepted)
    given: dict[str, Any] = {"priority": 50} | facts
    expected = sla.run(policy, Facts(started_at=row["clock_started_at"], **given))
    assert expected is not None
    assert (row["due_at"], row["first_claim_due_at"], row["warn_at"]) == (
        expected.due_at,
        expected.first_claim_due_at,
        expected.warn_at,
    )
    assert row["seat_due_at"] == row["due_at"] == datetime.fromisoformat(row["told"])
    assert (row["fire_at"], row["generation"]) == (expected.marks[0].at, 0)
    assert row["clock_version"] == world.config.version
    assert timedelta(0) <= row["age"] < timedelta(minutes=1)
    assert accepted.item.sla == await shown(world, accepted), "the answer and a later look differ"
    return expected


async def test_elapsed_targets_take_one_statement(world: World, statements: list[str]) -> None:
    at = desk(world, ELAPSED)
    statements.clear()
    (accepted,) = await take_in(at, submission())
    assert len(statements) == 1
    expected = await check(world, ELAPSED, accepted)
    assert expected.marks[0].key == "first_claim"
    assert accepted.item.sla is not None
    assert accepted.item.sla.state == "on_track"


async def test_calendars_take_one_more_statement_for_a_whole_batch(world: World, statements: list[str]) -> None:
    at = desk(world, BY_CALENDAR)
    statements.clear()
    batch = await take_in(at, *(submission(str(number)) for number in range(30)))
    assert len(statements) == 2
    for accepted in batch[:3]:
        await check(world, BY_CALENDAR, accepted)


async def test_an_elapsed_target_of_a_policy_with_a_calendar_takes_one(world: World, statements: list[str]) -> None:
    policy = SlaPolicy(name="standard", decide=Target(4 * HOUR, is_elapsed=True), calendar=calendar())
    at = desk(world, policy)
    statements.clear()
    (accepted,) = await take_in(at, submission())
    assert len(statements) == 1
    await check(world, policy, accepted)


async def test_two_policies_of_one_name_are_told_apart(world: World) -> None:
    """As after a new version; what is kept of one is not used for the other."""
    shorter = msgspec.structs.replace(ELAPSED, decide=Target(HOUR))
    for policy in (ELAPSED, shorter, ELAPSED):
        (accepted,) = await take_in(desk(world, policy), submission())
        await check(world, policy, accepted)


async def test_the_priority_on_arrival_chooses_the_targets(world: World) -> None:
    urgent = CONFIG.replace("{{review: seniors, priority: 80}}", "{{review: seniors, priority: 80, sla: standard}}")
    other = await World.build(world.db, world.settings, "urgent", urgent.format(project="urgent"))
    policy = msgspec.structs.replace(ELAPSED, by_priority=(PriorityTargets(80, decide=Target(HOUR)),))
    calm, hurried = await take_in(desk(other, policy), submission("calm"), submission("now", tags=["vip"]))
    await check(other, policy, calm)
    expected = await check(other, policy, hurried, priority=80)
    assert hurried.item.sla is not None
    assert expected.due_at == hurried.item.sla.due_at == hurried.item.created_at + HOUR


async def test_upstream_may_ask_for_it_sooner_and_not_later(world: World) -> None:
    soon = (datetime.now(UTC) + HOUR).replace(microsecond=0)
    at = desk(world, BY_CALENDAR)
    bodies = [submission(at.isoformat(), respond_by=at.isoformat()) for at in (soon, LATER)]
    hurried, unhurried = await take_in(at, *bodies)
    await check(world, BY_CALENDAR, hurried, respond_by=soon)
    expected = await check(world, BY_CALENDAR, unhurried, respond_by=LATER)
    assert expected.due_at < LATER


async def test_what_upstream_asks_counts_without_a_policy(world: World, statements: list[str]) -> None:
    at = desk(world, ELAPSED)
    statements.clear()
    (accepted,) = await take_in(at, submission(tags=["vip"], respond_by="2099-01-01T02:00:00+02:00"))
    assert len(statements) == 2
    await check(world, None, accepted, respond_by=LATER)
    assert accepted.item.sla == SlaView(None, LATER, "on_track")


async def test_what_was_asked_for_before_it_was_sent_is_overdue_as_it_arrives(world: World) -> None:
    """Nothing about it is refused: it waits for a person, first in its queue."""
    at = desk(world, ELAPSED)
    first, overdue = await take_in(at, submission(), submission("late", respond_by="2020-01-01T00:00:00Z"))
    assert overdue.item.sla is not None
    assert overdue.item.sla.state == "breached"
    assert overdue.item.sla == await shown(world, overdue)
    assert overdue.item.sla.due_at <= overdue.item.created_at
    assert [each.item.id for each in await world.claim("ana", limit=2)] == [overdue.item.id, first.item.id]


async def test_a_batch_of_all_sorts_gives_each_its_own(world: World) -> None:
    soon = (datetime.now(UTC) + HOUR).replace(microsecond=0)
    bodies = [
        submission("by rule", confidence=0.9, respond_by=soon.isoformat()),
        submission("no clock", tags=["vip"]),
        submission("by policy"),
        submission("by both", respond_by=soon.isoformat()),
        submission("by upstream", tags=["vip"], respond_by=soon.isoformat()),
        submission("stopped", tags=["blocked"]),
    ]
    by_rule, without, by_policy, by_both, by_upstream, blocked = await take_in(desk(world, ELAPSED), *bodies)
    assert [each.item.sla for each in (by_rule, without, blocked)] == [None] * 3
    await check(world, ELAPSED, by_policy)
    await check(world, ELAPSED, by_both, respond_by=soon)
    await check(world, None, by_upstream, respond_by=soon)
    row = await stored(world, without)
    clock_of_none = [row[name] for name in ("due_at", "clock_started_at", "clock_version", "fire_at", "told")]
    assert clock_of_none == [None] * 5
    assert await world.count("timers") == 3


async def test_a_calendar_that_never_opens_loses_no_item(world: World) -> None:
    never = msgspec.structs.replace(BY_CALENDAR, calendar=calendar(weekdays=()))
    (accepted,) = await take_in(desk(world, never), submission())
    await check(world, never, accepted)
    assert (await world.claim("ana"))[0].item.id == accepted.item.id


@pytest.mark.parametrize("ahead", [timedelta(minutes=10), timedelta(minutes=-10)], ids=["fast", "slow"])
@pytest.mark.parametrize("policy", [ELAPSED, BY_CALENDAR], ids=["elapsed", "calendar"])
async def test_what_time_this_machine_has_does_not_matter(
    world: World, monkeypatch: pytest.MonkeyPatch, ahead: timedelta, policy: SlaPolicy
) -> None:
    """Promise 12: the database's clock decides, however far this machine's is from it."""

    class Skewed:
        @staticmethod
        def now(zone: Any) -> datetime:
            return datetime.now(zone) + ahead

    monkeypatch.setattr(clock, "datetime", Skewed)
    assert abs(clock.utc_now() - datetime.now(UTC) - ahead) < timedelta(seconds=5)
    (accepted,) = await take_in(desk(world, policy), submission(respond_by=LATER.isoformat()))
    await check(world, policy, accepted, respond_by=LATER)
