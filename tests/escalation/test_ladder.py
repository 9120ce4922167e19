"""Each action of a step as it happens: on the case, its seats, the people, the history and the events."""

from typing import Any

import msgspec
import pytest

from review.configuration.outlets import Channel
from review.escalation import service as escalation
from review.identity.rules import Role
from review.items.service import list_history
from review.queueing.errors import LeaseLost
from review.sla.ladders import Fallback, PriorityChange, Step
from tests.escalation.ladders import FALLBACK, UP, climb, noted, pass_time, seats, sweep, the_case, told
from tests.make import BASE_URL, World
from tests.queueing.ledger import Ledger


async def check(world: World) -> None:
    (await Ledger.read(world.db.hot, world.service.project_id)).check()


async def disable(world: World, *names: str) -> None:
    emails = [f"{name}@example.com" for name in names]
    await world.db.hot.execute("UPDATE users SET disabled_at = now() WHERE email = ANY ($1::text[])", emails)


async def test_a_step_moves_raises_and_tells_all_at_once(world: World) -> None:
    await climb(
        world, Step(after=0.5, notify=("pool-leads",), page=("sam@example.com",), move_to="seniors", priority=UP)
    )
    item = (await world.submit()).item
    await pass_time(world, 2)
    await sweep(world)
    case, (seat,) = await the_case(world, item.id), await seats(world, item.id)
    assert (case["pool"], case["priority"], case["escalation_level"]) == ("seniors", 70, 1)
    assert (seat["pool"], seat["priority"], seat["state"]) == ("seniors", 70, "open")
    done = [
        "notified pool-leads",
        "paged sam@example.com",
        "moved it from triage to seniors",
        "changed its priority from 50 to 70",
    ]
    (event,) = await told(world, "item.escalated", item.id)
    assert event == {
        "level": 1,
        "priority": 70,
        "pool": "seniors",
        "step": 1,
        "policy": "night",
        "by": "escalation policy night",
        "reason": "",
        "done": done,
        "notify": ["pool-leads"],
        "page": ["sam@example.com"],
    }
    (entry,) = await noted(world, "escalation.step_taken", item.id)
    assert (entry["policy"], entry["step"], entry["after"], entry["done"]) == ("night", 1, "50%", done)
    assert await world.claim("ana") == []
    (held,) = await world.claim("sam", pool="seniors")
    assert held.item.escalation_level == 1
    history = await list_history(world.db.hot, who=world.people["lea"], item_id=item.id, base_url=BASE_URL)
    assert [each.action for each in history][1:] == ["escalation.step_taken", "assignment.claimed"]
    await check(world)


async def test_who_holds_it_keeps_it_when_it_moves_and_it_opens_where_it_is_then(world: World) -> None:
    await climb(world, Step(after=0.5, move_to="seniors"))
    item = (await world.submit()).item
    (held,) = await world.claim("ana")
    await pass_time(world, 2)
    await sweep(world)
    (seat,) = await seats(world, item.id)
    assert (seat["pool"], seat["holder_id"]) == ("triage", world.people["ana"].id)
    await world.db.hot.execute("UPDATE assignments SET lease_until = now() - interval '1 s'")
    await world.db.hot.execute("UPDATE timers SET fire_at = now() WHERE kind = 'lease'")
    await sweep(world)
    assert await world.claim("ana") == []
    (again,) = await world.claim("sam", pool="seniors")
    assert again.id == held.id
    await check(world)


async def test_who_holds_it_may_still_judge_it_after_it_moved(world: World) -> None:
    await climb(world, Step(after=0.5, move_to="seniors", priority=PriorityChange(99, is_relative=False)))
    await world.submit()
    (held,) = await world.claim("ana")
    await pass_time(world, 2)
    await sweep(world)
    assert (await world.judge("ana", held, "approve")).item.status == "decided"
    await check(world)


async def test_reassigning_ends_the_lease_and_keeps_the_holder_from_it(world: World) -> None:
    await climb(world, Step(after=0.5, reassign=True))
    item = (await world.submit()).item
    (held,) = await world.claim("ana")
    await pass_time(world, 2)
    await sweep(world)
    (returned,) = await told(world, "item.returned", item.id)
    assert (returned["holder"], returned["by"]) == ("ana@example.com", "escalation policy night")
    assert returned["reason"] == "step 1 of escalation policy night"
    assert [each["done"] for each in await told(world, "item.escalated")] == [["took it back from ana@example.com"]]
    with pytest.raises(LeaseLost, match="went back to its queue"):
        await world.judge("ana", held, "approve")
    assert await world.claim("ana") == []
    (other,) = await world.claim("ben")
    assert (other.id, other.fence) == (held.id, held.fence + 1)
    with pytest.raises(LeaseLost, match=r"ben@example\.com has claimed it since"):
        await world.judge("ana", held, "approve")
    await check(world)


async def test_reassigning_where_nobody_else_could_leaves_it_with_its_holder(world: World) -> None:
    await climb(world, Step(after=0.5, reassign=True), Step(after=0.9, notify=("holder",)), FALLBACK)
    item = (await world.submit()).item
    (held,) = await world.claim("ana")
    await disable(world, "ben", "cleo", "dan", "lea")
    await pass_time(world, 2)
    await sweep(world)
    (skipped,) = await noted(world, "escalation.step_skipped", item.id)
    assert (skipped["step"], skipped["why"]) == (1, ["take it from ana@example.com: nobody else could"])
    (taken,) = await told(world, "item.escalated", item.id)
    assert (taken["step"], taken["notify"], taken["level"]) == (2, ["holder"], 1)
    assert (await world.judge("ana", held, "approve")).item.status == "decided"
    await check(world)


