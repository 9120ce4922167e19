"""Promise 6: whatever is done to an item at the same moment, it gets one first decision, and the losers are told."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable
from typing import Any
from uuid import UUID

import msgspec
import pytest

from review.escalation import service as escalation
from review.intake import withdrawal
from review.items.errors import ItemClosed
from review.kernel.db import Database
from review.kernel.settings import Settings
from review.queueing import service as queueing
from review.queueing.errors import LeaseLost
from review.queueing.schemas import ClaimedAssignment
from review.reviewing import service as reviewing
from review.reviewing.schemas import JudgementIn
from tests.make import BASE_URL, World
from tests.queueing.ledger import Ledger

ROUNDS = 25


@pytest.fixture
async def wide(settings: Settings) -> AsyncIterator[World]:
    """A world whose transactions need not queue for connections."""
    db = await Database.connect(msgspec.structs.replace(settings, pool_connections=20, hot_connections=10))
    yield await World.build(db, settings)
    await db.close()


async def withdraw(world: World, item_id: UUID) -> None:
    async with world.db.transaction() as tx:
        await withdrawal.withdraw(
            tx, who=world.service, item_id=item_id, reason="", tell_closed=lambda _ids: None, base_url=BASE_URL
        )


async def override(world: World, item_id: UUID) -> None:
    async with world.db.transaction() as tx:
        bench = reviewing.Bench(world.item_types, lambda _ids: None, BASE_URL, world.configs)
        submitted = msgspec.convert({"verdict": "reject", "comment": "policy"}, JudgementIn)
        await reviewing.override(tx, bench, who=world.people["lea"], item_id=item_id, submitted=submitted)


async def release(world: World, name: str, held: ClaimedAssignment) -> None:
    async with world.db.transaction() as tx:
        await queueing.release(tx, who=world.people[name], assignment_id=held.id, fence=held.fence)


async def escalate(world: World, name: str, held: ClaimedAssignment) -> None:
    async with world.db.transaction() as tx:
        key: dict[str, Any] = {"assignment_id": held.id, "fence": held.fence}
        await escalation.escalate(tx, world.configs, who=world.people[name], **key, reason="?")


async def lapse(world: World, held: ClaimedAssignment) -> None:
    await world.db.hot.execute("UPDATE timers SET fire_at = now() - interval '1 s' WHERE subject_id = $1", held.id)
    await world.db.hot.execute(
        "UPDATE assignments SET lease_until = now() - interval '1 s' WHERE id = $1 AND state = 'held'", held.id
    )
    await escalation.sweep(world.db)


async def race(world: World, acts: list[Awaitable[object]]) -> list[BaseException]:
    """Do all at once; give the refusals, and let nothing pass that is not one."""
    outcomes = await asyncio.gather(*acts, return_exceptions=True)
    refusals = [each for each in outcomes if isinstance(each, BaseException)]
    for refusal in refusals:
        assert isinstance(refusal, LeaseLost | ItemClosed), repr(refusal)
    (await Ledger.read(world.db.hot, world.service.project_id)).check()
    return refusals


async def test_a_double_click_counts_once(wide: World) -> None:
    for _ in range(ROUNDS):
        item = (await wide.submit()).item
        (held,) = await wide.claim("ana")
        refusals = await race(wide, [wide.judge("ana", held, verdict) for verdict in ("approve", "approve", "reject")])
        assert len(refusals) == 2
        assert all("you have reviewed it already" in str(refusal) for refusal in refusals)
        assert await wide.count("decisions", item_id=item.id) == 1
        assert await wide.count("feedback", item_id=item.id) == 1


async def test_one_act_on_an_item_wins_and_the_others_are_told(wide: World) -> None:
    """Review, double submit, withdraw, override, release, lapse and sweep, in every order that chance gives."""
    order = random.Random(6)
    for at in range(ROUNDS):
        item = (await wide.submit()).item
        (held,) = await wide.claim("ana")
        acts: list[Awaitable[object]] = [
            wide.judge("ana", held, "approve"),
            wide.judge("ana", held, "correct", {"label": "refund"}),
            withdraw(wide, item.id),
            release(wide, "ana", held),
            lapse(wide, held),
            wide.claim("ben"),
            escalation.sweep(wide.db),
        ]
        if at % 2:
            acts += [override(wide, item.id), override(wide, item.id)]
        order.shuffle(acts)
        refusals = await race(wide, acts)
        first = await wide.count("decisions", item_id=item.id, revision=1)
        withdrawn = await wide.count("events", item_id=item.id, kind="item.withdrawn")
        assert first + withdrawn == 1, "it is decided or withdrawn, and not both"
        assert not [str(refusal) for refusal in refusals if not _names_the_winner(refusal)]


def _names_the_winner(refusal: BaseException) -> bool:
    told = (
        "decided by",
        "was withdrawn by upstream",
        "has withdrawn",
        "claimed it since",
        "went back to its queue",
        "lease has ended",
        "fence is old",
        "reviewed it already",
    )
    return any(words in str(refusal) for words in told)


async def test_a_panel_under_fire_comes_to_one_decision(wide: World) -> None:
    """Two reviewers, their escalations and lapses, and a lead: locks are taken in one order, so nobody deadlocks."""
    order = random.Random(7)
    for at in range(ROUNDS):
        item = (await wide.submit(tags=["panel"])).item
        (first,), (second,) = await wide.claim("ana"), await wide.claim("ben")
        acts: list[Awaitable[object]] = [
            wide.judge("ana", first, "approve"),
            wide.judge("ben", second, "approve" if at % 3 else "reject"),
            escalate(wide, "ben", second),
            lapse(wide, first),
            wide.claim("cleo", limit=20),
            wide.claim("dan", limit=20),
            wide.claim("sam", pool="seniors", limit=20),
            override(wide, item.id),
        ]
        if at % 4 == 0:
            acts.append(withdraw(wide, item.id))
        order.shuffle(acts)
        await race(wide, acts)
        first_ones = await wide.count("decisions", item_id=item.id, revision=1)
        withdrawn = await wide.count("events", item_id=item.id, kind="item.withdrawn")
        assert first_ones + withdrawn == 1
