"""What an act on many items costs: so much per item, however many there are, and a preview the same for all."""

from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from sqlalchemy import event

from review.bulk import executing
from tests.bulk.acts import LABELLED, MOVED, ask, bench, preview, submitted
from tests.make import World

MOST_TO_JUDGE, MOST_TO_MOVE = 48, 24


@pytest.fixture
def asked(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements of this process so far."""
    told: list[str] = []

    def counted(act: Callable[..., Any]) -> Callable[..., Any]:
        async def count(connection: object, statement: str, *given: object, **more: object) -> Any:
            told.append(statement)
            return await act(connection, statement, *given, **more)

        return count

    for name in ("execute", "fetch", "fetchrow", "fetchval"):
        monkeypatch.setattr(asyncpg.Connection, name, counted(getattr(asyncpg.Connection, name)))

    def seen(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        told.append(statement)

    event.listen(world.db.engine.sync_engine, "before_cursor_execute", seen)
    return told


@pytest.mark.parametrize(("name", "act", "most"), [("ana", LABELLED, MOST_TO_JUDGE), ("lea", MOVED, MOST_TO_MOVE)])
async def test_an_item_costs_the_same_among_many_as_among_few(
    world: World, asked: list[str], name: str, act: Any, most: int
) -> None:
    costs = set[int]()
    for count in (2, 12):
        begun = await ask(world, name, act, await submitted(world, count))
        for _ in range(2):  # the first of an act says that it has begun
            asked.clear()
            assert await executing.step(world.db, bench(world), world.service.project_id, begun.id)
        costs.add(len(asked))
    assert len(costs) == 1, costs
    assert 0 < max(costs) <= most


async def test_a_preview_costs_the_same_for_many_as_for_few(world: World, asked: list[str]) -> None:
    costs: list[int] = []
    for count in (2, 2, 30):
        ids = await submitted(world, count)
        asked.clear()
        assert (await preview(world, "ana", LABELLED, ids)).done == count
        costs.append(len(asked))
    _first, few, many = costs  # the first looks up what a process then keeps
    assert few == many <= 3, asked
