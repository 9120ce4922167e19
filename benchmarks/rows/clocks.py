"""Clocks of any number: open cases whose time is yet to come, and cases whose time has come."""

from uuid import UUID

import asyncpg

# Cases with everything that a sweep reads and writes; the nth becomes due at the start plus n times the step.
FILL = """
WITH new AS MATERIALIZED (
  SELECT uuidv7() AS id, uuidv7() AS case_id, uuidv7() AS item_id, $3::timestamptz + n * $4::interval AS due_at
  FROM generate_series(1, $2::int) AS n
), items AS (
  INSERT INTO items (project_id, id, type, type_version, fingerprint, state, config_version, ruleset_version)
  SELECT $1, item_id, 'ticket_intent', 1, '', 'open', 1, 1 FROM new
), bodies AS (
  INSERT INTO item_bodies (project_id, item_id, input, output, details, route, submitted_by)
  SELECT $1, item_id, '{"text": "where is my card"}', '{"label": "lost_card"}', '{"confidence": 0.6}',
         '{"action": "review", "rule": "low-confidence", "pool": "triage", "priority": 50}', '{"name": "bench"}'
  FROM new
), opened AS (
  INSERT INTO cases (project_id, id, item_id, state, pool, priority, reviews_required, sla_policy, due_at,
                     clock_version, clock_started_at)
  SELECT $1, case_id, item_id, 'open', 'triage', 50, 1, 'standard', due_at, 1, due_at - interval '4 hours' FROM new
), clocks AS (
  INSERT INTO timers (project_id, kind, subject_id, generation, fire_at) SELECT $1, 'due', case_id, 0, due_at FROM new
)
INSERT INTO assignments (project_id, id, case_id, item_id, kind, pool, priority, due_at, state)
SELECT $1, id, case_id, item_id, 'review', 'triage', 50, due_at, 'open' FROM new
"""
STEP = 100_000


async def fill(
    connection: "asyncpg.Connection[asyncpg.Record]", project_id: UUID, count: int, *, first: str, step: str
) -> None:
    """Add so many open cases; the first becomes due at an expression of SQL, each further one a step later."""
    at = await connection.fetchval(f"SELECT {first}")
    apart = await connection.fetchval(f"SELECT interval '{step}'")
    for start in range(0, count, STEP):
        await connection.execute(FILL, project_id, min(STEP, count - start), at + start * apart, apart)


async def settle(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Leave the tables as a server does that has had time for them."""
    await connection.execute("VACUUM (ANALYZE) items, item_bodies, cases, timers, assignments, audit_entries, events")
    await connection.execute("CHECKPOINT")
