"""G14: signed webhooks with their log, against a bare client's loop; and beside a receiver that never answers."""

import asyncio
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from time import perf_counter
from uuid import UUID

import asyncpg
import httpcore
import msgspec

from benchmarks.material import connections, make_project
from benchmarks.rounds import Effort, Rounds, take_turns
from benchmarks.stage import Stage
from benchmarks.table import Line
from review.delivery.webhooks.dispatch import Dispatcher
from review.kernel.db import Database
from review.kernel.ids import new_id
from review.kernel.settings import Settings

IN_FLIGHT = 10
TO_THE_BLACK_HOLE = 100
LOOK_SECONDS = 0.01
RUNNING = re.compile(rb"running on (http://\S+)")
BODY = msgspec.json.encode({"type": "item.decided", "data": {"item": {"id": "0" * 36, "text": "x" * 1_400}}}).decode()

ADD_ENDPOINT = """
INSERT INTO webhook_endpoints (project_id, id, name, url, events, max_in_flight, state)
VALUES ($1, $2, $3, $4, '{item.decided}', $5, 'active')
"""
OWE = """
WITH told AS (
  INSERT INTO events (project_id, id, kind, payload, position, body)
  SELECT $1, uuidv7(), 'item.decided', '{}', $5 + n, $4 FROM generate_series(1, $3::int) AS n RETURNING id
), owed AS (
  INSERT INTO deliveries (project_id, id, endpoint_id, event_id, state, next_attempt_at)
  SELECT $1, uuidv7(), $2, id, 'pending', now() FROM told
)
UPDATE webhook_endpoints SET wake_at = now(), failures = 0, resting_until = NULL, resting_because = NULL
WHERE project_id = $1 AND id = $2
"""
LEFT = """
SELECT EXISTS (SELECT FROM deliveries WHERE project_id = $1 AND endpoint_id = $2 AND state IN ('pending', 'sending'))
"""
FORGET = "TRUNCATE delivery_attempts, deliveries, events"


class Post:
    """One project with an endpoint that answers and one that never does, and the process that sends to both."""

    def __init__(
        self, connection: "asyncpg.Connection[asyncpg.Record]", project_id: UUID, db: Database, settings: Settings
    ) -> None:
        self._connection = connection
        self._project_id = project_id
        self._db = db
        self._settings = settings
        self.answering, self.silent = new_id(), new_id()
        self._position = 0

    async def add(self, endpoint_id: UUID, name: str, url: str) -> None:
        """Add an endpoint."""
        await self._connection.execute(ADD_ENDPOINT, self._project_id, endpoint_id, name, url, IN_FLIGHT)

    async def send(self, count: int, *, into_the_hole: int = 0) -> float:
        """Give how many a second are delivered, from owing them to the log of the last; the rest is given up."""
        await self._connection.execute(FORGET)
        await self._owe(self.silent, into_the_hole)
        await self._owe(self.answering, count)
        stop, dispatcher = asyncio.Event(), Dispatcher(self._db, self._settings)
        began = perf_counter()
        running = asyncio.create_task(dispatcher.run(stop))
        while await self._connection.fetchval(LEFT, self._project_id, self.answering):  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(LOOK_SECONDS)
        took = perf_counter() - began
        stop.set()
        await running
        return count / took

    async def _owe(self, endpoint_id: UUID, count: int) -> None:
        await self._connection.execute(OWE, self._project_id, endpoint_id, count, BODY, self._position)
        self._position += count


async def measure(stage: Stage, effort: Effort) -> list[Line]:
    """Send so many messages by a bare client, by the dispatcher, and by the dispatcher beside a black hole."""
    async with AsyncExitStack() as opened:
        settings = await opened.enter_async_context(stage.database())
        settings = msgspec.structs.replace(settings, webhook_allow_networks=("127.0.0.0/8",), webhook_allow_http=True)
        (connection,) = await opened.enter_async_context(connections(settings, 1))
        url = await opened.enter_async_context(_receiver())
        hole = await opened.enter_async_context(_black_hole())
        db = await Database.connect(settings)
        opened.push_async_callback(db.close)
        post = Post(connection, (await make_project(settings)).service.project_id, db, settings)
        await post.add(post.answering, "answering", url)
        await post.add(post.silent, "silent", hole)
        await post.send(effort.messages // 10)  # which makes the secrets
        rounds = await take_turns(
            lambda: _bare(url, effort.messages),
            {
                "webhooks": lambda: post.send(effort.messages),
                "beside": lambda: post.send(effort.messages, into_the_hole=TO_THE_BLACK_HOLE),
            },
            effort.pairs,
        )
    return _lines(rounds)


async def _bare(url: str, count: int) -> float:
    """Give how many a second the same client posts with nothing around it."""
    left = iter(range(count))

    async def work(pool: httpcore.AsyncConnectionPool) -> None:
        for _ in left:
            headers = [("content-type", "application/json")]
            answer = await pool.request("POST", url, headers=headers, content=BODY.encode())
            if answer.status != 204:
                raise RuntimeError(answer.status)

    began = perf_counter()
    async with httpcore.AsyncConnectionPool(max_connections=IN_FLIGHT) as pool:
        await asyncio.gather(*(work(pool) for _ in range(IN_FLIGHT)))
    return count / (perf_counter() - began)


@asynccontextmanager
async def _receiver() -> AsyncGenerator[str]:
    """Run a receiver in a process of its own and give its address."""
    command = (sys.executable, "-m", "uvicorn", "benchmarks.receiver:take", "--port", "0", "--no-access-log")
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    try:
        if process.stderr is None:
            raise AssertionError
        async for line in process.stderr:
            if found := RUNNING.search(line):
                yield f"{found[1].decode()}/hook"
                break
    finally:
        process.terminate()
        await process.communicate()


@asynccontextmanager
async def _black_hole() -> AsyncGenerator[str]:
    """Take connections and never answer."""
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _reader, writer: held.append(writer), "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    finally:
        server.close()
        for writer in held:
            writer.close()


def _lines(rounds: Rounds) -> list[Line]:
    per_second = {name: sorted(values)[len(values) // 2] for name, values in rounds.subjects.items()}
    bare = sorted(rounds.baseline)[len(rounds.baseline) // 2]
    return [
        Line(
            goal="G14",
            what=f"signed webhooks, {IN_FLIGHT} at a time, with attempt log",
            against="a bare client's loop",
            values=rounds.ratios("webhooks"),
            bound=0.4,
            control=rounds.control,
            seen=f"{per_second['webhooks']:,.0f} of {bare:,.0f} messages/s",
        ),
        Line(
            goal="G14",
            what="the same beside an endpoint that never answers",
            against="without it",
            values=rounds.between("beside", "webhooks"),
            bound=0.9,
            control=rounds.control,
            seen=f"{per_second['beside']:,.0f} messages/s",
        ),
    ]
