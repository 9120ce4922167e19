"""What processes of the first release, whose schema is revision 0001, say to the database: submitting and claiming."""

from datetime import timedelta
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg

from review.kernel.ids import new_id

REVISION = "0001"

STORE = """
WITH given AS (
  SELECT * FROM unnest(
    $2::uuid[], $3::text[], $4::int[], $5::text[], $6::text[], $7::bytea[],
    $8::text[], $9::text[], $10::text[], $11::text[],
    $12::text[], $13::uuid[], $14::text[], $15::smallint[], $16::smallint[], $17::text[], $18::text[], $19::interval[],
    $20::uuid[], $21::text[], $22::text[], $23::uuid[], $24::text[], $25::uuid[], $26::text[]
  ) AS g(
    id, type, type_version, external_id, idempotency_key, fingerprint,
    input, output, details, route,
    action, case_id, pool, priority, reviews_required, adjudicate_pool, sla_policy, decide,
    event_id, event_kind, event, submitted_entry, submitted, decided_entry, output_sha256
  )
), stored AS (
  INSERT INTO items (project_id, id, type, type_version, external_id, idempotency_key, fingerprint, state,
                     config_version, ruleset_version, closed_at)
  SELECT $1, id, type, type_version, external_id, idempotency_key, fingerprint,
         CASE action WHEN 'review' THEN 'open' ELSE 'decided' END, $27, $28,
         CASE action WHEN 'review' THEN NULL ELSE now() END
  FROM given ON CONFLICT DO NOTHING RETURNING id
), fresh AS MATERIALIZED (
  SELECT given.* FROM given JOIN stored USING (id)
), bodies AS (
  INSERT INTO item_bodies (project_id, item_id, input, output, details, route, submitted_by)
  SELECT $1, id, input::json, output::json, details::json, route::json, $31::json FROM fresh
), opened AS (
  INSERT INTO cases (project_id, id, item_id, state, pool, priority, reviews_required, adjudicate_pool, sla_policy,
                     due_at)
  SELECT $1, case_id, id, 'open', pool, priority, reviews_required, adjudicate_pool, sla_policy, now() + decide
  FROM fresh WHERE action = 'review'
), seats AS (
  INSERT INTO assignments (project_id, id, case_id, item_id, kind, pool, priority, due_at, state)
  SELECT $1, s.id, f.case_id, f.id, 'review', f.pool, f.priority, coalesce(now() + f.decide, 'infinity'), 'open'
  FROM unnest($29::uuid[], $30::uuid[]) AS s(id, item_id) JOIN fresh f ON f.id = s.item_id
), clocks AS (
  INSERT INTO timers (project_id, kind, subject_id, generation, fire_at)
  SELECT $1, 'due', case_id, 0, now() + decide FROM fresh WHERE decide IS NOT NULL
), decided AS (
  INSERT INTO decisions (project_id, item_id, revision, verdict, output, source, reasons, comment, decided_by, reviews,
                         output_sha256)
  SELECT $1, id, 1, action, CASE action WHEN 'approve' THEN output::json END, 'rule', '[]', '', 'rule', 0, output_sha256
  FROM fresh WHERE action <> 'review'
), told AS (
  INSERT INTO events (project_id, id, kind, item_id, payload)
  SELECT $1, event_id, event_kind, id, event::json FROM fresh
), noted AS (
  INSERT INTO audit_entries (project_id, id, actor_kind, actor_id, actor_name, action, item_id, details)
  SELECT $1, submitted_entry, $32::text, $33::uuid, $34::text, 'item.submitted', id, submitted::json FROM fresh
  UNION ALL
  SELECT $1, decided_entry, 'rule', NULL::uuid, 'rule', 'item.decided', id, event::json
  FROM fresh WHERE action <> 'review'
)
SELECT id, now() AS at FROM stored
"""

