"""The client against the whole application: what upstream, a reviewer and a trainer do with it."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from countersign_client import (
    AsyncClient,
    ConflictingResubmission,
    Invalid,
    LeaseLost,
    NotDecided,
    NotFound,
    Submission,
    Unauthenticated,
)
from tests.make import World

Connect = Callable[..., AsyncClient]


async def submitted(client: AsyncClient, text: str = "where is my card", confidence: float = 0.5, **more: str) -> str:
    item = await client.submit(
        type="ticket_intent",
        input={"text": text},
        output={"label": "card_arrival"},
        confidence=confidence,
        external_id=more.get("external_id"),
    )
    return str(item.id)


async def test_what_rules_let_through_is_answered_at_once(connect: Connect, world: World) -> None:
    upstream = connect(world.service_key)
    item = await upstream.submit(
        type="ticket_intent",
        input={"text": "hi"},
        output={"label": "refund"},
        confidence=0.99,
        model={"name": "intent-clf", "version": "7"},
        tags=["beta"],
    )
    assert item.may_go_out
    assert item.decision is not None
    assert (item.decision.output, item.decision.source) == ({"label": "refund"}, "rule")
    assert item.route.rule == "rest"
    assert (await upstream.get(item)).details["tags"] == ["beta"]


async def test_an_item_goes_to_a_person_and_its_label_comes_back(connect: Connect, world: World) -> None:
    upstream, ana = connect(world.service_key), connect(world.tokens["ana"])
    item = await upstream.submit(
        type="ticket_intent", input={"text": "hi"}, output={"label": "refund"}, confidence=0.5, external_id="m-1"
    )
    waiting = asyncio.create_task(upstream.wait(item, timeout=30))

    (seat,) = await ana.claim("triage")
    assert (await ana.extend(seat)).lease_expires_at >= seat.lease_expires_at
    reviewed = await ana.review(seat, "correct", output={"label": "lost_card"}, reasons=["wrong_label"])
    with pytest.raises(LeaseLost) as lost:
        await ana.review(seat, "approve")

    decided = await waiting
    assert reviewed.item.id == decided.id == item.id
    assert decided.decision is not None
    assert decided.decision.output == {"label": "lost_card"}
    assert lost.value.code == "lease_lost"
    (record,) = [record async for record in upstream.feedback()]
    assert (record.external_id, record.model_output, record.label) == (
        "m-1",
        {"label": "refund"},
        {"label": "lost_card"},
    )


async def test_a_wait_that_ends_says_how_the_item_stands(connect: Connect, world: World) -> None:
    upstream = connect(world.service_key)
    item = await submitted(upstream)
    with pytest.raises(NotDecided) as late:
        await upstream.wait(item, timeout=0.05)
    assert (str(late.value.item.id), late.value.item.status) == (item, "queued")
    assert (await upstream.withdraw(item, reason="too late")).status == "withdrawn"
    assert (await upstream.wait(item)).status == "withdrawn"


async def test_refusals_have_their_types_codes_and_places(connect: Connect, world: World) -> None:
    upstream = connect(world.service_key)
    with pytest.raises(Invalid) as wrong:
        await upstream.submit(type="ticket_intent", input={"text": "hi"}, output={"label": "no such label"})
    assert [each.path for each in wrong.value.errors] == ["output.label"]
    await submitted(upstream, external_id="m-1")
    with pytest.raises(ConflictingResubmission):
        await submitted(upstream, "other words", external_id="m-1")
    with pytest.raises(NotFound):
        await upstream.get("0199a1f0-0000-7000-8000-000000000000")
    with pytest.raises(Unauthenticated):
        await connect("csk_wrong").get("0199a1f0-0000-7000-8000-000000000000")


async def test_a_batch_answers_each_item_and_repeats_harmlessly(connect: Connect, world: World) -> None:
    upstream = connect(world.service_key)
    good: Submission = {"type": "ticket_intent", "input": {"text": "hi"}, "output": {"label": "refund"}}
    bad: Submission = {"type": "ticket_intent", "input": {"text": "hi"}, "output": {}}
    first = await upstream.submit_many([good, bad, good], idempotency_key="monday")
    again = await upstream.submit_many([good, bad, good], idempotency_key="monday")
    assert [each.status for each in first] == [201, 422, 201]
    assert [each.status for each in again] == [200, 422, 200]
    assert isinstance(first[1].fault, Invalid)
    assert [each.item and each.item.id for each in first] == [each.item and each.item.id for each in again]


async def test_lists_go_on_to_their_end(connect: Connect, world: World) -> None:
    upstream = connect(world.service_key)
    sent = [await submitted(upstream, f"text {at}") for at in range(5)]
    page = await upstream.list_items(status="queued", limit=2)
    assert len(page.data) == 2
    rest = await upstream.list_items(status="queued", cursor=page.next)
    assert [str(each.id) for each in [*page.data, *rest.data]] == sent[::-1]
    assert [str(each.id) async for each in upstream.items(type="ticket_intent")] == sent[::-1]


async def test_feedback_resumes_where_a_page_ended(connect: Connect, world: World) -> None:
    upstream, ana = connect(world.service_key), connect(world.tokens["ana"])
    for at in range(3):
        await submitted(upstream, f"text {at}")
    for seat in await ana.claim("triage", limit=3):
        await ana.review(seat, "approve")
    pages = [page async for page in upstream.feedback_pages(limit=2)]
    assert [len(page.data) for page in pages] == [2, 1]
    resumed = [page async for page in upstream.feedback_pages(after=pages[0].next)]
    assert [page.data for page in resumed] == [pages[1].data]
    assert [page async for page in upstream.feedback_pages(after=pages[1].next)] == []


async def test_a_seat_is_given_back_in_three_ways(connect: Connect, world: World) -> None:
    upstream, ana, ben = connect(world.service_key), connect(world.tokens["ana"]), connect(world.tokens["ben"])
    await submitted(upstream)
    (seat,) = await ana.claim("triage")
    assert (await ana.release(seat)).state == "open"
    (seat,) = await ana.claim("triage")
    await ana.skip(seat, reason="not my language")
    assert await ana.claim("triage") == []
    (seat,) = await ben.claim("triage")
    assert (await ben.escalate(seat, reason="legal threat")).escalation_level is not None


async def test_a_lead_decides_over_everybody(connect: Connect, world: World) -> None:
    item = await submitted(connect(world.service_key))
    lead = connect(world.tokens["lea"])
    decided = await lead.override(item, "correct", output={"label": "refund"}, reason="seen before")
    assert decided.decision is not None
    assert (decided.decision.output, decided.decision.source) == ({"label": "refund"}, "override")


async def test_a_question_of_a_reviewer_is_answered(connect: Connect, world: World, http: httpx.AsyncClient) -> None:
    upstream, ana = connect(world.service_key), connect(world.tokens["ana"])
    item = await submitted(upstream)
    (seat,) = await ana.claim("triage")
    asked = {"fence": seat.fence, "text": "Which card?"}
    bearer = {"Authorization": f"Bearer {world.tokens['ana']}"}
    assert (await http.post(f"/api/v1/assignments/{seat.id}/ask", json=asked, headers=bearer)).status_code == 200
    (question,) = (await upstream.get(item)).questions
    assert (question.text, question.answer) == ("Which card?", None)
    assert (await upstream.answer(item, question, "The blue one.")).answer == "The blue one."
