"""G15: a decision with its audit entry and event beside the bare change of state, and how fast the log verifies."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter, process_time
from typing import TypeAlias
from uuid import UUID

import asyncpg
import msgspec

from benchmarks.material import BASE_URL, Numbered, Project, connections, make_project
from benchmarks.rounds import Effort, rate, take_turns
from benchmarks.stage import Stage
from benchmarks.table import Line
from review.audit import checking, reading, sequencing
from review.audit.sequencing import Keeper
from review.audit.verifying import Verifier
from review.configuration.service import ConfigCache, ItemTypes
from review.decisions.rules import Verdict
from review.intake import service as intake
from review.intake.service import Desk
from review.kernel.db import Database
from review.kernel.ids import new_id
from review.kernel.settings import Settings
from review.queueing import service as queueing
from review.queueing.schemas import ClaimedAssignment
from review.reviewing import service as reviewing
from review.reviewing.schemas import JudgementIn

WORKERS = 8
STATES = 20_000
BARE = """
CREATE TABLE states (project_id uuid, id uuid, state text NOT NULL, closed_at timestamptz, PRIMARY KEY (project_id, id))
WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.01)
"""
UPDATE = "UPDATE states SET state = 'decided', closed_at = now() WHERE project_id = $1 AND id = $2"
# The least that is a decision with its audit entry and its event, in one statement.
LEAST = """
WITH closed AS (
  UPDATE states SET state = 'decided', closed_at = now() WHERE project_id = $1 AND id = $2 RETURNING id
), noted AS (
  INSERT INTO audit_entries (project_id, id, actor_kind, actor_id, actor_name, origin, config_version, action, item_id,
                             details)
  SELECT $1, $3, 'user', $1, 'person0@example.com', '127.0.0.1', 1, 'item.decided', id, $5::text::json FROM closed
)
INSERT INTO events (project_id, id, kind, item_id, payload)
SELECT $1, $4, 'item.decided', id, $5::text::json FROM closed
"""
DETAILS = '{"revision":1,"verdict":"approve","source":"review","decided_by":"person0@example.com","comment":""}'

Connections: TypeAlias = "list[asyncpg.Connection[asyncpg.Record]]"
Act: TypeAlias = Callable[[int], Awaitable[int]]


async def measure(stage: Stage, effort: Effort) -> list[Line]:
    """Decide in turns with the bare change of state, then verify what the decisions left in the log."""
    async with stage.database() as settings, connections(settings, WORKERS) as opened:
        project = await make_project(settings)
        pooled = msgspec.structs.replace(settings, pool_connections=WORKERS)
        db = await Database.connect(pooled)
        try:
            key = project.service.project_id
            ids = [new_id() for _ in range(STATES)]
            await opened[0].execute(BARE)
            await opened[0].executemany("INSERT INTO states VALUES ($1, $2, 'open')", [(key, each) for each in ids])
            bench = reviewing.Bench(ItemTypes(db), lambda _ids: None, BASE_URL, ConfigCache(db))
            rounds = await take_turns(
                lambda: rate(_updating(opened, key, ids), workers=WORKERS, seconds=effort.seconds),
                {
                    "least": lambda: rate(_deciding_bare(opened, key, ids), workers=WORKERS, seconds=effort.seconds),
                    "decide": lambda: _decide_many(db, project, bench, effort.decisions),
                },
                effort.pairs,
            )
            verified = await _verify(db, settings, project, effort)
        finally:
            await db.close()
    best = max(rounds.baseline)
    return [
        Line(goal="G15", what="a review that decides, with feedback, event and audit", against="bare UPDATE of a state",
             values=rounds.ratios("decide"), bound=0.7, control=rounds.control,
             seen=f"{max(rounds.subjects['decide']):,.0f} of {best:,.0f} /s at best"),
        Line(goal="G15", what="the UPDATE, audit entry and event in one statement", against="bare UPDATE of a state",
             values=rounds.ratios("least"), bound=None, control=rounds.control,
             seen=f"{max(rounds.subjects['least']):,.0f} of {best:,.0f} /s at best"),
        *verified,
    ]  # fmt: skip  # one line each


def _updating(opened: Connections, key: UUID, ids: Sequence[UUID]) -> Act:
    turn = [0] * WORKERS

    async def act(worker: int) -> int:
        turn[worker] += 1
        await opened[worker].execute(UPDATE, key, ids[(turn[worker] * WORKERS + worker) % STATES])
        return 1

    return act


def _deciding_bare(opened: Connections, key: UUID, ids: Sequence[UUID]) -> Act:
    turn = [0] * WORKERS

    async def act(worker: int) -> int:
        turn[worker] += 1
        item = ids[(turn[worker] * WORKERS + worker) % STATES]
        await opened[worker].execute(LEAST, key, item, new_id(), new_id(), DETAILS)
        return 1

    return act


async def _decide_many(db: Database, project: Project, bench: reviewing.Bench, count: int) -> float:
    """Give the decisions a second of so many, each by a review; items and claims are made before the clock starts."""
    held = await _hold(db, project, count)
    left = list(held)
    started = perf_counter()

    async def work() -> None:
        while left:
            at, assignment = left.pop()
            async with db.transaction() as tx:
                await reviewing.submit(
                    tx,
                    bench,
                    who=project.people[at],
                    assignment_id=assignment.id,
                    fence=assignment.fence,
                    submitted=JudgementIn(verdict=Verdict.APPROVE, output=msgspec.UNSET),
                )

    await asyncio.gather(*(work() for _ in range(WORKERS)))
    return count / (perf_counter() - started)


async def _hold(db: Database, project: Project, count: int) -> list[tuple[int, ClaimedAssignment]]:
    desk = Desk(db.hot, project.service, project.config, BASE_URL)
    numbered = Numbered(new_id().hex)
    for start in range(0, count, intake.MAX_BATCH):
        raws = [numbered() for _ in range(min(intake.MAX_BATCH, count - start))]
        await intake.submit_batch(desk, raws, idempotency_keys=[None] * len(raws))
    held: list[tuple[int, ClaimedAssignment]] = []
    while len(held) < count:
        at = len(held) % len(project.people)
        limit = min(queueing.MAX_CLAIM, count - len(held))
        claimed = await queueing.claim(
            db.hot, who=project.people[at], pool="triage", limit=limit, config=project.config, base_url=BASE_URL
        )
        held += [(at, each) for each in claimed]
    return held


async def _verify(db: Database, settings: Settings, project: Project, effort: Effort) -> list[Line]:
    """Grow the tree again from the log's lines: in memory for what a core does, from the database for all of it."""
    key = project.service.project_id
    await sequencing.advance(Keeper(db, None, settings.audit_interval, None))
    size = await db.hot.fetchval("SELECT size FROM audit_logs WHERE project_id = $1", key)
    lines = [
        line
        for start in range(0, size, checking.CHUNK)
        for line in await reading.list_lines(db.hot, key, start, min(start + checking.CHUNK, size))
    ]
    cores, walls = [], []
    for _ in range(effort.pairs):
        verifier = Verifier(key)
        started = process_time()
        for start in range(0, size, checking.CHUNK):
            verifier.take(lines[start : start + checking.CHUNK])
        cores.append(size / (process_time() - started))
        if verifier.finish(size) is not None:
            raise RuntimeError(str(verifier.fault))
        begun = perf_counter()
        report = await checking.verify_database(db, "bench", key, outside=(), keys=(), watch=lambda _done, _of: None)
        walls.append(size / (perf_counter() - begun))
        if report.fault is not None:
            raise RuntimeError(str(report.fault))
    return [
        Line(goal="G15", what="records verified", against="a second of one core", values=tuple(cores), bound=300_000,
             unit="/s", seen=f"{size:,} records of {sum(map(len, filter(None, lines))) // size} bytes"),
        Line(goal="G15", what="records verified in a live database", against="a second of wall time",
             values=tuple(walls), bound=None, unit="/s", seen=f"{os.cpu_count()} cores, PostgreSQL beside it"),
    ]  # fmt: skip  # one line each
