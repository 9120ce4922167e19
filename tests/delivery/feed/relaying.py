"""Relaying in tests: one turn of the worker's loop, and the feed as it is stored."""

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

import msgspec

from review.delivery.feed import service as feed
from tests.make import BASE_URL, World


def nobody(_ids: Iterable[UUID]) -> None:
    """Tell nobody, as where Redis is away."""


def post_of(world: World, tell: Callable[[Iterable[UUID]], None] = nobody) -> feed.Post:
    return feed.Post(world.db, world.configs, tell, BASE_URL)


async def relay(world: World) -> int:
    return await feed.relay(post_of(world))


async def stored(world: World) -> list[dict[str, Any]]:
    """Give the bodies in the order of the feed, after checking that places have no gaps."""
    statement = "SELECT position, body FROM events WHERE project_id = $1 AND position IS NOT NULL ORDER BY position"
    rows = await world.db.hot.fetch(statement, world.service.project_id)
    assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    bodies = [msgspec.json.decode(row["body"]) for row in rows]
    assert [body["position"] for body in bodies] == list(range(1, len(rows) + 1))
    return bodies
