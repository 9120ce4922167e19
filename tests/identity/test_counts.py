"""Looking a key up: what concurrent requests share, and that none is told what was true before it asked."""

import asyncio
from typing import Any

import pytest

from review.identity import queries
from review.identity.errors import NotAuthenticated
from review.identity.keys import authenticate_key
from tests.make import World


class Pool:
    """Answers each look-up with its number, when it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.begun: asyncio.Queue[str] = asyncio.Queue()
        self.answers = asyncio.Semaphore(0)

    async def fetchrow(self, _statement: str, prefix: str) -> int:
        self.asked += 1
        mine = self.asked
        self.begun.put_nowait(prefix)
        await self.answers.acquire()
        return mine


async def test_who_asks_during_a_look_up_is_answered_by_a_later_one() -> None:
    pool: Any = Pool()
    first = asyncio.create_task(queries.find_key(pool, "prefix"))
    assert await pool.begun.get() == "prefix"
    later = [asyncio.create_task(queries.find_key(pool, "prefix")) for _ in range(20)]
    other = asyncio.create_task(queries.find_key(pool, "another"))
    assert await pool.begun.get() == "another"
    for _ in range(3):
        pool.answers.release()
    assert await first == 1
    assert await other == 2
    assert set(await asyncio.gather(*later)) == {3}
    assert pool.asked == 3


async def test_a_caller_who_goes_takes_nobody_along() -> None:
    pool: Any = Pool()
    callers = [asyncio.create_task(queries.find_key(pool, "prefix")) for _ in range(3)]
    assert await pool.begun.get() == "prefix"
    callers[0].cancel()
    pool.answers.release()
    assert await asyncio.gather(*callers[1:]) == [1, 1]


async def test_a_revoked_key_is_refused_at_once(world: World) -> None:
    async def call() -> None:
        await authenticate_key(world.db.hot, world.service_key)

    await asyncio.gather(*(call() for _ in range(20)))
    under_way = [asyncio.create_task(call()) for _ in range(20)]
    await world.db.hot.execute("UPDATE api_keys SET revoked_at = now() WHERE name = 'crm'")
    with pytest.raises(NotAuthenticated):
        await call()
    await asyncio.gather(*under_way, return_exceptions=True)
