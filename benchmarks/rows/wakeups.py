"""G9: what it costs intake that others are told: hints and the relay, and beside them a NOTIFY in each transaction."""

import asyncio
from typing import Any, cast

import asyncpg
from redis.asyncio import Redis

from benchmarks.material import Project, connections, make_project
from benchmarks.rounds import Effort, Rounds, rate, take_turns
from benchmarks.rows import bare
from benchmarks.rows.intake_sql import sharer, storer
from benchmarks.stage import Stage
from benchmarks.table import Line
from review.kernel.hints import Teller
from review.kernel.settings import Settings

WORKERS = 32
ENDS_WITH = "SELECT id, now() AS at FROM stored"
NOTIFYING = "SELECT id, now() AS at, pg_notify('items', id::text) FROM stored"
ONE_EVENT = """
INSERT INTO events (project_id, id, kind, payload) SELECT id, gen_random_uuid(), 'item.claimed', '{}' FROM projects
"""
WAITING = "SELECT count(*) FROM events WHERE position IS NULL"
LOOK_SECONDS = 0.05


async def measure(stage: Stage, effort: Effort) -> list[Line]:
    """Store items for 32 callers while nobody is told, and while others are.

    A worker's loop relays every quarter second whatever else it does, so its backlog is emptied before each window.
    """
    async with stage.database() as settings, connections(settings, WORKERS + 1) as pool:
        project = await make_project(settings)
        *callers, listener = pool
        await listener.add_listener("items", lambda *_heard: None)
        redis: Redis = Redis.from_url(settings.redis_url)  # pyright: ignore[reportUnknownMemberType]  untyped upstream
        teller = Teller(redis)
        teller.start()
        shared, alone = sharer(callers, project), storer(callers, project)
        notifying = storer(cast("bare.Connections", [_Notifying(each) for each in callers]), project)
        hinting = _hinting(shared, teller, project)

        async def window(act: bare.Act) -> float:
            await callers[0].execute("TRUNCATE events")
            return await rate(act, workers=WORKERS, seconds=effort.seconds)

        for act in (shared, alone, notifying):
            await rate(act, workers=WORKERS, seconds=effort.seconds / 4)
        rounds = await take_turns(
            lambda: window(shared),
            {
                "hints": lambda: window(hinting),
                "relay": lambda: _beside_a_worker(stage, settings, callers[0], lambda: window(hinting)),
                "alone": lambda: window(alone),
                "notify": lambda: window(notifying),
            },
            effort.pairs,
        )
        await teller.stop()
        await redis.aclose()
    return _lines(rounds)


def _lines(rounds: Rounds) -> list[Line]:
    off = max(rounds.baseline)
    return [
        *(
            Line(
                goal="G9", what=what, against="intake that tells nobody, 32 callers", values=rounds.ratios(name),
                bound=0.9, control=rounds.control, seen=f"{max(rounds.subjects[name]):,.0f} of {off:,.0f} /s at best",
            )
            for name, what in (("hints", "intake with hints"), ("relay", "intake with hints and a worker that relays"))
        ),
        Line(
            goal="G9", what="a NOTIFY in each item's transaction instead", against="a statement for each item without",
            values=rounds.between("notify", "alone"), bound=None, control=rounds.control,
            seen=f"{max(rounds.subjects['notify']):,.0f} of {max(rounds.subjects['alone']):,.0f} /s at best",
        ),
    ]  # fmt: skip  # one line each


class _Notifying:
    """A connection on which the intake statement notifies, as the straightforward design would."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection

    async def fetch(self, statement: str, *given: Any) -> list[Any]:
        """Run the statement with its NOTIFY."""
        if ENDS_WITH not in statement:
            message = f"the intake statement no longer ends with {ENDS_WITH!r}"
            raise AssertionError(message)
        return await self._connection.fetch(statement.replace(ENDS_WITH, NOTIFYING), *given)


def _hinting(act: bare.Act, teller: Teller, project: Project) -> bare.Act:
    """Give what stores and then tells of it through Redis, as a process does that has something to tell."""

    async def store(worker: int) -> int:
        done = await act(worker)
        teller.tell_events([project.service.project_id])
        return done

    return store


async def _beside_a_worker(
    stage: Stage, settings: Settings, connection: "asyncpg.Connection[asyncpg.Record]", measured: Any
) -> float:
    """Measure while a worker of its own process relays what is stored."""
    await connection.execute("TRUNCATE events")
    async with stage.worker(settings):
        await connection.execute(ONE_EVENT)
        async with asyncio.timeout(60):
            while await connection.fetchval(WAITING):  # noqa: ASYNC110  the worker says nowhere that it has come up
                await asyncio.sleep(LOOK_SECONDS)
        found: float = await measured()
        return found
