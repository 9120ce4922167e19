"""What past decisions teach: near items found by index, and counts that follow revisions."""

from typing import Any
from uuid import UUID

import msgspec

from review.insight import learning, understanding
from review.insight.understanding import Understanding
from review.items import service as items
from review.kernel.db import driver_of
from tests.make import BASE_URL, World

MODEL = {"name": "intent-clf", "version": "7"}


async def decide(
    world: World, text: str, verdict: str = "approve", output: object = msgspec.UNSET, **more: Any
) -> UUID:
    item = (await world.submit(text, model=MODEL, **more)).item
    (seat,) = await world.claim("ana")
    await world.judge("ana", seat, verdict, output)
    return item.id


async def similar(world: World, text: str, name: str = "ben", **more: Any) -> Understanding:
    await learning.follow(world.db)
    item_id = (await world.submit(text, model=MODEL, **more)).item.id
    who = world.people[name]
    item = await items.get_detail(world.db.hot, who=world.people["lea"], item_id=item_id, base_url=BASE_URL)
    async with world.db.transaction() as tx:
        return await understanding.of_item(await driver_of(tx), who=who, item=item)


async def test_near_items_are_found_with_how_they_were_decided(world: World) -> None:
    lost = await decide(world, "I lost my card yesterday in the train", "correct", {"label": "lost_card"})
    again = await decide(world, "Yesterday in the bus I lost my card", "correct", {"label": "lost_card"})
    await decide(world, "When does the exchange rate get updated?")
    found = (await similar(world, "i lost my card in the train yesterday evening")).similar
    assert [each.item_id for each in found] == [lost, again]
    assert {msgspec.json.encode(each.label) for each in found} == {b'{"label":"lost_card"}'}
