"""What is measured with: a project, its people, and submissions of an ordinary size."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import msgspec

from review.audit.rules import OPERATOR
from review.configuration import service as configuration
from review.configuration.rules import ProjectConfig
from review.configuration.service import ConfigCache
from review.identity import keys, people
from review.identity.rules import Principal, Role
from review.kernel.db import Database, libpq_url
from review.kernel.settings import Settings

BASE_URL = "http://bench.local"
PEOPLE = tuple(f"person{number}@example.com" for number in range(8))

# Three conditions are evaluated before an item comes to a person with a clock: case, seat, timer, all of it.
CONFIG = f"""
project: bench
item_types:
  ticket_intent:
    title: Ticket intent
    input_schema:
      type: object
      required: [text]
      properties: {{text: {{type: string, maxLength: 4000}}, channel: {{enum: [web, mail, chat]}}}}
      additionalProperties: false
    output_schema:
      type: object
      required: [label]
      properties: {{label: {{enum: [card_arrival, lost_card, refund]}}}}
      additionalProperties: false
    reasons: [wrong_label, ambiguous]
pools:
  triage: {{lease: 10m, members: [{", ".join(PEOPLE)}]}}
sla_policies:
  standard: {{decide: 4h}}
rules:
  - {{name: vip, when: '"vip" in item.tags', then: {{review: triage, priority: 80}}}}
  - {{name: blocked, when: 'item.impact == "none"', then: {{reject: true}}}}
  - {{name: low-confidence, when: 'item.confidence < 0.8', then: {{review: triage, sla: standard}}}}
  - {{name: rest, when: 'true', then: {{approve: true}}}}
"""

SEARCHED = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY($1) AND indexdef LIKE '% USING gin %'"

TEXT = (
    "Hello, I ordered my new card two weeks ago and it has still not arrived. The app says that it was sent on the "
    "third, and I have moved since, so it may have gone to my old address. Could you tell me where it is, and if it "
    "is lost, stop it and send another one? I am travelling on Friday and need it by then. Thank you."
)


class Project(msgspec.Struct, frozen=True):
    """A project with its rules, a service that submits, and people who review."""

    settings: Settings
    config: ProjectConfig
    service: Principal
    key: str
    people: tuple[Principal, ...]


async def make_project(settings: Settings, source: str = CONFIG, name: str = "bench") -> Project:
    """Apply the configuration and create everybody."""
    db = await Database.connect(settings)
    try:
        async with db.transaction() as tx:
            await configuration.apply(tx, source, actor=OPERATOR, may_create=True)
            key = await keys.create_key(tx, project=name, name="upstream", role=Role.SERVICE, actor=OPERATOR)
        service = await keys.authenticate_key(db.hot, key)
        config = await ConfigCache(db).get(service.project_id, service.config_version)
        people = [await _add_person(db, name, email) for email in PEOPLE]
    finally:
        await db.close()
    return Project(settings, config, service, key, tuple(people))


async def _add_person(db: Database, project: str, email: str) -> Principal:
    async with db.transaction() as tx:
        await people.create_user(tx, project=project, email=email, role=Role.REVIEWER, actor=OPERATOR)
        token = await keys.create_token(tx, project=project, email=email, name="bench", actor=OPERATOR)
    return await keys.authenticate_key(db.hot, token)


def submission(number: int, run: str = "a") -> dict[str, Any]:
    """Give a submission that comes to a person; its external id is made of the run and the number."""
    return {
        "type": "ticket_intent",
        "external_id": f"{run}-{number}",
        "input": {"text": TEXT, "channel": "web"},
        "output": {"label": "card_arrival"},
        "model": {"name": "intent-clf", "version": "2026-10-01", "prompt_version": "p7"},
        "confidence": 0.62,
        "impact": "high",
        "alternatives": [{"output": {"label": "lost_card"}, "confidence": 0.31}],
        "latency_ms": 812,
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "tags": ["beta"],
    }


class Numbered:
    """Writes submission after submission, no two with the same external id, at the cost of joining bytes."""

    def __init__(self, run: str) -> None:
        self._run = run.encode()
        self._before, self._after = msgspec.json.encode(submission(0, "\uffff")).split("\uffff-0".encode())
        self.count = 0

    def __call__(self) -> bytes:
        """Give the next body."""
        self.count += 1
        return self.body(self.count)

    def body(self, number: int) -> bytes:
        """Give the body of a number."""
        return b"%b%b-%d%b" % (self._before, self._run, number, self._after)


@asynccontextmanager
async def connections(settings: Settings, count: int) -> AsyncGenerator[list["asyncpg.Connection[asyncpg.Record]"]]:
    """Give so many connections with nothing between them and the server."""
    opened: list[asyncpg.Connection[asyncpg.Record]] = []
    try:
        while len(opened) < count:
            opened.append(await asyncpg.connect(libpq_url(settings.database_url), server_settings={"jit": "off"}))
        yield opened
    finally:
        for connection in opened:
            await connection.close()


@asynccontextmanager
async def without_searched(
    connection: "asyncpg.Connection[asyncpg.Record]", tables: Sequence[str]
) -> AsyncGenerator[None]:
    """Fill these tables without what is searched for words, which is built at the end: row by row it takes longest."""
    searched = await connection.fetch(SEARCHED, list(tables))
    for index in searched:
        await connection.execute(f"DROP INDEX {index['indexname']}")
    yield
    await connection.execute("SET maintenance_work_mem = '1GB'")
    for index in searched:
        await connection.execute(index["indexdef"])
