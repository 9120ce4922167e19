"""The one statement that stores imported items with their decisions, and the look-up of those that are there."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from review.audit.rules import Action
from review.imports.judging import Judged, Run
from review.intake.rules import submitted_by
from review.kernel.db import Hot
from review.kernel.events import EventKind

# As at intake: an item whose external id is there already is left out, and with it all that would belong to it.
STORE = f"""
WITH given AS (
  SELECT * FROM unnest(
    $2::uuid[], $3::text[], $4::int[], $5::text[], $6::bytea[], $7::text[], $8::text[], $9::text[], $10::text[],
    $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::uuid[], $17::text[], $18::uuid[], $19::text[],
    $20::uuid[], $21::text[], $22::uuid[], $23::text[], $33::boolean[]
  ) AS g(
    id, type, type_version, external_id, fingerprint, input, output, details, route,
    verdict, decided, reasons, comment, output_sha256, feedback_id, record, event_id, event,
    imported_entry, imported, decided_entry, told, gold
  )
), stored AS (
  INSERT INTO items (project_id, id, type, type_version, external_id, fingerprint, state, config_version,
                     ruleset_version, created_at, closed_at, gold)
  SELECT $1, id, type, type_version, external_id, fingerprint, 'decided', $24, $25, $26, $26, gold
  FROM given ON CONFLICT DO NOTHING RETURNING id
), fresh AS MATERIALIZED (
  SELECT given.* FROM given JOIN stored USING (id)
), bodies AS (
  INSERT INTO item_bodies (project_id, item_id, input, output, details, route, submitted_by)
  SELECT $1, id, input::json, output::json, details::json, route::json, $27::text::json FROM fresh
), decisions AS (
  INSERT INTO decisions (project_id, item_id, revision, verdict, output, source, reasons, comment, decided_by, reviews,
                         output_sha256, decided_at)
  SELECT $1, id, 1, verdict, decided::json, 'override', reasons::json, comment, $28, 0, output_sha256, $26 FROM fresh
), kept AS (
  INSERT INTO feedback (project_id, id, item_id, revision, type, verdict, source, record, decided_at)
  SELECT $1, feedback_id, id, 1, type, verdict, 'override', record::json, $26 FROM fresh
), told AS (
  INSERT INTO events (project_id, id, kind, item_id, payload)
  SELECT $1, event_id, '{EventKind.DECIDED}', id, event::json FROM fresh
), noted AS (
  INSERT INTO audit_entries (project_id, id, actor_kind, actor_id, actor_name, origin, config_version, action, item_id,
                             details)
  SELECT $1, imported_entry, $29::text, $30::uuid, $31::text, $32::text, $24, '{Action.ITEM_IMPORTED}', id,
         imported::json FROM fresh
  UNION ALL
  SELECT $1, decided_entry, $29::text, $30::uuid, $31::text, $32::text, $24, '{Action.ITEM_DECIDED}', id, told::json
  FROM fresh
)
SELECT id FROM stored
"""

FIND_EARLIER = """
SELECT external_id, fingerprint FROM items WHERE project_id = $1 AND external_id = ANY($2::text[])
"""


async def store(
    hot: Hot, project_id: UUID, judged: Sequence[Judged], run: Run, *, config_version: int, ruleset_version: int
) -> set[UUID]:
    """Store all of these with their decisions, but for those whose external id is there; gives which were stored.

    One autocommitted statement: all of it or nothing. Takes no lock but the rows it makes.
    """
    in_turn = sorted(judged, key=lambda each: each.external_id)  # as intake does, so that no two wait for each other
    *columns, gold = [list(column) for column in zip(*in_turn, strict=True)]
    actor = run.actor
    constants = config_version, ruleset_version, run.at, submitted_by(actor), run.decided_by
    who = actor.kind, actor.id, actor.name, actor.origin
    rows = await hot.fetch(STORE, project_id, *columns, *constants, *who, gold)
    return {row["id"] for row in rows}


async def find_earlier(hot: Hot, project_id: UUID, external_ids: Sequence[str]) -> dict[str, Any]:
    """Find the fingerprints of the items that hold these external ids."""
    rows = await hot.fetch(FIND_EARLIER, project_id, list(external_ids))
    return {row["external_id"]: row["fingerprint"] for row in rows}
