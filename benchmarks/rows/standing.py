"""Whole items in any number: one is submitted as a caller does, and its rows are copied under new ids by the server."""

from collections.abc import Mapping

import asyncpg
import msgspec

from benchmarks.material import BASE_URL, Project, submission, without_searched
from benchmarks.stage import console
from review.intake import service as intake
from review.intake.service import Desk
from review.kernel.db import Hot

STEP = 100_000
IDS = """
CREATE TEMP TABLE fresh AS
SELECT n, uuidv7() AS item_id, uuidv7() AS case_id, uuidv7() AS seat_id FROM generate_series($1::int, $2::int) AS n
"""
LATER = "now() + interval '4 hours' + f.n * interval '1 millisecond'"
# What differs from copy to copy. Five priorities, and due times a millisecond apart, as wide as in life.
COPIES: Mapping[str, Mapping[str, str]] = {
    "items": {"id": "f.item_id", "external_id": "'copy-' || f.n", "fingerprint": "sha256(uuid_send(f.item_id))"},
    "item_bodies": {
        "item_id": "f.item_id",
        "input": "replace(m.input::text, 'Hello, I', 'Hello, I am customer ' || f.n || ' and')::json",
    },
    "cases": {"id": "f.case_id", "item_id": "f.item_id", "priority": "10 * (1 + f.n % 5)", "due_at": LATER},
    "assignments": {
        "id": "f.seat_id",
        "case_id": "f.case_id",
        "item_id": "f.item_id",
        "priority": "10 * (1 + f.n % 5)",
        "due_at": LATER,
    },
    "timers": {"subject_id": "f.case_id", "fire_at": LATER},
}
OF_MODEL = {"items": "id", "item_bodies": "item_id", "cases": "item_id", "assignments": "item_id"}
COLUMNS = """
SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""


async def fill(connection: "asyncpg.Connection[asyncpg.Record]", hot: Hot, project: Project, count: int) -> None:
    """Leave so many open items in the pool `triage`."""
    desk = Desk(hot, project.service, project.config, BASE_URL)
    model = (await intake.submit(desk, msgspec.json.encode(submission(0, "model")), idempotency_key=None)).item.id
    statements = [await _copying(connection, table) for table in COPIES]
    async with without_searched(connection, list(COPIES)):
        for start in range(1, count, STEP):
            last = min(count - 1, start + STEP - 1)
            await connection.execute(IDS, start, last)
            for statement in statements:
                await connection.execute(statement, project.service.project_id, model)
            await connection.execute("DROP TABLE fresh")
            if count > STEP:
                console.print(f"[dim]{last + 1:,} of {count:,} open items are there[/]")
    await connection.execute("VACUUM (ANALYZE)")
    await connection.execute("CHECKPOINT")


async def _copying(connection: "asyncpg.Connection[asyncpg.Record]", table: str) -> str:
    """Write the statement that copies the model's row of a table, whatever columns that has by now."""
    columns: list[str] = [row["attname"] for row in await connection.fetch(COLUMNS, table)]
    values = ", ".join(COPIES[table].get(column, f"m.{column}") for column in columns)
    of_case = "m.subject_id IN (SELECT id FROM cases WHERE item_id = $2)"
    model = f"m.{OF_MODEL[table]} = $2" if table in OF_MODEL else of_case
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM fresh f CROSS JOIN {table} m"  # noqa: S608  names of ours
        f" WHERE m.project_id = $1 AND {model}"
    )
