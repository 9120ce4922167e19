"""People, timers and configurations at one clock at the same moment."""

import asyncio
import random
from collections.abc import Awaitable
from typing import Any
from uuid import UUID

from review.audit.rules import OPERATOR
from review.configuration import service as configuration
from review.escalation import clocks, recompute_queries
from review.escalation import service as escalation
from review.escalation.clocks import Watch
from review.intake import withdrawal
from review.items.errors import ItemClosed
from review.kernel.db import driver_of
from review.queueing.errors import LeaseLost
from tests.make import BASE_URL, CONFIG, World

ITEMS, TURNS, HANDS = 6, 12, 4

# Every open clock that runs has its one timer, of its generation; one that stands has none but what ends its pause.
CHECK = """
SELECT c.state, c.paused_at, c.due_at, c.clock_generation AS generation, c.marks_passed,
  (SELECT array_agg(t.kind || t.generation ORDER BY t.kind, t.generation) FROM timers t
   WHERE t.subject_id = c.id AND t.generation >= c.clock_generation) AS timers,
  (SELECT array_agg(DISTINCT a.due_at) FROM assignments a
   WHERE a.item_id = c.item_id AND a.state IN ('open', 'held')) AS seats,
  (SELECT count(*) FROM clock_pauses p WHERE p.case_id = c.id AND p.resumed_at IS NULL) AS standing
FROM cases c
"""

WAITING = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND $1 = ANY (pg_blocking_pids(pid)))"


class Crowd:
    """People, programs and timers of one project, who act at once."""

    def __init__(self, world: World, items: list[UUID]) -> None:
        self.world, self.items = world, items
        self.chance = random.Random(11)
        self.watch = Watch(world.configs, BASE_URL)

    async def touch(self, at: int) -> None:
        """Pause or resume an item's clock."""
        key: dict[str, Any] = {"who": self.world.service, "item_id": self.items[at % ITEMS]}
        async with self.world.db.transaction() as tx:
            match self.chance.choice(["pause", "pause for a moment", "resume", "resume"]):
                case "pause":
                    await clocks.pause(tx, self.watch, **key, reason="x")
                case "pause for a moment":
                    now = await self.world.db.hot.fetchval("SELECT now() + interval '50 ms'")
                    await clocks.pause(tx, self.watch, **key, reason="x", until=now)
                case _:
                    await clocks.resume(tx, self.watch, **key)

    async def withdraw(self) -> None:
        """Take the first item back."""
        key: dict[str, Any] = {"who": self.world.service, "item_id": self.items[0]}
        async with self.world.db.transaction() as tx:
            await withdrawal.withdraw(tx, **key, reason="", base_url=BASE_URL, tell_closed=lambda _ids: None)

    async def judge(self) -> None:
        """Claim and decide up to two."""
        for held in await self.world.claim("ben", limit=2):
            await self.world.judge("ben", held, "approve")

    async def configure(self, hours: int) -> None:
        """Give people so many hours."""
        source = CONFIG.format(project="support").replace("{decide: 4h}", f"{{decide: {hours}h}}")
        async with self.world.db.transaction() as tx:
            await configuration.apply(tx, source, actor=OPERATOR)

    async def act(self, turn: int) -> None:
        """Let everybody act; refusals are of the kind that whoever comes second gets."""
        work: list[Awaitable[object]] = [self.touch(at) for at in range(ITEMS + HANDS)]
        work += [escalation.sweep(self.world.db), escalation.sweep(self.world.db), self.configure(2 + turn % 5)]
        work += [self.judge(), self.withdraw()] if turn == TURNS // 2 else []
        self.chance.shuffle(work)
        outcomes = await asyncio.gather(*work, return_exceptions=True)
        failed = [each for each in outcomes if isinstance(each, BaseException)]
        assert all(isinstance(each, ItemClosed | LeaseLost) or "later time" in str(each) for each in failed), failed


async def test_whoever_is_first_every_clock_is_whole(world: World) -> None:
    """Pauses, claims, judgements, withdrawals, sweeps and new versions, all at once, without a deadlock."""
    crowd = Crowd(world, [(await world.submit(str(number))).item.id for number in range(ITEMS)])
    for turn in range(TURNS):
        await crowd.act(turn)
    rows = await world.db.hot.fetch(CHECK)
    assert {row["state"] for row in rows} == {"open", "closed"}
    for row in rows:
        if row["state"] == "closed":
            continue
        if row["paused_at"] is None:
            assert (row["timers"], row["seats"]) == ([f"due{row['generation']}"], [row["due_at"]])
            assert row["standing"] == 0
        else:
            assert row["timers"] in (None, [f"resume{row['generation']}"])
            assert row["standing"] == 1
            assert [seat.year for seat in row["seats"]] == [9999]


async def test_a_walk_that_is_forced_anew_while_somebody_is_on_it_waits_and_begins_again(world: World) -> None:
    """Both want the walk's timer and its row; taken in two orders, each would have what the other waits for."""
    project_id, version = world.service.project_id, world.service.config_version

    async def force() -> None:
        async with world.db.transaction() as tx:
            await recompute_queries.force_walk(await driver_of(tx), project_id, version)

    await force()
    async with world.db.transaction() as tx:
        driver = await driver_of(tx)
        walk = await recompute_queries.lock_walk(driver)
        assert walk is not None
        mine = await driver.fetchval("SELECT pg_backend_pid()")
        forcing = asyncio.create_task(force())
        async with asyncio.timeout(10):
            while not await world.db.hot.fetchval(WAITING, mine):
                await asyncio.sleep(0.01)
        await recompute_queries.keep_walk(driver, walk, is_finished=True)
    await forcing
    async with world.db.transaction() as tx:
        again = await recompute_queries.lock_walk(await driver_of(tx))
        assert again is not None
        assert again.is_forced
        assert again.walks == 0
