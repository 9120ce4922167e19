"""From claim to decision: what a person's judgement leaves behind."""

import pytest

from review.decisions.rules import Verdict
from review.identity.errors import NotAPerson
from review.queueing.errors import LeaseLost
from review.reviewing import service as reviewing
from review.reviewing.errors import JudgementInvalid
from review.reviewing.schemas import JudgementIn
from tests.make import BASE_URL, World


async def test_an_approval_decides_the_item_with_its_event_audit_and_feedback(world: World) -> None:
    accepted = await world.submit(external_id="m1")
    (held,) = await world.claim("ana")
    done = await world.judge("ana", held, "approve")
    assert done.item.status == "decided"
    decision = done.item.decision
    assert decision is not None
    assert (decision.verdict, decision.source, decision.decided_by) == ("approve", "review", "ana@example.com")
    assert decision.reviews == 1
    assert await world.count("decisions", item_id=accepted.item.id) == 1
    assert await world.count("feedback", item_id=accepted.item.id) == 1
    assert await world.count("events", item_id=accepted.item.id, kind="item.decided") == 1
    assert await world.count("audit_entries", item_id=accepted.item.id, action="item.decided") == 1


async def test_a_correction_must_fit_the_schema_and_differ(world: World) -> None:
    await world.submit()
    (held,) = await world.claim("ana")
    with pytest.raises(JudgementInvalid) as refused:
        await world.judge("ana", held, "correct", {"label": "nonsense"})
    assert refused.value.errors[0].path == "output.label"
    with pytest.raises(JudgementInvalid):
        await world.judge("ana", held, "correct", {"label": "card_arrival"})
    with pytest.raises(JudgementInvalid):
        await world.judge("ana", held, "correct")
    done = await world.judge("ana", held, "correct", {"label": "lost_card"}, reasons=("wrong_label",))
    assert done.item.decision is not None
    assert bytes(done.item.decision.output) == b'{"label": "lost_card"}'


async def test_a_panel_that_disagrees_is_adjudicated_by_somebody_else(world: World) -> None:
    await world.submit(tags=["panel"])
    (first,) = await world.claim("ana")
    assert await world.claim("ana") == []
    (second,) = await world.claim("ben")
    assert (await world.judge("ana", first, "approve")).item.status == "in_review"
    undecided = await world.judge("ben", second, "correct", {"label": "refund"})
    assert undecided.item.decision is None
    (third,) = await world.claim("sam", pool="seniors")
    assert third.kind == "adjudication"
    done = await world.judge("sam", third, "correct", {"label": "refund"})
    assert done.item.decision is not None
    assert (done.item.decision.source, done.item.decision.reviews) == ("adjudication", 3)


async def test_a_stale_fence_is_refused(world: World) -> None:
    await world.submit()
    (held,) = await world.claim("ana")
    await world.judge("ana", held, "reject")
    with pytest.raises(LeaseLost):
        await world.judge("ana", held, "approve")


async def test_an_override_is_a_person_s(world: World) -> None:
    item = (await world.submit()).item
    bench = reviewing.Bench(world.item_types, lambda _ids: None, BASE_URL, world.configs)
    submitted = JudgementIn(verdict=Verdict.REJECT, comment="because")
    with pytest.raises(NotAPerson):
        async with world.db.transaction() as tx:
            await reviewing.override(tx, bench, who=world.service, item_id=item.id, submitted=submitted)
    assert await world.count("decisions", item_id=item.id) == 0
