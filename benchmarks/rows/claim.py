"""G4: a claim costs the same from a short queue and from a long one."""

import asyncio
import statistics
from contextlib import AsyncExitStack
from time import perf_counter
from typing import Any

import asyncpg
import msgspec

from benchmarks.material import Project, connections, make_project
from benchmarks.rounds import Effort, percentile, rate
from benchmarks.rows import queue
from benchmarks.stage import Stage
from benchmarks.table import Line
from review.kernel.ids import new_id
from review.queueing import queries

WORKERS = 8
CHUNK = 200
SHARE_OF_CAPACITY = 0.35  # of the emptier queue's closed-loop rate, so that both queues see half their capacity at most
EXPLAINED = 25
LAST_PARTS = {"CTE clocks", "CTE noted", "CTE events"}


class Depth:
    """One database with so many open assignments, and who claims from it."""

    def __init__(self, depth: int, project: Project, pool: "list[asyncpg.Connection[asyncpg.Record]]") -> None:
        self.depth = depth
        self.project = project
        self.pool = pool
        self.latencies: list[list[float]] = []

    async def build(self) -> None:
        """Open the assignments."""
        await queue.fill(self.pool[0], self.project.service.project_id, self.depth)
        await queue.settle(self.pool[0])

    async def claim(self, worker: int) -> int:
        """Claim the most urgent one as one of the people."""
        who = self.project.people[worker]
        pool = self.project.config.pools["triage"]
        found = await queries.claim(self.pool[worker], who, pool.name, 1, pool.lease)
        if len(found) != 1:
            message = f"nothing to claim of {self.depth}"
            raise RuntimeError(message)
        return 1

    async def refill(self, count: int) -> None:
        """Open as many as were claimed."""
        await queue.fill(self.pool[0], self.project.service.project_id, count)

    async def claim_steadily(self, per_second: float) -> None:
        """Claim a chunk at a fixed rate, whether the last claims are done or not, and keep the latencies."""
        arrivals: asyncio.Queue[float | None] = asyncio.Queue()

        async def work(worker: int) -> None:
            while (arrived := await arrivals.get()) is not None:
                await self.claim(worker)
                self.latencies[-1].append(perf_counter() - arrived)

        working = [asyncio.create_task(work(worker)) for worker in range(WORKERS)]
        started = perf_counter()
        for number in range(CHUNK):
            await asyncio.sleep(max(0.0, started + number / per_second - perf_counter()))
            arrivals.put_nowait(perf_counter())
        for _ in working:
            arrivals.put_nowait(None)
        await asyncio.gather(*working)
        await self.refill(CHUNK)

    async def touches(self) -> float:
        """Give the median of pages looked at in memory by a claim, as the server counts them."""
        counted: list[float] = []
        for _ in range(EXPLAINED):
            plan = msgspec.json.decode(await self.pool[0].fetchval(self._explained(), *self._arguments()))[0]["Plan"]
            # The inserts that nothing reads from run after the rest, and are counted beside it.
            parts = [plan, *(part for part in plan["Plans"] if part.get("Subplan Name") in LAST_PARTS)]
            counted.append(sum(part["Shared Hit Blocks"] + part["Shared Read Blocks"] for part in parts))
        return statistics.median(counted)

    def _explained(self) -> str:
        return "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + queries.claim_statement(1, from_floor=False)

    def _arguments(self) -> tuple[Any, ...]:
        who, pool = self.project.people[0], self.project.config.pools["triage"]
        seen = who.actor.origin, who.actor.config_version
        return (who.project_id, pool.name, who.id, pool.lease, who.actor.name, [new_id()], [new_id()], *seen)


async def measure(stage: Stage, effort: Effort) -> list[Line]:
    """Claim from queues of each depth in turns, refilled as they empty."""
    async with AsyncExitStack() as opened:
        depths = [await _depth(stage, opened, depth) for depth in effort.depths]
        capacities = [await capacity_of(each, effort) for each in depths]
        for _ in range(effort.pairs):
            for each in depths:
                each.latencies.append([])
            for _ in range(max(2, effort.claims // effort.pairs // CHUNK)):
                for each in depths:
                    await each.claim_steadily(SHARE_OF_CAPACITY * min(capacities))
        for each in depths:
            await queue.settle(each.pool[0])
        touched = [await each.touches() for each in depths]
    short, *long = depths
    return [
        line for each, pages in zip(long, touched[1:], strict=True) for line in _lines(short, each, (touched[0], pages))
    ]


async def _depth(stage: Stage, opened: AsyncExitStack, depth: int) -> Depth:
    settings = await opened.enter_async_context(stage.database())
    pool = await opened.enter_async_context(connections(settings, WORKERS))
    made = Depth(depth, await make_project(settings), pool)
    await made.build()
    return made


async def capacity_of(depth: Depth, effort: Effort) -> float:
    """Give the claims per second of all workers together; the queue is as long afterwards as before."""
    per_second = await rate(depth.claim, workers=WORKERS, seconds=min(0.2, effort.seconds))
    await depth.refill(int(0.2 * per_second))
    return per_second


def _lines(short: Depth, long: Depth, pages: tuple[float, float]) -> list[Line]:
    what, against = f"claim from {long.depth:,} open", f"from {short.depth:,} open"
    return [
        _latency(f"{what}, p50", against, 0.5, 1.5, (short, long)),
        _latency(f"{what}, p99, warm", against, 0.99, 2.0, (short, long)),
        Line(
            goal="G4",
            what=f"{what}, pages touched",
            against=against,
            values=(pages[1] - pages[0],),
            bound=3,
            at_most=True,
            unit=" more",
            seen=f"{pages[1]:.0f} of {pages[0]:.0f} pages in all",
        ),
    ]


def _latency(what: str, against: str, share: float, bound: float, depths: tuple[Depth, Depth]) -> Line:
    """Hold one percentile of the long queue against the short one's, chunk by chunk of the same moments."""
    short, long = ([percentile(window, share) for window in depth.latencies] for depth in depths)
    halves = [(window[: len(window) // 2], window[len(window) // 2 :]) for window in depths[0].latencies]
    control = statistics.median(percentile(b, 0.5) / percentile(a, 0.5) for a, b in halves)
    samples = sum(len(window) for window in depths[1].latencies)
    return Line(
        goal="G4",
        what=what,
        against=against,
        values=tuple(a / b for a, b in zip(long, short, strict=True)),
        bound=bound,
        at_most=True,
        control=control,
        seen=f"{1e3 * statistics.median(long):.2f} of {1e3 * statistics.median(short):.2f} ms, {samples:,} samples",
    )
