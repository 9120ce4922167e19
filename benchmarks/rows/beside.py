"""G13: people claim as quickly while a million records are exported, and no transaction of the export lasts."""

import asyncio
import os
import statistics
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Literal
from uuid import UUID

import asyncpg

from benchmarks.material import connections, make_project
from benchmarks.rounds import Effort, percentile
from benchmarks.rows.claim import SHARE_OF_CAPACITY, WORKERS, Depth, capacity_of
from benchmarks.rows.export import fill
from benchmarks.stage import Stage
from benchmarks.table import Line
from review.kernel.settings import Settings

Kind = Literal["snapshot", "parquet"]
OPEN = 100_000
LOOK_SECONDS = 0.05
LONGEST_SECONDS = 60
# The export's own transactions: those of other clients than the one that looks and those that claim.
OLDEST = """
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float
FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> ALL($1) AND xact_start IS NOT NULL
"""
READS = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid <> ALL($1) AND query LIKE 'COPY (SELECT record%')"


class Beside:
    """A database with a queue and a feed, who claims from it, and an export that begins when it is told to."""

    def __init__(self, stage: Stage, settings: Settings, depth: Depth, watcher: "asyncpg.Connection") -> None:
        self._stage = stage
        self._settings = settings
        self._depth = depth
        self._watcher = watcher
        self.longest = 0.0

    async def window(self, per_second: float, seconds: float) -> list[float]:
        """Claim at a fixed rate for so long; gives the latencies."""
        self._depth.latencies.append([])
        until = perf_counter() + seconds
        while perf_counter() < until:
            await self._depth.claim_steadily(per_second)
        return self._depth.latencies[-1]

    async def whole(self, kind: Kind, per_second: float) -> float:
        """Claim from the beginning of an export to its end; gives how long that took."""
        self._depth.latencies.append([])
        self.longest, started = 0.0, perf_counter()
        async with self.exporting(kind) as process:
            while process.returncode is None:
                await self._depth.claim_steadily(per_second)
        return perf_counter() - started

    @asynccontextmanager
    async def exporting(self, kind: Kind) -> AsyncGenerator[asyncio.subprocess.Process]:
        """Export in a process of its own, from when it first reads records; what is not done in the end is cut off."""
        out = self._stage.directory / "beside"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.exporting", kind, str(self._key), str(out)),
            env={**os.environ, "REVIEW_DATABASE_URL": self._settings.database_url},
            stdout=asyncio.subprocess.DEVNULL,
            cwd=Path(__file__).parents[2],
        )
        looking = asyncio.create_task(self._look())
        try:
            await self._begun(process)
            yield process
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            if process.returncode is None:
                process.kill()
            if await process.wait() not in {0, -9}:
                message = f"the export to {kind} failed; it said why above"
                raise RuntimeError(message)

    async def _begun(self, process: asyncio.subprocess.Process) -> None:
        """Wait until the export reads records."""
        while process.returncode is None:
            if await self._watcher.fetchval(READS, self._pids()):
                return
            await asyncio.sleep(LOOK_SECONDS)

    @property
    def _key(self) -> UUID:
        return self._depth.project.service.project_id

    def _pids(self) -> list[int]:
        return [each.get_server_pid() for each in (*self._depth.pool, self._watcher)]

    async def _look(self) -> None:
        """Note how old the oldest transaction of the export is, again and again."""
        async with connections(self._settings, 1) as (own,):
            mine = [*self._pids(), own.get_server_pid()]
            while True:
                self.longest = max(self.longest, await own.fetchval(OLDEST, mine))
                await asyncio.sleep(LOOK_SECONDS)


async def measure(stage: Stage, effort: Effort) -> list[Line]:
    """Claim in turns with nothing beside and beside the beginning of an export, then beside whole ones."""
    async with stage.database() as settings, connections(settings, WORKERS + 1) as pool:
        depth = Depth(OPEN if effort.records >= 100_000 else 10_000, await make_project(settings), pool[:-1])
        await depth.build()
        await fill(pool[0], depth.project.service.project_id, 1, effort.many_records)
        beside = Beside(stage, settings, depth, pool[-1])
        per_second = SHARE_OF_CAPACITY * await capacity_of(depth, effort)
        lines: list[Line] = []
        kinds: tuple[Kind, ...] = ("snapshot", "parquet")
        for kind in kinds:
            lines += await _beside(beside, kind, per_second, effort)
    return lines


async def _beside(beside: Beside, kind: Kind, per_second: float, effort: Effort) -> list[Line]:
    quiet = [await beside.window(per_second, effort.seconds)]
    busy: list[list[float]] = []
    for _ in range(effort.pairs):
        async with beside.exporting(kind):
            busy.append(await beside.window(per_second, effort.seconds))
        quiet.append(await beside.window(per_second, effort.seconds))
    took = await beside.whole(kind, per_second)
    calm, loud = ([percentile(window, 0.99) for window in windows] for windows in (quiet, busy))
    medians = [[percentile(window, 0.5) for window in windows] for windows in (quiet, busy)]
    around = [statistics.fmean(pair) for pair in pairwise(calm)]
    what = f"a {kind} of {effort.many_records:,} records"
    return [
        Line(
            goal="G13",
            what=f"claim p99 beside {what}",
            against="with nothing beside",
            values=tuple(ours / theirs for ours, theirs in zip(loud, around, strict=True)),
            bound=2,
            at_most=True,
            control=statistics.median(after / before for before, after in pairwise(medians[0])),
            seen=f"{1e3 * statistics.median(loud):.1f} of {1e3 * statistics.median(calm):.1f} ms, "
            f"p50 {1e3 * statistics.median(medians[1]):.1f} of {1e3 * statistics.median(medians[0]):.1f} ms, "
            f"{per_second:,.0f} claims/s",
        ),
        Line(
            goal="G13",
            what=f"longest transaction of {what}",
            against=f"looked at every {1e3 * LOOK_SECONDS:.0f} ms",
            values=(beside.longest,),
            bound=LONGEST_SECONDS,
            at_most=True,
            unit=" s",
            seen=f"the whole took {took:,.0f} s beside claims",
        ),
    ]
