"""G19: what sending the same submission again costs, and that it stores nothing."""

from itertools import count

from benchmarks.load import drive, post
from benchmarks.material import Numbered, connections, make_project
from benchmarks.rounds import Effort, take_turns
from benchmarks.stage import Stage
from benchmarks.table import Line

WORKERS = 32


async def measure(stage: Stage, effort: Effort) -> list[Line]:
    """Submit items over HTTP, then the same ones again, in turns."""
    grown: list[int] = []
    async with stage.database() as settings, connections(settings, 1) as (connection,):
        project = await make_project(settings)
        async with stage.web(settings) as address:
            bodies = Numbered("first")

            async def submit() -> float:
                answered = await drive(
                    address,
                    lambda: post("/api/v1/items", project.key, bodies()),
                    connections=WORKERS,
                    seconds=effort.seconds,
                )
                return answered.rate(201)

            async def submit_again() -> float:
                before = await connection.fetchval("SELECT count(*) FROM items")
                numbers = count()
                answered = await drive(
                    address,
                    lambda: post("/api/v1/items", project.key, bodies.body(next(numbers) % bodies.count + 1)),
                    connections=WORKERS,
                    seconds=effort.seconds,
                )
                grown.append(await connection.fetchval("SELECT count(*) FROM items") - before)
                return answered.rate(200)

            await submit()
            rounds = await take_turns(submit, {"again": submit_again}, effort.pairs)
    return [
        Line(
            goal="G19",
            what="HTTP replay, 32 under way",
            against="the first time",
            values=rounds.ratios("again"),
            bound=1.5,
            control=rounds.control,
            seen=f"{max(rounds.subjects['again']):,.0f} of {max(rounds.baseline):,.0f} /s at best",
        ),
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
