"""G10: a thousand callers who wait for decisions cost no connection and little intake, and hear of theirs at once."""

import asyncio
import statistics
from collections.abc import Sequence
from time import perf_counter
from typing import Any, cast

import asyncpg
import msgspec

from benchmarks.load import drive, post
from benchmarks.material import Numbered, Project, connections, make_project
from benchmarks.rounds import Effort, percentile, take_turns
from benchmarks.stage import Stage
from benchmarks.table import Line
from review.audit.rules import OPERATOR
from review.identity import keys, people
from review.identity.rules import Role
from review.kernel.db import Database
from review.kernel.settings import Settings

WORKERS = 32
PARKED = 1_000
DECIDED = 300  # of those who wait, so that a round ends before any wait does
A_SECOND = 20  # decisions, well below what one web process can make
STATUS = b'"status":"'
BUSY = """
SELECT count(*) FILTER (WHERE state <> 'idle'), count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'countersign'
"""

Address = tuple[str, int]


async def measure(stage: Stage, effort: Effort) -> list[Line]:
    """Park callers on one web process, submit to it, and decide their items through another."""
    async with stage.database() as settings, connections(settings, 2) as (echoing, watching):
        project = await make_project(settings)
        token = await _add_lead(settings)
        async with stage.web(settings) as here, stage.web(settings) as there:
            bodies = Numbered("parked")
            busy: list[float] = []

            async def submit() -> float:
                answered = await drive(
                    here,
                    lambda: post("/api/v1/items", project.key, bodies()),
                    connections=WORKERS,
                    seconds=effort.seconds,
                )
                return answered.rate(201)

            async def submit_beside_waiters() -> float:
                async with asyncio.timeout(60):
                    crowd = await _Crowd.park(here, project, bodies)
                    busy.append(await _connections_in_use(watching))
                    found = await submit()
                await crowd.leave()
                return found

            await submit()
            rounds = await take_turns(submit, {"parked": submit_beside_waiters}, effort.pairs)
            echoes: list[float] = []
            heard: list[float] = []
            for _ in range(effort.pairs):
                echoes.append(percentile(await _echo(echoing, watching), 0.99))
                crowd = await _Crowd.park(here, project, bodies)
                heard.append(percentile(await crowd.decide(there, token), 0.99))
    return [
        Line(goal="G10", what="database connections in use while 1,000 wait", against="counted by the server",
             values=tuple(busy), bound=0, at_most=True, unit=""),
        Line(goal="G10", what="intake over HTTP beside 1,000 who wait", against="with nobody waiting",
             values=rounds.ratios("parked"), bound=0.9, control=rounds.control,
             seen=f"{max(rounds.subjects['parked']):,.0f} of {max(rounds.baseline):,.0f} /s at best"),
        Line(goal="G10", what="from a decision acknowledged by one process to the caller's answer by another, p99",
             against="wall time", values=tuple(1_000 * each for each in heard), bound=150, at_most=True, unit=" ms",
             seen=f"{DECIDED} decisions a round, {A_SECOND} a second"),
        Line(goal="G10", what="the same", against="p99 of a bare NOTIFY to its LISTEN, at the same pace",
             values=tuple(a / b for a, b in zip(heard, echoes, strict=True)), bound=3, at_most=True,
             seen=f"an echo takes {1_000 * statistics.median(echoes):.1f} ms"),
    ]  # fmt: skip  # one line each


class _Caller(asyncio.Protocol):
    """One connection that asks for one item and waits."""

    def __init__(self) -> None:
        self.answered: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.received += data  # head and body come apart
        if STATUS in self.received and not self.answered.done():
            self.answered.set_result(perf_counter())

    @property
    def status(self) -> bytes:
        """Give the status of the item that was answered."""
        return self.received.partition(STATUS)[2].partition(b'"')[0]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  the protocol's signature
        if not self.answered.done():
            self.answered.cancel()


