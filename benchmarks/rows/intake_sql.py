"""G1: what the intake statement costs beside a bare INSERT of the same payload."""

from itertools import count

import msgspec

from benchmarks.material import Project, connections, make_project, submission
from benchmarks.rounds import Effort, rate, take_turns
from benchmarks.rows import bare
from benchmarks.stage import Stage
from benchmarks.table import Line
from review.intake import queries
from review.intake.rules import NewItem, prepare
from review.kernel.ids import new_id

WORKERS = 32


async def measure(stage: Stage, effort: Effort) -> list[Line]:
    """Store items one by one on 32 connections: item, body, case, seat, timer, event, audit entry, all idempotent."""
    async with stage.database() as settings, connections(settings, WORKERS) as pool:
        project = await make_project(settings)
        await pool[0].execute(bare.TABLE)
        store = _storer(pool, project)
        insert = bare.inserter(pool, project.service.project_id)
        await rate(store, workers=WORKERS, seconds=effort.seconds / 2)
        rounds = await take_turns(
            lambda: rate(insert, workers=WORKERS, seconds=effort.seconds),
            {"store": lambda: rate(store, workers=WORKERS, seconds=effort.seconds)},
            effort.pairs,
        )
    ours, theirs = rounds.subjects["store"], rounds.baseline
    return [
        Line(
            goal="G1",
            what="intake statement, seven tables",
            against="bare INSERT of the payload, 32 connections",
            values=rounds.ratios("store"),
            bound=0.45,
            control=rounds.control,
            seen=f"{max(ours):,.0f} of {max(theirs):,.0f} /s at best",
        )
    ]


def _storer(pool: bare.Connections, project: Project) -> bare.Act:
    template = prepare(submission(0), project.config, idempotency_key=None)
    numbers = count(1)

    async def store(worker: int) -> int:
        item = _another(template, next(numbers))
        stored = await queries.store(
            pool[worker], project.service.project_id, project.config, [item], project.service.actor
        )
        return len(stored)

    return store


def _another(item: NewItem, number: int) -> NewItem:
    """Give the item again under ids of its own."""
    given = msgspec.structs.replace(item.submission, external_id=f"sql-{number}")
    return msgspec.structs.replace(item, id=new_id(), submission=given, case_id=new_id(), seat_ids=(new_id(),))
