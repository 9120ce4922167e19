"""Queues of any depth, built by the server itself: open assignments with their cases and due timers."""

from uuid import UUID

import asyncpg

STEP = 250_000

# Five priorities and due times spread over four hours, so that the index is as wide as in life.
FILL = """
WITH new AS MATERIALIZED (
  SELECT uuidv7() AS id, uuidv7() AS case_id, uuidv7() AS item_id, (10 * (1 + n % 5))::smallint AS priority,
         now() + interval '4 hours' + n * interval '1 millisecond' AS due_at
  FROM generate_series(1, $2::int) AS n
), opened AS (
  INSERT INTO cases (project_id, id, item_id, state, pool, priority, reviews_required, sla_policy, due_at)
  SELECT $1, case_id, item_id, 'open', 'triage', priority, 1, 'standard', due_at FROM new
), clocks AS (
  INSERT INTO timers (project_id, kind, subject_id, generation, fire_at) SELECT $1, 'due', case_id, 0, due_at FROM new
)
INSERT INTO assignments (project_id, id, case_id, item_id, kind, pool, priority, due_at, state)
SELECT $1, id, case_id, item_id, 'review', 'triage', priority, due_at, 'open' FROM new
"""


async def fill(connection: "asyncpg.Connection[asyncpg.Record]", project_id: UUID, count: int) -> None:
    """Add open assignments to the pool `triage`."""
    for start in range(0, count, STEP):
        await connection.execute(FILL, project_id, min(STEP, count - start))


async def settle(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Leave the tables as a server does that has had time for them."""
    await connection.execute("VACUUM (ANALYZE) assignments, cases, timers, case_reviewers, audit_entries, events")
    await connection.execute("CHECKPOINT")
