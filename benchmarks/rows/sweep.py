"""G6: a sweep costs what is due, however much is open."""

import statistics
from contextlib import AsyncExitStack
from time import perf_counter

import asyncpg
import msgspec

from benchmarks.material import Project, connections, make_project
from benchmarks.rounds import Effort, percentile
from benchmarks.rows import clocks
from benchmarks.stage import Stage
from benchmarks.table import Line
from review.configuration.service import ConfigCache
from review.escalation import queries
from review.escalation import service as escalation
from review.kernel.db import Database

SWEEPS = 100  # in each window
DUE = (50, 450)  # what is due where pages are counted, and how many pages each more costs is the slope between them
SCAN = "SELECT count(*) FROM cases WHERE state = 'open' AND due_at <= now()"


class Standing:
    """One database with so many open clocks, of which none is due."""

    def __init__(
        self, depth: int, project: Project, db: Database, connection: "asyncpg.Connection[asyncpg.Record]"
    ) -> None:
        self.depth = depth
        self.project = project
        self.db = db
        self.configs = ConfigCache(db)
        self.connection = connection
        self.seconds: list[list[float]] = []

    async def build(self) -> None:
        """Start the clocks."""
        await self._fill(self.depth, first="now() + interval '1 day'")
        await clocks.settle(self.connection)
        await escalation.sweep(self.db, self.configs)

    async def sweep(self) -> None:
        """Sweep once, and keep how long it took."""
        began = perf_counter()
        await escalation.sweep(self.db, self.configs)
        self.seconds[-1].append(perf_counter() - began)

    async def pages_each(self) -> float:
        """Give the pages in memory that one more due clock makes a sweep look at."""
        few, many = [await self._pages(due) for due in DUE]
        return (many - few) / (DUE[1] - DUE[0])

    async def scan(self) -> float:
        """Give how long it takes to look for what is due in the cases themselves, in seconds."""
        began = perf_counter()
        await self.connection.fetchval(SCAN, timeout=120)
        return perf_counter() - began

    async def _pages(self, due: int) -> float:
        await self._fill(due, first="now() - interval '1 hour'")
        statement = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + queries.LOCK_DUE.format(limit=escalation.BATCH)
        plan = msgspec.json.decode(await self.connection.fetchval(statement))[0]["Plan"]
        if plan["Actual Rows"] != due:
            message = f"{plan['Actual Rows']} were due where {due} should be"
            raise RuntimeError(message)
        await escalation.sweep(self.db, self.configs)
        return float(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])

    async def _fill(self, count: int, *, first: str) -> None:
        project_id = self.project.service.project_id
        await clocks.fill(self.connection, project_id, count, first=first, step="1 millisecond")


async def measure(stage: Stage, effort: Effort) -> list[Line]:
    """Sweep with nothing due in turns, over few and over many open clocks; then count the pages of what is due."""
    async with AsyncExitStack() as opened:
        few, many = [await _standing(stage, opened, depth) for depth in effort.standing]
        for _ in range(effort.pairs):
            for each in (few, many):
                each.seconds.append([])
            for _ in range(SWEEPS):
                await few.sweep()
                await many.sweep()
        slopes = await few.pages_each(), await many.pages_each()
        scanned = await many.scan()
    return _lines(few, many, slopes, scanned)


async def _standing(stage: Stage, opened: AsyncExitStack, depth: int) -> Standing:
    settings = await opened.enter_async_context(stage.database())
    (connection,) = await opened.enter_async_context(connections(settings, 1))
    db = await Database.connect(settings)
    opened.push_async_callback(db.close)
    made = Standing(depth, await make_project(settings), db, connection)
    await made.build()
    return made


def _lines(few: Standing, many: Standing, slopes: tuple[float, float], scanned: float) -> list[Line]:
    short, long = ([percentile(window, 0.5) for window in each.seconds] for each in (few, many))
    halves = [(window[: SWEEPS // 2], window[SWEEPS // 2 :]) for window in few.seconds]
    took = statistics.median(long)
    return [
        Line(
            goal="G6",
            what=f"sweep with nothing due of {many.depth:,} open, p50",
            against=f"of {few.depth:,} open",
            values=tuple(a / b for a, b in zip(long, short, strict=True)),
            bound=1.5,
            at_most=True,
            control=statistics.median(percentile(b, 0.5) / percentile(a, 0.5) for a, b in halves),
            seen=f"{1e3 * took:.2f} of {1e3 * statistics.median(short):.2f} ms",
        ),
        Line(
            goal="G6",
            what=f"pages for each due clock of {many.depth:,} open, beyond those",
            against=f"of {few.depth:,} open",
            values=(abs(slopes[1] / slopes[0] - 1),),
            bound=0.2,
            at_most=True,
            unit="",
            seen=f"{slopes[1]:.1f} and {slopes[0]:.1f} pages",
        ),
        Line(
            goal="G6",
            what=f"looking through {many.depth:,} open cases instead",
            against="that sweep",
            values=(scanned / took,),
            bound=None,
            seen=f"{1e3 * scanned:.0f} ms",
        ),
    ]
