"""The baselines of intake: the payload alone into a table with a key, one by one and by COPY."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias
from uuid import UUID

import asyncpg
import msgspec

from benchmarks.material import submission
from review.kernel.ids import new_id

TABLE = "CREATE TABLE bare (project_id uuid, id uuid, payload json NOT NULL, PRIMARY KEY (project_id, id))"
INSERT = "INSERT INTO bare (project_id, id, payload) VALUES ($1, $2, $3)"
PAYLOAD = msgspec.json.encode(submission(1)).decode()

Connections: TypeAlias = "list[asyncpg.Connection[asyncpg.Record]]"
Act: TypeAlias = Callable[[int], Awaitable[int]]


def inserter(connections: Connections, project_id: UUID) -> Act:
    """Give what stores one payload on the worker's connection."""

    async def insert(worker: int) -> int:
        await connections[worker].execute(INSERT, project_id, new_id(), PAYLOAD)
        return 1

    return insert


def copier(connections: Connections, project_id: UUID, rows: int) -> Act:
    """Give what stores so many payloads by one COPY on the worker's connection."""

    async def copy(worker: int) -> int:
        records = [(project_id, new_id(), PAYLOAD) for _ in range(rows)]
        await connections[worker].copy_records_to_table("bare", records=records)
        return rows

    return copy
