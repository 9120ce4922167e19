"""Promises 6, 10 and 11: time and people at the same moment, any number of sweepers, each effect once."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable
from uuid import UUID

import msgspec
import pytest

from review.escalation import service as escalation
from review.intake import withdrawal
from review.items.errors import ItemClosed
from review.kernel.db import Database
from review.kernel.settings import Settings
from review.queueing.errors import LeaseLost
from review.sla.ladders import Step
from tests.escalation.ladders import FALLBACK, UP, climb, escalate, pass_time, sweep, told
from tests.make import BASE_URL, World
from tests.queueing.ledger import Ledger

ROUNDS = 15
LADDER = (
    Step(after=0.5, notify=("pool-leads",), priority=UP),
    Step(after=0.8, reassign=True),
    Step(after=1.0, move_to="seniors"),
    Step(after=1.2, reviewers=1),
)


@pytest.fixture
async def wide(settings: Settings) -> AsyncIterator[World]:
    """A world whose transactions need not queue for connections."""
    db = await Database.connect(msgspec.structs.replace(settings, pool_connections=20, hot_connections=10))
    yield await World.build(db, settings)
    await db.close()


async def check(world: World) -> None:
    (await Ledger.read(world.db.hot, world.service.project_id)).check()


async def race(acts: list[Awaitable[object]]) -> list[BaseException]:
    """Do all at once; give the refusals, and let nothing pass that is not one."""
    outcomes = await asyncio.gather(*acts, return_exceptions=True)
    refusals = [each for each in outcomes if isinstance(each, BaseException)]
    for refusal in refusals:
        assert isinstance(refusal, LeaseLost | ItemClosed), repr(refusal)
    return refusals


async def test_five_sweepers_take_every_step_of_many_cases_once(wide: World) -> None:
    await climb(wide, *LADDER, FALLBACK, warn_at=(0.2,))
    items = [(await wide.submit(str(at))).item for at in range(40)]
    await wide.claim("ana", limit=10)
    await pass_time(wide, 5.5)
    swept = await asyncio.gather(*(sweep(wide) for _ in range(5)))
    assert sum(each.due for each in swept) + (await sweep(wide)).due == len(items)
    for item in items:
        assert [each["step"] for each in await told(wide, "item.escalated", item.id)] == [1, 2, 3, 4]
        assert len(await told(wide, "item.sla_warning", item.id)) == 1
        assert len(await told(wide, "item.sla_breached", item.id)) == 1
    assert await wide.count("assignments", state="held") == 0
    assert await wide.count("assignments", state="open", pool="seniors") == 2 * len(items)
    await check(wide)
    await pass_time(wide, 1)
    await asyncio.gather(*(sweep(wide) for _ in range(5)))
    await sweep(wide)
    assert await wide.count("decisions", source="timeout") == len(items)
    assert await wide.count("feedback") == 0
    await check(wide)


async def test_a_review_and_the_fallback_at_the_same_moment_make_one_decision(wide: World) -> None:
    """Promise 6."""
    await climb(wide, FALLBACK)
    sources: set[str] = set()
    for at in range(ROUNDS):
        item = (await wide.submit(str(at))).item
        (held,) = await wide.claim("ana")
        await pass_time(wide, 7, item.id)
        acts: list[Awaitable[object]] = [wide.judge("ana", held, "approve"), sweep(wide), sweep(wide)]
        random.Random(at).shuffle(acts)
        refusals = await race(acts)
        await sweep(wide)
        source = await wide.db.hot.fetchval("SELECT source FROM decisions WHERE item_id = $1", item.id)
        assert await wide.count("decisions", item_id=item.id) == 1
        assert await wide.count("events", item_id=item.id, kind="item.decided") == 1
        assert await wide.count("feedback", item_id=item.id) == (source == "review")
        assert len(refusals) == (source == "timeout")
        assert all("was decided by escalation policy night" in str(refusal) for refusal in refusals)
        sources.add(source)
        await check(wide)
    assert sources <= {"review", "timeout"}


async def test_steps_and_people_at_once_leave_a_case_that_holds_together(wide: World) -> None:
    """Nobody deadlocks: the sweep waits for nothing, and everybody else locks in one order."""
    await climb(wide, *LADDER, FALLBACK)
    for at in range(ROUNDS):
        item = (await wide.submit(str(at), tags=["panel"] if at % 2 else [])).item
        await wide.db.hot.execute("UPDATE cases SET sla_policy = 'standard' WHERE item_id = $1", item.id)
        await wide.db.hot.execute(
            "INSERT INTO timers SELECT project_id, 'due', id, 0, now() FROM cases WHERE item_id = $1"
            " ON CONFLICT DO NOTHING",
            item.id,
        )
        (held,) = await wide.claim("ana")
        await pass_time(wide, 4.5 if at % 3 else 7, item.id)
        acts: list[Awaitable[object]] = [
            wide.judge("ana", held, "approve"),
            escalate(wide, "ana", held),
            wide.claim("ben", limit=20),
            wide.claim("sam", pool="seniors", limit=20),
            sweep(wide),
            sweep(wide),
        ]
        if at % 4 == 0:
            acts.append(_withdraw(wide, item.id))
        random.Random(at).shuffle(acts)
        await race(acts)
        await sweep(wide)
        await check(wide)
        steps = [each["step"] for each in await told(wide, "item.escalated", item.id) if each["step"]]
        assert steps == sorted(set(steps)), "each step once, in order"
        assert await wide.count("decisions", item_id=item.id) <= 1


async def _withdraw(world: World, item_id: UUID) -> None:
    async with world.db.transaction() as tx:
        await withdrawal.withdraw(
            tx,
            who=world.service,
            item_id=item_id,
            reason="",
            tell_closed=lambda _ids: None,
            base_url=BASE_URL,
        )


async def test_hints_may_be_lost(wide: World) -> None:
    """Promise 15: nothing that a sweep does hangs on whoever is told of it."""

    def lose(_item_ids: object) -> None:
        message = "Redis is away"
        raise ConnectionError(message)

    await climb(wide, FALLBACK)
    item = (await wide.submit()).item
    await pass_time(wide, 7)
    await escalation.sweep(wide.db, wide.configs, lose)
    assert await wide.count("decisions", item_id=item.id, source="timeout") == 1
