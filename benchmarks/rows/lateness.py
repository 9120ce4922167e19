"""G7: clocks are seen to in time, and a backlog is worked off nearly as fast as its timers can be deleted."""

import asyncio
import statistics
from datetime import datetime
from time import perf_counter
from uuid import UUID

import asyncpg

from benchmarks.material import connections, make_project
from benchmarks.rounds import Effort, Rounds, percentile, take_turns
from benchmarks.rows import clocks
from benchmarks.stage import Stage
from benchmarks.table import Line
from review.configuration.service import ConfigCache
from review.escalation import service as escalation
from review.kernel.db import Database

PER_SECOND = 500
HEAD_START_SECONDS = 5  # in which the worker comes up
ALLOWANCE_SECONDS = 0.25
LOOK_EVERY_SECONDS = 0.02
BARE = """
CREATE TABLE bare_timers (project_id uuid, kind text, subject_id uuid, generation integer, fire_at timestamptz,
                          PRIMARY KEY (project_id, kind, subject_id, generation));
CREATE INDEX bare_timers_kind_fire_at ON bare_timers (kind, fire_at)
"""
FILL_BARE = """
INSERT INTO bare_timers
SELECT $1, 'due', uuidv7(), 0, now() - interval '10 minutes' + n * interval '1 millisecond'
FROM generate_series(1, $2::int) AS n
"""
DELETE_BARE = """
DELETE FROM bare_timers WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM bare_timers WHERE kind = 'due' AND fire_at <= now() ORDER BY fire_at LIMIT $1
  FOR UPDATE SKIP LOCKED)) RETURNING subject_id
"""
# The least that leaves behind what a breach must: no clock is worked out, no policy looked at.
WRITE_BARE = """
WITH due AS (
  DELETE FROM timers WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM timers WHERE kind = 'due' AND fire_at <= now() ORDER BY fire_at LIMIT $1 FOR UPDATE SKIP LOCKED))
  RETURNING project_id, subject_id, fire_at
), noted AS (
  INSERT INTO audit_entries (project_id, id, actor_kind, actor_name, action, details)
  SELECT project_id, uuidv7(), 'timer', 'timer', 'case.breached', json_build_object('due_at', fire_at) FROM due
), told AS (
  INSERT INTO events (project_id, id, kind, payload)
  SELECT project_id, uuidv7(), 'bare', json_build_object('due_at', fire_at) FROM due
)
UPDATE cases c SET breached_at = now(), marks_passed = c.marks_passed || '{due}'::text[]
FROM due WHERE c.project_id = due.project_id AND c.id = due.subject_id RETURNING c.id
"""
TOLD = "SELECT count(*) FROM events WHERE kind = 'item.sla_breached'"
SEEN = """
SELECT id, item_id, clock_timestamp() AS at FROM audit_entries
WHERE project_id = $1 AND id > $2 AND action = 'case.breached'
"""


async def measure(stage: Stage, effort: Effort) -> list[Line]:
    """Let a worker see to a steady stream of clocks, and sweep a backlog in turns with a bare batched DELETE."""
    return [await _lateness(stage, effort), *await _backlog(stage, effort)]


async def _lateness(stage: Stage, effort: Effort) -> Line:
    count = int(PER_SECOND * effort.pairs * effort.seconds)
    async with stage.database() as settings, connections(settings, 1) as (connection,):
        project_id = (await make_project(settings)).service.project_id
        first = f"now() + interval '{HEAD_START_SECONDS} s'"
        await clocks.fill(connection, project_id, count, first=first, step=f"{1 / PER_SECOND} s")
        async with stage.worker(settings):
            seen = await _watch(connection, project_id, count)
        due = {row["item_id"]: row["due_at"] for row in await connection.fetch("SELECT item_id, due_at FROM cases")}
    late = [(at - due[item_id]).total_seconds() for item_id, at in seen]
    interval = settings.sweep_interval.total_seconds()
    return Line(
        goal="G7",
        what=f"lateness at {PER_SECOND} due a second, p99",
        against=f"the sweep's {interval:g} s",
        values=(percentile(late, 0.99),),
        bound=interval + ALLOWANCE_SECONDS,
        at_most=True,
        unit=" s",
        seen=f"p50 {percentile(late, 0.5):.2f} s, most {max(late):.2f} s, {len(late):,} clocks",
    )


async def _watch(
    connection: "asyncpg.Connection[asyncpg.Record]", project_id: UUID, count: int
) -> list[tuple[UUID, datetime]]:
    """Look on until every clock's effect could be seen by others; gives when each was first seen, by item.

    Raises:
        RuntimeError: an effect came twice.
    """
    seen: list[tuple[UUID, datetime]] = []
    last = UUID(int=0)
    while len(seen) < count:
        await asyncio.sleep(LOOK_EVERY_SECONDS)
        rows = await connection.fetch(SEEN, project_id, last)
        seen += [(row["item_id"], row["at"]) for row in rows]
        last = max((row["id"] for row in rows), default=last)
    if len({item_id for item_id, _ in seen}) != count:
        message = "a clock had its effect twice"
        raise RuntimeError(message)
    return seen


async def _backlog(stage: Stage, effort: Effort) -> list[Line]:
    async with stage.database() as settings, connections(settings, 1) as (connection,):
        project_id = (await make_project(settings)).service.project_id
        await connection.execute(BARE)
        db = await Database.connect(settings)
        configs = ConfigCache(db)

        async def fill() -> None:
            first = "now() - interval '10 minutes'"
            await clocks.fill(connection, project_id, effort.backlog, first=first, step="1 millisecond")

        async def delete() -> float:
            await connection.execute(FILL_BARE, project_id, effort.backlog)
            return await _drain(connection, DELETE_BARE, effort.backlog)

        async def write() -> float:
            await fill()
            return await _drain(connection, WRITE_BARE, effort.backlog)

        async def sweep() -> float:
            await fill()
            began = perf_counter()
            swept = await escalation.sweep(db, configs)
            took = perf_counter() - began
            _check(swept.due, effort.backlog)
            return swept.due / took

        rounds = await take_turns(delete, {"sweep": sweep, "write": write}, effort.pairs)
        _check(await connection.fetchval(TOLD), effort.backlog * effort.pairs)
        await db.close()
    return _compared(rounds, effort.backlog)


def _check(done: int, expected: int) -> None:
    """Make sure that every clock had its effect, and none twice."""
    if done != expected:
        message = f"{done} clocks of {expected} had their effect"
        raise RuntimeError(message)


def _compared(rounds: Rounds, backlog: int) -> list[Line]:
    what, per_second = f"backlog of {backlog:,} clocks, ten minutes late", statistics.median(rounds.subjects["sweep"])
    return [
        Line(
            goal="G7",
            what=what,
            against="deleting bare timers in batches",
            values=rounds.ratios("sweep"),
            bound=0.5,
            control=rounds.control,
            seen=f"{per_second:,.0f} clocks/s, each with entry, event and mark",
        ),
        Line(
            goal="G7",
            what=what,
            against="writing the same rows by bare SQL",
            values=rounds.between("sweep", "write"),
            bound=None,
            control=rounds.control,
            seen=f"{statistics.median(rounds.subjects['write']):,.0f} clocks/s by bare SQL",
        ),
    ]


async def _drain(connection: "asyncpg.Connection[asyncpg.Record]", statement: str, count: int) -> float:
    """Give how many a second it takes in batches until there are none left."""
    began, done = perf_counter(), 0
    while done < count:
        done += len(await connection.fetch(statement, escalation.BATCH))
    return done / (perf_counter() - began)
