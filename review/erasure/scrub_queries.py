"""Every statement that takes what is personal out of the rows of items; each may run any number of times.

They name tables of packages below this one, as a view would; a test plants a mark in each and searches them all.
"""

from typing import Any, Final
from uuid import UUID

from review.kernel.db import Hot

LOCK_SEATS = """
SELECT FROM assignments WHERE project_id = $1 AND item_id = ANY($2::uuid[]) ORDER BY id FOR NO KEY UPDATE
"""
LOCK_ITEMS = """
SELECT id, state FROM items WHERE project_id = $1 AND id = ANY($2::uuid[]) ORDER BY id FOR NO KEY UPDATE
"""
MARK = """
UPDATE items SET external_id = NULL, idempotency_key = NULL, fingerprint = '', erased_at = coalesce(erased_at, now()),
       erased_by = coalesce(erased_by, $3)
WHERE project_id = $1 AND id = ANY($2::uuid[])
  AND (erased_at IS NULL OR external_id IS NOT NULL OR idempotency_key IS NOT NULL OR fingerprint <> '')
"""

_OF = "WHERE project_id = $1 AND item_id = ANY($2::uuid[])"
_OF_SEATS = f"(SELECT id FROM assignments {_OF})"
_OF_CASES = f"(SELECT id FROM cases {_OF})"
_OF_ACTS = f"(SELECT act_id FROM bulk_items {_OF})"
# What stays of a route is what the configuration wrote: errors and measured rates may show the item's values.
_ROUTE = """((route::jsonb - 'measured') || jsonb_build_object('error', null, 'evaluations', coalesce(
  (SELECT jsonb_agg(e - 'error') FROM jsonb_array_elements(route::jsonb -> 'evaluations') AS e), '[]')))::json"""
# What stays of an event's payload tells what happened, in the words of this program and of the configuration.
_TOLD = """json_strip_nulls(json_build_object(
  'verdict', payload -> 'verdict', 'source', payload -> 'source', 'rule', payload -> 'rule', 'pool', payload -> 'pool',
  'revision', payload -> 'revision', 'level', payload -> 'level', 'priority', payload -> 'priority'))"""
_BODY = """json_build_object(
  'id', id, 'type', kind, 'project', (SELECT slug FROM projects WHERE id = $1), 'position', position,
  'timestamp', created_at, 'data', json_build_object('item', json_build_object('id', item_id, 'erased', true)))::text"""

SCRUBS: Final = (
    # Rows that an import left out are no items, but may be of the same subject; first, for what follows forgets whose.
    """
    DELETE FROM import_faults f USING items i JOIN item_bodies b ON b.project_id = i.project_id AND b.item_id = i.id
    WHERE f.project_id = $1 AND i.project_id = $1 AND i.id = ANY($2::uuid[])
      AND (f.external_id = i.external_id OR f.subject = b.details ->> 'subject')
    """,
    f"""
    UPDATE item_bodies SET input = 'null', output = 'null', route = {_ROUTE},
           details = json_strip_nulls(
             json_build_object('model', details -> 'model', 'confidence', details -> 'confidence'))
    {_OF} AND (input::text <> 'null' OR output::text <> 'null')
    """,
    f"UPDATE reviews SET output = NULL, comment = '' {_OF} AND (output IS NOT NULL OR comment <> '')",
    f"""
    UPDATE decisions SET output = NULL, comment = '', output_sha256 = NULL
    {_OF} AND (output IS NOT NULL OR comment <> '' OR output_sha256 IS NOT NULL)
    """,
    f"""
    UPDATE override_proposals SET output = NULL, comment = '',
           state = CASE state WHEN 'pending' THEN 'withdrawn' ELSE state END, settled_at = coalesce(settled_at, now())
    {_OF} AND (output IS NOT NULL OR comment <> '' OR state = 'pending')
    """,
    f"DELETE FROM drafts {_OF}",
    f"DELETE FROM pending_judgements {_OF}",
    f"DELETE FROM item_comments {_OF}",
    f"""
    UPDATE item_questions SET text = '', answer = CASE WHEN answer IS NOT NULL THEN '' END
    {_OF} AND (text <> '' OR answer <> '')
    """,
    f"UPDATE asides SET note = '' WHERE project_id = $1 AND assignment_id IN {_OF_SEATS} AND note <> ''",
    f"UPDATE assignments SET barred = NULL {_OF} AND barred IS NOT NULL",
    f"UPDATE clock_pauses SET reason = '' WHERE project_id = $1 AND case_id IN {_OF_CASES} AND reason <> ''",
    f"DELETE FROM held_items {_OF}",
    f"DELETE FROM notifications {_OF}",
    f"DELETE FROM precedents {_OF}",
    f"UPDATE rollout_items SET parts = '[]' {_OF} AND parts::text <> '[]'",
    f"UPDATE bulk_items SET said = '' {_OF} AND said <> ''",
    f"""
    UPDATE bulk_acts SET given = (given::jsonb - 'reason' - 'output')::json
    WHERE project_id = $1 AND id IN {_OF_ACTS} AND ended_at IS NOT NULL AND given::jsonb ?| ARRAY['reason', 'output']
    """,
    f"""
    UPDATE delivery_attempts SET request_headers = '{{}}', response_headers = NULL, response_body = NULL, error = NULL
    WHERE project_id = $1 AND delivery_id IN (SELECT id FROM deliveries {_OF})
      AND (request_headers::text <> '{{}}' OR response_headers IS NOT NULL OR response_body IS NOT NULL
           OR error IS NOT NULL)
    """,
    f"UPDATE deliveries SET reason = NULL {_OF} AND reason IS NOT NULL AND finished_at IS NOT NULL",
    f"""
    UPDATE events SET payload = {_TOLD}, body = {_BODY}
    {_OF} AND position IS NOT NULL AND strpos(body, '"erased" : true') = 0
    """,
)

