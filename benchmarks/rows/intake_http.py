"""G2 and G3: what a submission over HTTP costs, alone and a thousand together."""

from benchmarks.load import drive, post
from benchmarks.material import Numbered, connections, make_project
from benchmarks.rounds import Effort, Rounds, rate, take_turns
from benchmarks.rows import bare
from benchmarks.stage import Stage
from benchmarks.table import Line

WORKERS = 32
CROWD = 128
BATCH = 1_000


async def measure_single(stage: Stage, effort: Effort) -> list[Line]:
    """Submit items one by one over HTTP, with 32 and with 128 requests under way."""
    async with stage.database() as settings, connections(settings, WORKERS) as pool:
        project = await make_project(settings)
        await pool[0].execute(bare.TABLE)
        insert = bare.inserter(pool, project.service.project_id)
        async with stage.web(settings) as address:
            bodies = Numbered("http")

            async def submit(under_way: int) -> float:
                answered = await drive(
                    address,
                    lambda: post("/api/v1/items", project.key, bodies()),
                    connections=under_way,
                    seconds=effort.seconds,
                )
                return answered.rate(201)

            await submit(WORKERS)
            rounds = await take_turns(
                lambda: rate(insert, workers=WORKERS, seconds=effort.seconds),
                {"some": lambda: submit(WORKERS), "crowd": lambda: submit(CROWD)},
                effort.pairs,
            )
    return [
        _line("G2", "HTTP single intake, 32 requests under way", rounds, "some", 0.12),
        _line("G2", "HTTP single intake, 128 under way (0.30 is the stretch goal)", rounds, "crowd", 0.12),
    ]


async def measure_batch(stage: Stage, effort: Effort) -> list[Line]:
    """Submit items a thousand at a time, beside COPY and beside the same one by one."""
    async with stage.database() as settings, connections(settings, 1) as pool:
        project = await make_project(settings)
        await pool[0].execute(bare.TABLE)
        copy = bare.copier(pool, project.service.project_id, BATCH)
        async with stage.web(settings) as address:
            bodies = Numbered("batch")

            async def submit_batches() -> float:
                def request() -> bytes:
                    items = b",".join(bodies() for _ in range(BATCH))
                    return post("/api/v1/items/batch", project.key, b'{"items":[' + items + b"]}")

                answered = await drive(address, request, connections=2, seconds=effort.seconds)
                return BATCH * answered.rate(200)

            async def submit() -> float:
                answered = await drive(
                    address,
                    lambda: post("/api/v1/items", project.key, bodies()),
                    connections=WORKERS,
                    seconds=effort.seconds,
                )
                return answered.rate(201)

            await submit_batches()
            rounds = await take_turns(
                lambda: rate(copy, workers=1, seconds=effort.seconds),
                {"batch": submit_batches, "single": submit},
                effort.pairs,
            )
            stored = await pool[0].fetchval("SELECT count(*) FROM items")
    if stored != bodies.count:
        message = f"{bodies.count} items were sent and {stored} are stored"
        raise RuntimeError(message)
    best = max(rounds.subjects["batch"])
    return [
        _line("G3", "HTTP batches of 1,000, items", rounds, "batch", 0.12, "COPY of the payloads, one connection"),
        Line(
            goal="G3",
            what="HTTP batches of 1,000, items",
            against="the single endpoint, 32 under way",
            values=rounds.between("batch", "single"),
            bound=6,
            control=rounds.control,
            seen=f"{best:,.0f} of {max(rounds.subjects['single']):,.0f} /s at best",
        ),
    ]


def _line(
    goal: str,
    what: str,
    rounds: Rounds,
    subject: str,
    bound: float,
    against: str = "bare INSERT of the payload, 32 connections",
) -> Line:
    best = max(rounds.subjects[subject])
    return Line(
        goal=goal,
        what=what,
        against=against,
        values=rounds.ratios(subject),
        bound=bound,
        control=rounds.control,
        seen=f"{best:,.0f} of {max(rounds.baseline):,.0f} /s at best",
    )
