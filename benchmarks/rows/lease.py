"""G8: keeping a claim alive touches no index, and writes hardly more than the smallest update there is."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TypeAlias
from uuid import UUID

import asyncpg

from benchmarks.material import Project, connections, make_project
from benchmarks.rounds import Effort, take_turns
from benchmarks.rows import queue
from benchmarks.stage import Stage
from benchmarks.table import Line
from review.queueing import queries

HELD = 500
# As narrow as a row with the same key can be, with the same room on its pages.
MINIMAL = """
CREATE TABLE beats (project_id uuid, id uuid, lease_until timestamptz, PRIMARY KEY (project_id, id))
WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01)
"""
BEAT = "UPDATE beats SET lease_until = now() + interval '10 minutes' WHERE project_id = $1 AND id = $2"
UPDATES = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'assignments'"
LEASE = timedelta(minutes=10)

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


async def measure(stage: Stage, effort: Effort) -> list[Line]:
    """Beat leases in turns with a minimal HOT update; WAL is read off the log's position, commits included."""
    async with stage.database() as settings, connections(settings, 1) as (connection,):
        project = await make_project(settings)
        held = await _hold(connection, project)
        await connection.execute(MINIMAL)
        key = project.service.project_id
        await connection.executemany("INSERT INTO beats VALUES ($1, $2, now())", [(key, each[0]) for each in held])

        async def extend(at: int) -> None:
            assignment_id, fence = held[at]
            if await queries.extend(connection, project.people[0], assignment_id, fence) is None:
                message = "a lease was lost in the middle of the run"
                raise RuntimeError(message)

        async def update(at: int) -> None:
            await connection.execute(BEAT, key, held[at][0])

        beats = effort.beats // effort.pairs
        await connection.execute("CHECKPOINT")
        for act in (extend, update):  # the first change after a checkpoint writes whole pages, on both sides
            await _wal_of(connection, act, HELD)
        before = await _updates(connection)
        rounds = await take_turns(
            lambda: _wal_of(connection, update, beats),
            {"extend": lambda: _wal_of(connection, extend, beats)},
            effort.pairs,
        )
        updated, hot = (b - a for a, b in zip(before, await _updates(connection), strict=True))
    beaten = beats * effort.pairs
    if updated < beaten:
        message = f"{beaten} beats, but the server counts {updated} updates"
        raise RuntimeError(message)
    return [
        Line(goal="G8", what="beats that stay on their page (HOT)", against="all beats", values=(hot / updated,),
             bound=0.98, unit="", seen=f"{hot:,} of {updated:,}"),
        Line(goal="G8", what="WAL bytes of a beat", against="of a minimal HOT update", values=rounds.ratios("extend"),
             bound=1.3, at_most=True, control=rounds.control,
             seen=f"{min(rounds.subjects['extend']):.0f} of {min(rounds.baseline):.0f} bytes at best"),
    ]  # fmt: skip  # one line each


async def _hold(connection: Connection, project: Project) -> Sequence[tuple[UUID, int]]:
    await queue.fill(connection, project.service.project_id, HELD)
    claimed = await queries.claim(connection, project.people[0], "triage", HELD, LEASE)
    await queue.settle(connection)
    return [(row["id"], row["fence"]) for row in claimed]


async def _wal_of(connection: Connection, act: Callable[[int], Awaitable[None]], count: int) -> float:
    """Give the bytes of WAL that one of so many acts writes."""
    before = await connection.fetchval("SELECT pg_current_wal_insert_lsn()")
    for at in range(count):
        await act(at % HELD)
    written: int = await connection.fetchval("SELECT pg_current_wal_insert_lsn() - $1::pg_lsn", before)
    return float(written) / count


async def _updates(connection: Connection) -> tuple[int, int]:
    """Read the server's own count of updates, which it publishes at most once a second."""
    await connection.execute("SELECT pg_stat_force_next_flush()")
    await asyncio.sleep(0)
    row = await connection.fetchrow(UPDATES)
    return (0, 0) if row is None else (row["n_tup_upd"], row["n_tup_hot_upd"])