async def test_a_second_reviewer_must_agree(world: World) -> None:
    await climb(world, Step(after=0.5, reviewers=1))
    item = (await world.submit()).item
    (first,) = await world.claim("ana")
    await pass_time(world, 2)
    await sweep(world)
    assert (await the_case(world, item.id))["reviews_required"] == 2
    assert (await world.judge("ana", first, "approve")).item.decision is None
    (second,) = await world.claim("ben")
    done = await world.judge("ben", second, "approve")
    assert done.item.decision is not None
    assert (done.item.decision.source, done.item.decision.reviews) == ("consensus", 2)
    await check(world)


@pytest.mark.parametrize(
    ("fallback", "verdict", "reasons", "label"),
    [
        (Fallback.REJECT, "reject", [], None),
        (Fallback.APPROVE, "approve", [], "card_arrival"),
        (Fallback.MODEL_OUTPUT, "approve", ["unreviewed"], "card_arrival"),
    ],
)
async def test_a_fallback_decides_as_the_policy_says_in_words(
    world: World, fallback: Fallback, verdict: str, reasons: list[str], label: str | None
) -> None:
    """Promise 33: a lapse approves only where the policy spells it out; it leaves no feedback."""
    closed: list[Any] = []
    await climb(world, Step(after=1.5, decide=fallback))
    item = (await world.submit()).item
    (held,) = await world.claim("ana")
    await pass_time(world, 5.9)
    await escalation.sweep(world.db, world.configs, closed.extend)
    assert await world.count("decisions") == 0, "a step that decides waits for its own time"
    await pass_time(world, 0.2)
    await escalation.sweep(world.db, world.configs, closed.extend)
    assert closed == [item.id]
    row = await world.db.hot.fetchrow("SELECT *, output ->> 'label' AS label FROM decisions")
    assert row is not None
    assert (row["verdict"], row["source"], row["decided_by"]) == (verdict, "timeout", "escalation policy night")
    assert (row["reasons"], row["label"], row["reviews"]) == (str(reasons).replace("'", '"'), label, 0)
    assert await world.count("feedback") == 0
    with pytest.raises(LeaseLost, match="was decided by escalation policy night"):
        await world.judge("ana", held, "approve")
    assert await world.count("timers", kind="due") == 0
    await check(world)


async def test_a_lapse_alone_decides_nothing(world: World) -> None:
    await climb(world, Step(after=0.5, notify=("pool-leads",)), Step(after=1.0, priority=UP))
    item = (await world.submit()).item
    await pass_time(world, 1_000)
    await sweep(world)
    assert await world.count("decisions") == await world.count("timers") == 0
    case = await the_case(world, item.id)
    assert (case["state"], case["marks_passed"]) == ("open", ["step:0", "due", "step:1"])


async def test_dead_ends_are_passed_at_once_up_to_the_decision(world: World) -> None:
    await disable(world, "sam", "lea")
    dead = (Step(after=0.5, notify=("pool-leads",)), Step(after=0.6, move_to="seniors", priority=UP))
    await climb(world, *dead, Step(after=0.9, page=("channel:ops",)), FALLBACK)
    item = (await world.submit()).item
    await pass_time(world, 2.1)
    await sweep(world)
    skipped = await noted(world, "escalation.step_skipped", item.id)
    assert [each["step"] for each in skipped] == [1, 2, 3]
    assert skipped[0]["why"] == ["notify pool-leads: the project has no lead"]
    case = await the_case(world, item.id)
    assert (case["escalation_level"], case["priority"], case["pool"]) == (0, 50, "triage")
    assert case["marks_passed"] == ["step:0", "step:1", "step:2"]
    assert await told(world, "item.escalated") == []
    await pass_time(world, 3)
    await sweep(world)
    assert await world.count("decisions") == 0
    await pass_time(world, 1)
    await sweep(world)
    assert await world.count("decisions", source="timeout") == 1
    assert len(await noted(world, "escalation.step_skipped", item.id)) == 3


async def test_a_step_brought_forward_past_a_dead_end_is_not_taken_again(world: World) -> None:
    await climb(world, Step(after=0.5, notify=("pool:nobody",)), Step(after=0.9, move_to="seniors"))
    item = (await world.submit()).item
    await pass_time(world, 2.1)
    await sweep(world)
    assert (await the_case(world, item.id))["pool"] == "seniors"
    await pass_time(world, 10)
    await sweep(world)
    assert len(await told(world, "item.escalated", item.id)) == 1
    assert (await the_case(world, item.id))["escalation_level"] == 1


async def test_channels_and_people_of_the_active_configuration_count(world: World) -> None:
    await world.add_person("olga", Role.ADMIN)
    await climb(world, Step(after=0.5, notify=("channel:ops", "channel:old", "olga@example.com")))
    await world.db.hot.execute(
        "INSERT INTO channel_states (project_id, name, disabled_at) VALUES ($1, 'old', now())", world.service.project_id
    )
    inner = world.configs.get

    async def with_channels(project_id: Any, version: int) -> Any:
        channels = {name: Channel(name, "json://localhost") for name in ("ops", "old")}
        return msgspec.structs.replace(await inner(project_id, version), channels=channels)

    world.configs.get = with_channels  # type: ignore[method-assign]  # this one's answers only
    item = (await world.submit()).item
    await pass_time(world, 2.1)
    await sweep(world)
    (event,) = await told(world, "item.escalated", item.id)
    assert event["notify"] == ["channel:ops", "olga@example.com"]
    assert event["done"][-1] == "could not: notify channel:old: channel old is disabled"