CLAIM = """
WITH picked AS MATERIALIZED (
  SELECT a.id, a.case_id FROM assignments a
  WHERE a.project_id = $1 AND a.pool = $2 AND a.state = 'open'
    AND (SELECT r.part FROM case_reviewers r
         WHERE r.project_id = a.project_id AND r.case_id = a.case_id AND r.user_id = $3) IS NULL
  ORDER BY -a.priority, a.due_at, a.id LIMIT 1 FOR UPDATE OF a SKIP LOCKED
), one_each AS (
  SELECT DISTINCT ON (case_id) id, case_id FROM picked ORDER BY case_id, id
), seated AS (
  INSERT INTO case_reviewers (project_id, case_id, user_id, assignment_id, part)
  SELECT $1, case_id, $3, id, 'holding' FROM one_each ORDER BY case_id
  ON CONFLICT DO NOTHING RETURNING assignment_id
), claimed AS (
  UPDATE assignments a SET state = 'held', holder_id = $3, fence = a.fence + 1, claimed_at = now(),
                           lease = $4, lease_until = now() + $4
  FROM seated s WHERE a.project_id = $1 AND a.id = s.assignment_id
  RETURNING a.id, a.case_id, a.item_id, a.kind, a.pool, a.priority, a.due_at, a.fence, a.lease_until
), numbered AS (
  SELECT *, row_number() OVER (ORDER BY -priority, due_at, id) AS n,
         json_build_object('assignment_id', id, 'pool', pool, 'kind', kind, 'fence', fence,
                           'holder', $5::text, 'lease_until', lease_until) AS told
  FROM claimed
), clocks AS (
  INSERT INTO timers (project_id, kind, subject_id, generation, fire_at)
  SELECT $1, 'lease', id, fence, lease_until FROM numbered
), noted AS (
  INSERT INTO audit_entries (project_id, id, actor_kind, actor_id, actor_name, action, item_id, details)
  SELECT $1, ($6::uuid[])[n], 'user', $3, $5::text, 'assignment.claimed', item_id, told FROM numbered
), events AS (
  INSERT INTO events (project_id, id, kind, item_id, payload)
  SELECT $1, ($7::uuid[])[n], 'item.claimed', item_id, told FROM numbered
)
SELECT id, case_id, item_id, kind, pool, fence, lease_until, priority, due_at FROM numbered ORDER BY n
"""

ROUTE = (
    '{"action": "review", "rule": "low-confidence", "ruleset_version": 1, "pool": "triage", "priority": 50,'
    ' "reviews_required": 1, "inclusion_probability": 1.0, "evaluations": [], "sla_policy": "standard"}'
)

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


async def submit(pool: Pool, project_id: UUID, key: UUID, external_id: str) -> UUID:
    """Submit one doubtful item, as a web process of that release does."""
    item_id = new_id()
    row: tuple[Any, ...] = (
        *(item_id, "ticket_intent", 1, external_id, None, b"fingerprint"),
        *(
            '{"text": "where is my card"}',
            '{"label": "card_arrival"}',
            '{"confidence": 0.5}',
            ROUTE,
        ),
        *("review", new_id(), "triage", 50, 1, None, "standard", timedelta(hours=4)),
        *(new_id(), "item.queued", "{}", new_id(), "{}", new_id(), None),
    )
    columns = [[value] for value in row]
    seats = ([new_id()], [item_id])
    actor = ('{"kind": "key", "id": null, "name": "crm"}', "key", key, "crm")
    stored = await pool.fetch(STORE, project_id, *columns, 1, 1, *seats, *actor)
    assert [each["id"] for each in stored] == [item_id]
    return item_id


async def claim(pool: Pool, project_id: UUID, user_id: UUID, email: str) -> UUID | None:
    """Claim the most urgent item, as a web process of that release does."""
    given = (project_id, "triage", user_id, timedelta(minutes=10), email, [new_id()], [new_id()])
    rows = await pool.fetch(CLAIM, *given)
    return rows[0]["item_id"] if rows else None