# What is still on its way, and is looked for again: events without a body, entries without a place, acts that go on.
UNSETTLED = """
SELECT g.id FROM unnest($2::uuid[]) AS g(id)
WHERE EXISTS (SELECT FROM events e WHERE e.project_id = $1 AND e.item_id = g.id AND e.position IS NULL)
   OR EXISTS (SELECT FROM audit_entries a WHERE a.project_id = $1 AND a.item_id = g.id AND a.position IS NULL)
   OR EXISTS (SELECT FROM bulk_items b JOIN bulk_acts t ON t.project_id = b.project_id AND t.id = b.act_id
              WHERE b.project_id = $1 AND b.item_id = g.id AND t.ended_at IS NULL)
   OR EXISTS (SELECT FROM deliveries d WHERE d.project_id = $1 AND d.item_id = g.id AND d.lease_until > now())
"""
# An act's entry was made in its transaction, so at the very time it was asked for.
LIST_ACT_ENTRIES = f"""
SELECT a.id FROM bulk_acts t JOIN audit_entries a ON a.project_id = t.project_id AND a.at = t.requested_at
WHERE t.project_id = $1 AND t.id IN {_OF_ACTS} AND a.action = 'bulk.requested' AND a.erased_at IS NULL
  AND a.position IS NOT NULL AND a.details ->> 'bulk_id' = t.id::text
"""


async def lock(hot: Hot, project_id: UUID, item_ids: list[UUID]) -> dict[UUID, str]:
    """Lock items after their seats, in order; gives how each stands, and leaves out those that are not there."""
    await hot.execute(LOCK_SEATS, project_id, item_ids)
    return {row["id"]: row["state"] for row in await hot.fetch(LOCK_ITEMS, project_id, item_ids)}


async def scrub(hot: Hot, project_id: UUID, item_ids: list[UUID], by: str) -> None:
    """Take everything personal out of all rows of these items, but for feedback and the audit; within a transaction."""
    for statement in SCRUBS:
        await hot.execute(statement, project_id, item_ids)
    await hot.execute(MARK, project_id, item_ids, by)


async def list_unsettled(hot: Hot, project_id: UUID, item_ids: list[UUID]) -> set[UUID]:
    """List those of which something is still on its way."""
    rows: list[Any] = await hot.fetch(UNSETTLED, project_id, item_ids)
    return {row["id"] for row in rows}


async def list_act_entries(hot: Hot, project_id: UUID, item_ids: list[UUID]) -> list[UUID]:
    """List the audit entries of acts on many items that these were among."""
    return [row["id"] for row in await hot.fetch(LIST_ACT_ENTRIES, project_id, item_ids)]