class _Crowd:
    """A thousand callers, each waiting for an item of its own."""

    def __init__(self, callers: Sequence[_Caller], item_ids: Sequence[str]) -> None:
        self._callers = callers
        self._item_ids = item_ids

    @classmethod
    async def park(cls, address: Address, project: Project, bodies: Numbered) -> "_Crowd":
        """Submit the items, and have each waited for."""
        items = b",".join(bodies() for _ in range(PARKED))
        answer = await _call(address, post("/api/v1/items/batch", project.key, b'{"items":[' + items + b"]}"))
        item_ids = [result["item"]["id"] for result in answer["results"]]
        loop = asyncio.get_running_loop()
        callers: list[_Caller] = []
        for item_id in item_ids:
            transport, caller = await loop.create_connection(_Caller, *address)
            head = f"GET /api/v1/items/{item_id}?wait=60 HTTP/1.1\r\nHost: localhost\r\n"
            transport.write(f"{head}Authorization: Bearer {project.key}\r\n\r\n".encode())
            callers.append(caller)
        while f"countersign_waiters {PARKED}.0" not in await _metrics(address):  # noqa: ASYNC110  another process
            await asyncio.sleep(0.1)
        return cls(callers, item_ids)

    async def decide(self, address: Address, token: str) -> list[float]:
        """Decide some of the items through another process, at a steady pace.

        Gives how long after that process's answer, which follows the commit, each caller had theirs.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()

        async def override(item_id: str) -> float:
            body = b'{"verdict": "approve", "reason": "measured"}'
            await _call(address, post(f"/api/v1/items/{item_id}/override", token, body))
            return perf_counter()

        deciding: list[asyncio.Task[float]] = []
        for at, item_id in enumerate(self._item_ids[:DECIDED]):
            await asyncio.sleep(max(0.0, began + at / A_SECOND - loop.time()))
            deciding.append(asyncio.create_task(override(item_id)))
        decided = await asyncio.gather(*deciding)
        told = self._callers[:DECIDED]
        heard = await asyncio.gather(*(caller.answered for caller in told))
        await self.leave()
        if {caller.status for caller in told} != {b"decided"}:
            message = "some waited their time out; decide fewer, or faster"
            raise RuntimeError(message)
        return [max(0.0, b - a) for a, b in zip(decided, heard, strict=True)]

    async def leave(self) -> None:
        """Hang up."""
        for caller in self._callers:
            if caller.transport is not None:
                caller.transport.close()
        await asyncio.sleep(0)


async def _connections_in_use(connection: "asyncpg.Connection[asyncpg.Record]") -> float:
    """Give the least that are seen busy in a few looks; the poll for all of them together takes one for a moment."""
    looks: list[int] = []
    for _ in range(5):
        row = await connection.fetchrow(BUSY)
        looks.append(0 if row is None else row[0])
        await asyncio.sleep(0.1)
    return float(min(looks))


async def _echo(
    notifying: "asyncpg.Connection[asyncpg.Record]", listening: "asyncpg.Connection[asyncpg.Record]"
) -> list[float]:
    """Give how long a NOTIFY takes to be heard by another connection of this process."""
    heard: asyncio.Queue[float] = asyncio.Queue()

    def hear(*_told: object) -> None:
        heard.put_nowait(perf_counter())

    await listening.add_listener("echo", hear)
    took: list[float] = []
    for _ in range(DECIDED):
        began = perf_counter()
        await notifying.execute("NOTIFY echo")
        took.append(await heard.get() - began)
        await asyncio.sleep(1 / A_SECOND / 4)
    await listening.remove_listener("echo", hear)
    return took


async def _add_lead(settings: Settings) -> str:
    db = await Database.connect(settings)
    try:
        async with db.transaction() as tx:
            email = "lead@example.com"
            await people.create_user(tx, project="bench", email=email, role=Role.LEAD, actor=OPERATOR)
            return await keys.create_token(tx, project="bench", email=email, name="bench", actor=OPERATOR)
    finally:
        await db.close()


async def _metrics(address: Address) -> str:
    return (await _exchange(address, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).decode()


async def _call(address: Address, request: bytes) -> Any:
    head, _, body = (await _exchange(address, request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))).partition(
        b"\r\n\r\n"
    )
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        message = f"a call was answered {head[:200]!r} {body[:200]!r}"
        raise RuntimeError(message)
    return msgspec.json.decode(body)


async def _exchange(address: Address, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer
