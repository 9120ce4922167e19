"""Asking for acts on many items as the people of a world, and having a worker do them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from review.bulk import executing, service
from review.bulk.schemas import ActView, Asked, Kind, Preview
from review.decisions.rules import Verdict
from review.reviewing.service import Bench
from tests.make import BASE_URL, World

REJECTED = Asked(act=Kind.DECIDE, verdict=Verdict.REJECT, reasons=("out_of_scope",), reason="a test batch")
LABELLED = Asked(act=Kind.DECIDE, verdict=Verdict.CORRECT, output={"label": "refund"}, reason="they all want it back")
MOVED = Asked(act=Kind.MOVE, pool="seniors", reason="for those who know refunds")
RAISED = Asked(act=Kind.PRIORITISE, priority=90, reason="the customer called")
FREED = Asked(act=Kind.GIVE_BACK, reason="gone for the day")


def bench(world: World) -> Bench:
    return Bench(world.item_types, lambda _ids: None, BASE_URL, world.configs)


async def submitted(world: World, count: int, **more: Any) -> list[UUID]:
    """Submit so many items that wait for one person's review."""
    return [(await world.submit(f"message {at}", **more)).item.id for at in range(count)]


async def preview(world: World, name: str, asked: Asked, ids: Sequence[UUID]) -> Preview:
    people: dict[str, Any] = {"who": world.people[name], "config": world.config, "item_types": world.item_types}
    return await service.preview(world.db.hot, **people, asked=asked, item_ids=ids)


async def ask(
    world: World, name: str, asked: Asked, ids: Sequence[UUID], *, key: str | None = None, grace: float = 0
) -> ActView:
    async with world.db.transaction() as tx:
        begun = await service.begin(
            tx,
            who=world.people[name],
            config=world.config,
            asked=asked,
            item_ids=ids,
            grace=timedelta(seconds=grace),
            key=key,
        )
    return begun.act


async def work(world: World) -> int:
    """Do what counts, as a worker does in a turn."""
    return await executing.advance(world.db, bench(world))


async def outcome(world: World, name: str, act: ActView) -> dict[UUID, str]:
    """Give what became of each item: `done`, or why not."""
    told = await service.get_told(world.db.hot, who=world.people[name], act_id=act.id)
    return {each.item_id: each.why or each.state for each in told.items}


async def done(world: World, name: str, asked: Asked, ids: Sequence[UUID]) -> dict[UUID, str]:
    """Ask for an act, have it done, and give what became of each item."""
    act = await ask(world, name, asked, ids)
    await work(world)
    return await outcome(world, name, act)
