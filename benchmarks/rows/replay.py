"""G19: what sending the same submission again costs, and that it stores nothing."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import count

from benchmarks.load import drive, post
from benchmarks.material import BASE_URL, Numbered, Project, make_project
from benchmarks.rounds import Effort, Rounds, rate, take_turns
from benchmarks.stage import Stage
from benchmarks.table import Line
from review.intake import service as intake
from review.kernel.db import Database

WORKERS = 32

Submit = Callable[[Callable[[], bytes], bool], Awaitable[float]]


async def measure(stage: Stage, effort: Effort) -> list[Line]:
    """Submit items, then the same ones again, in turns: to the intake service, and over HTTP."""
    grown: list[int] = []
    async with AsyncExitStack() as opened:
        settings = await opened.enter_async_context(stage.database())
        project = await make_project(settings)
        db = await Database.connect(settings)
        opened.push_async_callback(db.close)

        def served(body: Callable[[], bytes], created: bool) -> Awaitable[float]:  # noqa: FBT001  called below only
            return _serve(db, project, effort, body, created=created)

        inside = await _turns(db, Numbered("inside"), served, effort, grown)
        address = await opened.enter_async_context(stage.web(settings))

        async def sent(body: Callable[[], bytes], created: bool) -> float:  # noqa: FBT001  called below only
            answered = await drive(
                address,
                lambda: post("/api/v1/items", project.key, body()),
                connections=WORKERS,
                seconds=effort.seconds,
            )
            return answered.rate(201 if created else 200)

        over_http = await _turns(db, Numbered("http"), sent, effort, grown)
    return [
        _line("replay to the intake service, 32 callers", inside, 1.5),
        _line("replay over HTTP to one web process, 32 under way", over_http, 1.5),
        Line(
            goal="G19",
            what="rows that replays stored",
            against="none",
            values=tuple(float(each) for each in grown),
            bound=0,
            at_most=True,
            unit="",
        ),
    ]


async def _turns(db: Database, bodies: Numbered, submit: Submit, effort: Effort, grown: list[int]) -> Rounds:
    async def again() -> float:
        before = await _items(db)
        numbers = count()
        speed = await submit(lambda: bodies.body(next(numbers) % bodies.count + 1), False)  # noqa: FBT003  a protocol's own order
        grown.append(await _items(db) - before)
        return speed

    async def first() -> float:
        return await submit(bodies, True)  # noqa: FBT003  replayed or not

    await first()
    return await take_turns(first, {"again": again}, effort.pairs)


async def _serve(db: Database, project: Project, effort: Effort, body: Callable[[], bytes], *, created: bool) -> float:
    desk = intake.Desk(db.hot, project.service, project.config, BASE_URL)

    async def submit(_worker: int) -> int:
        accepted = await intake.submit(desk, body(), idempotency_key=None)
        if accepted.created is not created:
            message = f"created is {accepted.created}"
            raise RuntimeError(message)
        return 1

    return await rate(submit, workers=WORKERS, seconds=effort.seconds)


async def _items(db: Database) -> int:
    return int(await db.hot.fetchval("SELECT count(*) FROM items"))


def _line(what: str, rounds: Rounds, bound: float) -> Line:
    return Line(
        goal="G19",
        what=what,
        against="the first time",
        values=rounds.ratios("again"),
        bound=bound,
        control=rounds.control,
        seen=f"{max(rounds.subjects['again']):,.0f} of {max(rounds.baseline):,.0f} /s at best",
    )
