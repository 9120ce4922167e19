"""Decision-level permissions: what a pool may say, what a lead confirms, and what takes two people."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from review.audit.rules import OPERATOR
from review.decisions.rules import Verdict
from review.escalation import service as escalation
from review.identity import keyring
from review.intake import stops
from review.kernel.db import Database
from review.kernel.settings import Settings
from review.reviewing import pending as pending_judgements
from review.reviewing.errors import (
    OverrideNotFound,
    OverrideOutdated,
    OverridePending,
    SecondPersonNeeded,
    StillToJudge,
    VerdictNotAllowed,
)
from review.reviewing.schemas import JudgementIn
from tests import limited
from tests.limited import build, confirm, match, override, pending, refund, take
from tests.make import World, give_verdict
from tests.reviewing.test_pending import bench


@pytest.fixture
async def world(db: Database, settings: Settings) -> World:
    return await build(db, settings)


async def test_a_pool_may_not_say_what_its_configuration_leaves_out(world: World) -> None:
    await refund(world, tags=["narrow"])
    held = await take(world, "ana", "triage")
    assert held.verdicts == ("approve", "correct")
    with pytest.raises(VerdictNotAllowed) as refused:
        await world.judge("ana", held, "reject")
    assert "you still hold the item" in refused.value.message
    assert await world.count("reviews") == 0
    done = await world.judge("ana", held, "correct", {"amount": 90})
    assert done.item.status == "decided"


async def test_a_pools_members_may_not_override_to_it_either(world: World) -> None:
    item = (await refund(world, tags=["narrow"])).item
    await world.db.hot.execute(
        "INSERT INTO pool_members VALUES ($1, 'triage', 'lea@example.com', 'direct')", world.service.project_id
    )
    with pytest.raises(VerdictNotAllowed):
        await override(world, "lea", item, "reject")
    assert (await override(world, "max", item, "reject")).status == "decided"


async def test_what_needs_a_lead_is_recorded_and_waits_for_one(world: World) -> None:
    item = (await refund(world, 100)).item
    held = await take(world, "ana")
    waiting = await world.judge("ana", held, "correct", {"amount": 900}, comment="much more")
    assert (waiting.item.status, waiting.item.decision) == ("queued", None)
    assert await world.count("reviews") == 1
    assert await world.claim("ana", "any") == [], "whoever judged it does not confirm it"
    lead = await take(world, "sam", "seniors")
    assert lead.kind == "lead"
    assert lead.answers is not None
    assert [(each.reviewer, bytes(each.output), each.comment) for each in lead.answers] == [
        ("ana@example.com", b'{"amount": 900}', "much more")
    ]
    done = await world.judge("sam", lead, "correct", {"amount": 700})
    assert done.item.decision is not None
    assert (done.item.decision.source, done.item.decision.decided_by) == ("adjudication", "sam@example.com")
    assert await world.count("audit_entries", item_id=item.id, action="lead.asked") == 1


async def test_whoever_judges_is_told_whether_a_lead_or_a_second_person_comes_first(world: World) -> None:
    """What the page says beside the verdict is what happens once it counts."""
    told: dict[float, tuple[bool, bool]] = {}
    for amount in (900, 400):
        await refund(world, 100)
        held = await take(world, "ana")
        submitted = JudgementIn(verdict=Verdict.CORRECT, output={"amount": amount})
        key: dict[str, Any] = {"who": world.people["ana"], "assignment_id": held.id, "fence": held.fence}
        async with world.db.transaction() as tx:
            given = await give_verdict(tx, bench(world), **key, submitted=submitted, filled=[])
        told[amount] = given.needs_lead, given.is_last
    assert told == {900: (True, False), 400: (False, True)}
    await world.db.hot.execute("UPDATE timers SET fire_at = now() WHERE kind = 'judgement'")
    await pending_judgements.sweep(world.db, bench(world))
    assert await world.count("assignments", kind="lead", state="open") == await world.count("decisions") == 1
    await match(world)
    twice = await take(world, "ana")
    key = {"who": world.people["ana"], "assignment_id": twice.id, "fence": twice.fence}
    async with world.db.transaction() as tx:
        approved = JudgementIn(verdict=Verdict.APPROVE)
        given = await give_verdict(tx, bench(world), **key, submitted=approved, filled=[])
    assert (given.needs_lead, given.is_last) == (False, False)


async def test_what_does_not_need_a_lead_is_decided_and_a_lead_decides_at_once(world: World) -> None:
    await refund(world, 100)
    assert (await world.judge("ana", await take(world, "ana"), "correct", {"amount": 400})).item.status == "decided"
    await refund(world, 100)
    assert (await world.judge("ana", await take(world, "ana"), "reject")).item.status == "decided"
    await refund(world, 100)
    assert (await world.judge("lea", await take(world, "lea"), "correct", {"amount": 900})).item.status == "decided"


async def test_a_condition_that_cannot_be_evaluated_needs_a_lead(world: World) -> None:
    """Promise 33, and what never happens 4: what cannot be evaluated goes to a person."""
    await world.db.hot.execute(
        "UPDATE item_types SET definition = (definition::jsonb || $1::jsonb)::json WHERE name = 'refund'",
        '{"needs_lead": "item.metadata.limit < review.output.amount"}',
    )
    item = (await refund(world, 100)).item
    assert (await world.judge("ana", await take(world, "ana"), "approve")).item.decision is None
    why = await world.db.hot.fetchval(
        "SELECT details ->> 'why' FROM audit_entries WHERE item_id = $1 AND action = 'lead.asked'", item.id
    )
    assert "could not be told" in why


async def test_a_rule_does_not_decide_what_takes_two_people(world: World) -> None:
    """Promise 33, AI Act 14(5)."""
    ways: list[dict[str, Any]] = [{"confidence": 0.99}, {"tags": ["blocked"]}, {}]
    sent = [(await match(world, **more)).item for more in ways]
    for item in sent:
        assert (item.status, await world.count("assignments", item_id=item.id)) == ("queued", 2)
    route = await world.db.hot.fetchval("SELECT route::text FROM item_bodies WHERE item_id = $1", sent[0].id)
    assert '"two_person":true' in route


async def test_two_who_agree_decide_and_one_alone_does_not(world: World) -> None:
    await match(world)
    assert (await world.judge("ana", await take(world, "ana"), "approve")).item.decision is None
    assert (await world.judge("ben", await take(world, "ben"), "approve")).item.status == "decided"


async def test_who_settles_a_dispute_needs_somebody_who_says_the_same(world: World) -> None:
    await match(world)
    await world.judge("ana", await take(world, "ana"), "approve")
    await world.judge("ben", await take(world, "ben"), "reject")
    third = await world.judge("sam", await take(world, "sam", "seniors"), "correct", {"same": True, "who": "x"})
    assert third.item.decision is None, "nobody else has given this answer"
    fourth = await world.judge("lea", await take(world, "lea", "seniors"), "reject")
    assert fourth.item.decision is not None
    assert fourth.item.decision.decided_by == "ben@example.com, lea@example.com"


async def test_an_override_of_it_counts_once_somebody_else_confirms(world: World) -> None:
    """ASVS 2.3.5."""
    item = (await match(world)).item
    assert (await override(world, "lea", item, "reject")).decision is None
    proposal = await pending(world, "max", item)
    assert proposal is not None
    assert (proposal.verdict, proposal.proposed_by, proposal.comment) == (Verdict.REJECT, "lea@example.com", "policy")
    with pytest.raises(SecondPersonNeeded):
        await confirm(world, "lea", item, proposal)
    with pytest.raises(OverridePending):
        await override(world, "max", item, "approve")
    done = await confirm(world, "max", item, proposal)
    assert done.decision is not None
    assert (done.decision.source, done.decision.decided_by) == ("override", "lea@example.com, max@example.com")
    with pytest.raises(OverrideNotFound):
        await confirm(world, "max", item, proposal)
    audit = await world.db.hot.fetch("SELECT action FROM audit_entries WHERE item_id = $1 ORDER BY at, id", item.id)
    assert [row["action"] for row in audit][-2:] == ["override.proposed", "decision.overridden"]


async def test_of_two_who_confirm_at_once_one_does(world: World) -> None:
    item = (await match(world)).item
    await override(world, "lea", item, "reject")
    proposal = await pending(world, "max", item)
    assert proposal is not None
    outcomes = await asyncio.gather(*(confirm(world, "max", item, proposal) for _ in range(4)), return_exceptions=True)
    assert sum(not isinstance(each, BaseException) for each in outcomes) == 1
    assert await world.count("decisions", item_id=item.id) == 1


async def test_an_override_proposed_against_an_older_decision_is_not_confirmed(world: World) -> None:
    item = (await match(world)).item
    await override(world, "lea", item, "reject")
    proposal = await pending(world, "max", item)
    assert proposal is not None
    await world.judge("ana", await take(world, "ana"), "approve")
    await world.judge("ben", await take(world, "ben"), "approve")
    with pytest.raises(OverrideOutdated):
        await confirm(world, "max", item, proposal)
    assert await world.count("decisions", item_id=item.id) == 1


async def test_whoever_has_it_in_hand_does_not_see_or_confirm_an_override(world: World) -> None:
    item = (await match(world)).item
    await override(world, "lea", item, "reject")
    proposal = await pending(world, "lea", item)
    await take(world, "max")
    with pytest.raises(StillToJudge):
        await pending(world, "max", item)
    assert proposal is not None
    with pytest.raises(StillToJudge):
        await confirm(world, "max", item, proposal)


@pytest.mark.parametrize(("tag", "decided"), [("timed", False), ("late", True)])
async def test_time_alone_may_only_reject_it(world: World, tag: str, decided: bool) -> None:
    """Promise 33: a lapse never lets it through."""
    item = (await match(world, tags=[tag])).item
    past = timedelta(hours=2)
    await world.db.hot.execute("UPDATE cases SET clock_started_at = clock_started_at - $1::interval", past)
    await world.db.hot.execute("UPDATE timers SET fire_at = now() WHERE kind = 'due'")
    await escalation.sweep(world.db, world.configs)
    assert await world.count("decisions", item_id=item.id) == int(decided)
    skipped = await world.count("audit_entries", item_id=item.id, action="escalation.step_skipped")
    assert skipped == int(not decided)


@pytest.mark.parametrize(("kind", "decided"), [("source", False), ("item_type", False), ("other", True)])
async def test_a_lapse_lets_nothing_through_of_what_is_stopped(world: World, kind: str, decided: bool) -> None:
    """Promise 33: a stop holds against policies of escalation too, and against those of keys rotated before it."""
    item = (await refund(world, tags=["timed"])).item
    project_id, lea = world.service.project_id, world.people["lea"]
    async with world.db.transaction() as tx:
        rotated = await keyring.rotate(tx, project_id, world.service.id, actor=OPERATOR)
        subject = {"source": str(rotated.key.id), "item_type": "refund", "other": "match"}[kind]
        of: Any = "source" if kind == "source" else "item_type"
        wish = stops.Wish(kind=of, subject=subject, reason="it goes wild")
        await stops.stop(tx, who=lea, config=world.config, wish=wish)
    await world.db.hot.execute("UPDATE cases SET clock_started_at = clock_started_at - interval '2 h'")
    await world.db.hot.execute("UPDATE timers SET fire_at = now() WHERE kind = 'due'")
    await escalation.sweep(world.db, world.configs)
    assert await world.count("decisions", item_id=item.id) == int(decided)
    skipped = await world.count("audit_entries", item_id=item.id, action="escalation.step_skipped")
    assert skipped == int(not decided)


async def test_a_lapse_lets_through_only_what_a_versioned_policy_says(world: World) -> None:
    """Promise 33: a lapse never approves unless the policy in force says so in words."""
    timed = (await refund(world, tags=["timed"])).item
    plain = (await refund(world)).item
    await world.db.hot.execute("UPDATE cases SET clock_started_at = clock_started_at - interval '2 h'")
    await world.db.hot.execute("UPDATE timers SET fire_at = now() WHERE kind = 'due'")
    await escalation.sweep(world.db, world.configs)
    rows = await world.db.hot.fetch("SELECT item_id, verdict, source, decided_by FROM decisions")
    assert [tuple(row) for row in rows] == [(timed.id, "approve", "timeout", "escalation policy steps")]
    assert await world.count("decisions", item_id=plain.id) == 0


async def test_the_record_says_who_saw_which_version_for_how_long_and_why(world: World) -> None:
    """Promise 33."""
    item = (await refund(world)).item
    await world.judge("ana", await take(world, "ana"), "approve", comment="fits the receipt")
    row = await world.db.hot.fetchrow(
        "SELECT actor_name, details::text AS details FROM audit_entries"
        " WHERE item_id = $1 AND action = 'review.submitted'",
        item.id,
    )
    assert row is not None
    assert row["actor_name"] == "ana@example.com"
    for known in ('"type_version"', '"config_version"', '"held_seconds"', "fits the receipt"):
        assert known in row["details"]


async def test_the_pool_of_now_says_what_may_be_said(world: World) -> None:
    """A configuration applied while somebody has the item in hand counts under the lock."""
    await refund(world)
    held = await take(world, "ana")
    source = limited.CONFIG.format(project=world.project).replace(
        "  any: {lease: 10m,", "  any: {verdicts: [reject], lease: 10m,"
    )
    await limited.apply(world, source)
    with pytest.raises(VerdictNotAllowed):
        await world.judge("ana", held, "approve")
    assert (await world.judge("ana", held, "reject")).item.status == "decided"
