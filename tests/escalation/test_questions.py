"""Asking upstream (issue 5, point 8): the clock stands, nobody holds the item, and an answer brings both back."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from review.escalation import questions
from review.escalation import service as escalation
from review.escalation.clocks import Watch
from review.escalation.errors import QuestionPending, QuestionSettled
from review.escalation.questions import Asked
from review.intake import withdrawal
from review.items import service as items
from review.items.schemas import ItemDetail, QuestionView
from review.kernel.errors import Invalid
from review.queueing.errors import LeaseLost
from review.queueing.schemas import ClaimedAssignment
from tests.make import BASE_URL, World

DAY = timedelta(days=1)


async def ask(world: World, name: str, seat: ClaimedAssignment, text: str = "Which card is it?") -> Asked:
    async with world.db.transaction() as tx:
        who = world.people[name]
        return await questions.ask(tx, who=who, assignment_id=seat.id, fence=seat.fence, text=text, wait=DAY)


async def answer(world: World, asked: Asked, text: str = "The blue one.", name: str = "") -> QuestionView:
    who = world.people[name] if name else world.service
    watch = Watch(world.configs, BASE_URL)
    async with world.db.transaction() as tx:
        return await questions.answer(
            tx, watch, who=who, item_id=asked.item_id, question_id=asked.question_id, text=text
        )


async def shown(world: World, item_id: UUID, name: str = "lea") -> ItemDetail:
    return await items.get_detail(world.db.hot, who=world.people[name], item_id=item_id, base_url=BASE_URL)


async def give_up(world: World) -> None:
    await world.db.hot.execute(
        "UPDATE timers SET fire_at = now() - interval '1 s' WHERE kind IN ('question', 'resume')"
    )
    await escalation.sweep(world.db, world.configs)


async def held_by(world: World, item_id: UUID) -> list[Any]:
    return await world.db.hot.fetch(
        "SELECT state, holder_id, fence, due_at FROM assignments WHERE item_id = $1 AND state IN ('open', 'held')",
        item_id,
    )


async def test_a_question_stops_the_clock_and_nobody_is_offered_the_item(world: World) -> None:
    item_id = (await world.submit()).item.id
    (seat,) = await world.claim("ana")
    asked = await ask(world, "ana", seat)
    item = await shown(world, item_id)
    assert item.status == "queued"
    assert item.sla is not None
    assert item.sla.state == "paused"
    assert item.sla.paused is not None
    assert item.sla.paused.until == asked.wait_until
    assert [(each.text, each.asked_by, each.answer) for each in item.questions] == [
        ("Which card is it?", "ana@example.com", None)
    ]
    assert await world.claim("ana") == []
    assert await world.claim("ben") == []
    with pytest.raises(LeaseLost):
        await world.judge("ana", seat, "approve")


async def test_an_answer_hands_the_item_back_to_who_asked_and_the_clock_runs_on(world: World) -> None:
    item_id = (await world.submit()).item.id
    (seat,) = await world.claim("ana")
    asked = await ask(world, "ana", seat)
    told = await answer(world, asked)
    assert (told.answer, told.answered_by) == ("The blue one.", "crm")
    item = await shown(world, item_id)
    assert item.sla is not None
    assert (item.status, item.sla.state) == ("in_review", "on_track")
    (row,) = await held_by(world, item_id)
    assert (row["holder_id"], row["fence"]) == (world.people["ana"].id, 1)
    rows = await world.db.hot.fetch("SELECT kind FROM events WHERE item_id = $1 ORDER BY created_at, id", item_id)
    assert {row["kind"] for row in rows} >= {"item.question_asked", "item.question_answered", "item.mentioned"}
    assert await world.count("timers", kind="question") == 0


async def test_the_item_can_be_judged_after_the_answer_and_is_decided_once(world: World) -> None:
    item_id = (await world.submit()).item.id
    (seat,) = await world.claim("ana")
    await answer(world, await ask(world, "ana", seat))
    back = await world.db.hot.fetchrow(
        "SELECT id, fence FROM assignments WHERE item_id = $1 AND state = 'held'", item_id
    )
    assert back is not None
    again = ClaimedAssignment(
        id=back["id"], case_id=seat.case_id, kind="review", pool="triage", fence=back["fence"],
        lease_expires_at=seat.lease_expires_at, item=seat.item,
    )  # fmt: skip  # one line each
    await world.judge("ana", again, "approve")
    assert await world.count("decisions", item_id=item_id) == 1


async def test_without_an_answer_in_time_it_goes_back_to_its_pool(world: World) -> None:
    item_id = (await world.submit()).item.id
    (seat,) = await world.claim("ana")
    asked = await ask(world, "ana", seat)
    await give_up(world)
    item = await shown(world, item_id)
    assert item.sla is not None
    assert (item.status, item.sla.state) == ("queued", "on_track")
    (again,) = await world.claim("ana")
    assert again.item.id == item_id
    late = await answer(world, asked)
    assert late.answer == "The blue one."
    assert len(await held_by(world, item_id)) == 1


async def test_an_answer_and_the_end_of_waiting_bring_back_one_seat(world: World) -> None:
    for number in range(6):
        item_id = (await world.submit(f"message {number}")).item.id
        (seat,) = await world.claim("ana")
        asked = await ask(world, "ana", seat)
        await world.db.hot.execute("UPDATE timers SET fire_at = now() WHERE kind IN ('question', 'resume')")
        await asyncio.gather(answer(world, asked), escalation.sweep(world.db, world.configs))
        await escalation.sweep(world.db, world.configs)
        assert len(await held_by(world, item_id)) == 1
        item = await shown(world, item_id)
        assert item.sla is not None
        assert item.sla.state == "on_track"
        assert await world.count("timers", kind="question") == 0
        (left,) = await held_by(world, item_id)
        if left["state"] == "open":
            await world.claim("ana")


async def test_an_item_waits_for_one_answer_at_a_time(world: World) -> None:
    await world.submit(tags=["panel"])
    (first,) = await world.claim("ana")
    (second,) = await world.claim("ben")
    await ask(world, "ana", first)
    with pytest.raises(QuestionPending):
        await ask(world, "ben", second)
    await world.judge("ben", second, "approve")
    assert await world.claim("ana") == []


async def test_a_second_answer_does_not_replace_the_first(world: World) -> None:
    await world.submit()
    (seat,) = await world.claim("ana")
    asked = await ask(world, "ana", seat)
    await answer(world, asked)
    await answer(world, asked)
    with pytest.raises(QuestionSettled, match="crm answered this already"):
        await answer(world, asked, "The red one.")
    with pytest.raises(Invalid):
        await answer(world, asked, "  ")


async def test_an_item_without_a_clock_waits_and_comes_back_too(world: World) -> None:
    item_id = (await world.submit(tags=["panel"])).item.id
    (seat,) = await world.claim("ana")
    asked = await ask(world, "ana", seat)
    assert len(await held_by(world, item_id)) == 1
    await answer(world, asked)
    assert len(await held_by(world, item_id)) == 2


async def test_an_answer_to_a_closed_item_is_kept_and_opens_nothing(world: World) -> None:
    item_id = (await world.submit(tags=["panel"])).item.id
    (seat,) = await world.claim("ana")
    asked = await ask(world, "ana", seat)
    async with world.db.transaction() as tx:
        await withdrawal.withdraw(
            tx, who=world.service, item_id=item_id, reason="", tell_closed=lambda _ids: None, base_url=BASE_URL
        )
    assert (await answer(world, asked)).answer == "The blue one."
    assert await held_by(world, item_id) == []


async def test_who_left_the_pool_does_not_get_the_item_back(world: World) -> None:
    item_id = (await world.submit()).item.id
    (seat,) = await world.claim("ana")
    asked = await ask(world, "ana", seat)
    await world.db.hot.execute("DELETE FROM pool_members WHERE email = 'ana@example.com'")
    await answer(world, asked)
    (row,) = await held_by(world, item_id)
    assert row["state"] == "open"


async def test_another_reviewers_question_is_kept_from_who_is_still_to_judge(world: World) -> None:
    item_id = (await world.submit(tags=["panel"])).item.id
    (seat,) = await world.claim("ana")
    await world.claim("ben")
    asked = await ask(world, "ana", seat, "Is this not fraud?")
    assert [each.text for each in (await shown(world, item_id, "ben")).questions] == [""]
    assert [each.text for each in (await shown(world, item_id, "ana")).questions] == ["Is this not fraud?"]
    with pytest.raises(QuestionSettled):
        await answer(world, asked, name="ben")
    await answer(world, asked)
    assert [each.answer for each in (await shown(world, item_id, "ben")).questions] == ["The blue one."]
