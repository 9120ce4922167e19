"""G1: what the intake statement costs beside a bare INSERT of the same payload."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import count
from uuid import UUID

import asyncpg
import msgspec

from benchmarks.material import Project, connections, make_project, submission
from benchmarks.rounds import Effort, Rounds, rate, take_turns
from benchmarks.rows import bare
from benchmarks.stage import Stage
from benchmarks.table import Line
from review.intake import clocks, queries
from review.intake.coalescing import Gatherings
from review.intake.rules import NewItem, prepare, routed
from review.kernel.ids import new_id

WORKERS = 32


async def measure(stage: Stage, effort: Effort) -> list[Line]:
    """Store items for 32 callers: item, body, case, seat, timer, event and audit entry, all idempotent.

    Measured as the service does it, where callers share statements, and with one statement to each item.
    """
    async with stage.database() as settings, connections(settings, WORKERS) as pool:
        project = await make_project(settings)
        await pool[0].execute(bare.TABLE)
        insert = bare.inserter(pool, project.service.project_id)
        acts = {"shared": sharer(pool, project), "alone": storer(pool, project)}
        for act in acts.values():
            await rate(act, workers=WORKERS, seconds=effort.seconds / 4)
        rounds = await take_turns(
            lambda: rate(insert, workers=WORKERS, seconds=effort.seconds),
            {
                name: lambda act=act: rate(act, workers=WORKERS, seconds=effort.seconds)  # type: ignore[misc]  # mypy infers no lambda with a default
                for name, act in acts.items()
            },
            effort.pairs,
        )
    return [
        _line("intake into seven tables, 32 callers", rounds, "shared", 0.45),
        _line("the same with a statement for each item", rounds, "alone", None),
    ]


def _line(what: str, rounds: Rounds, subject: str, bound: float | None) -> Line:
    return Line(
        goal="G1",
        what=what,
        against="bare INSERT of the payload, 32 connections",
        values=rounds.ratios(subject),
        bound=bound,
        control=rounds.control,
        seen=f"{max(rounds.subjects[subject]):,.0f} of {max(rounds.baseline):,.0f} /s at best",
    )


def storer(pool: bare.Connections, project: Project) -> bare.Act:
    """Give what stores one item by a statement of its own, on the worker's connection."""
    fresh = _fresh(project)

    async def store(worker: int) -> int:
        return len(await _store(pool[worker], project, [next(fresh)]))

    return store


def sharer(pool: bare.Connections, project: Project) -> bare.Act:
    """Give what stores one item as `intake.submit` does: with whatever else arrived meanwhile."""
    fresh = _fresh(project)
    together: Gatherings[NewItem, bool] = Gatherings()
    free = list(pool)

    async def act(group: Sequence[NewItem]) -> list[bool]:
        connection = free.pop()
        try:
            stored = await _store(connection, project, group)
        finally:
            free.append(connection)
        return [item.id in stored for item in group]

    async def store(_worker: int) -> int:
        return int(await together.join("bench", next(fresh), act))

    return store


async def _store(
    connection: "asyncpg.Connection[asyncpg.Record]", project: Project, items: Sequence[NewItem]
) -> dict[UUID, datetime]:
    who, config = project.service, project.config
    started = clocks.start(items, config, None)  # the policy of the project counts elapsed time
    return await queries.store(connection, who.project_id, items, started, who.actor)


def _fresh(project: Project) -> Iterator[NewItem]:
    """Give one checked item again and again, under ids of its own each time."""
    item = routed(prepare(submission(0), project.config, idempotency_key=None))
    run = new_id().hex
    for number in count():
        given = msgspec.structs.replace(item.submission, external_id=f"{run}-{number}")
        yield msgspec.structs.replace(item, id=new_id(), submission=given, case_id=new_id(), seat_ids=(new_id(),))
