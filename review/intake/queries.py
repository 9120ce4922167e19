"""The one statement that stores arrivals, be it one item or a thousand."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from review.audit.rules import Action, Actor
from review.intake.clocks import Clocks
from review.intake.rules import HELD, HELD_BY, NewItem, audit_of, event_of, submitted_by
from review.kernel.db import Hot
from review.kernel.events import EventKind
from review.kernel.ids import new_id
from review.kernel.timers import TimerKind

# A writable CTE: items that collide with a stored external id or idempotency key are left out of `stored`, and with
# them everything else that would belong to them. One round trip measured 2 to 3 times six statements (PROMISES, A3).
# Clocks come as lengths of time, each different one once, and count from `started_at`. When that is, and so when an
# item is due, is known here alone, which is why the due time joins the text of the audit entry here. Each item names
# the version that routed it: while a candidate is rolled out, items of two versions come together.
# What a stop holds has no seat, and its clock stands still as of its beginning; the first mark is none of its timers'.
_STORE = f"""
WITH given AS (
  SELECT * FROM unnest(
    $2::uuid[], $3::text[], $4::int[], $5::text[], $6::text[], $7::bytea[],
    $8::text[], $9::text[], $10::text[], $11::text[],
    $12::text[], $13::uuid[], $14::text[], $15::smallint[], $16::smallint[], $17::text[], $18::text[], $19::smallint[],
    $20::uuid[], $21::text[], $22::text[], $23::uuid[], $24::text[], $25::uuid[], $26::text[],
    $40::text[], $27::int[], $28::int[], $42::boolean[]
  ) AS g(
    id, type, type_version, external_id, idempotency_key, fingerprint,
    input, output, details, route,
    action, case_id, pool, priority, reviews_required, adjudicate_pool, sla_policy, clock,
    event_id, event_kind, event, submitted_entry, submitted, decided_entry, output_sha256,
    barred, config_version, ruleset_version, gold
  )
), stored AS (
  INSERT INTO items (project_id, id, type, type_version, external_id, idempotency_key, fingerprint, state,
                     config_version, ruleset_version, closed_at, gold)
  SELECT $1, id, type, type_version, external_id, idempotency_key, fingerprint,
         CASE action WHEN 'review' THEN 'open' ELSE 'decided' END, config_version, ruleset_version,
         CASE action WHEN 'review' THEN NULL ELSE now() END, gold
  FROM given ON CONFLICT DO NOTHING RETURNING id
), {{holding}}fresh AS MATERIALIZED (
  SELECT given.*, started_at, started_at + ($36::interval[])[clock] AS due_at,
         started_at + ($37::interval[])[clock] AS first_claim_due_at,
         started_at + ($38::interval[])[clock] AS warn_at, started_at + ($39::interval[])[clock] AS first_mark_at
  FROM given JOIN stored USING (id) CROSS JOIN (SELECT coalesce($35::timestamptz, now()) AS started_at) AS starts
), bodies AS (
  INSERT INTO item_bodies (project_id, item_id, input, output, details, route, submitted_by)
  SELECT $1, id, input::json, output::json, details::json, route::json, $31::json FROM fresh
), opened AS (
  INSERT INTO cases (project_id, id, item_id, state, pool, priority, reviews_required, adjudicate_pool, sla_policy,
                     due_at, first_claim_due_at, warn_at, clock_started_at, clock_version{{paused_column}})
  SELECT $1, case_id, id, 'open', pool, priority, reviews_required, adjudicate_pool, sla_policy, due_at,
         first_claim_due_at, warn_at, CASE WHEN clock IS NOT NULL THEN started_at END,
         CASE WHEN clock IS NOT NULL THEN config_version END{{paused}}
  FROM fresh WHERE action = 'review'
), seats AS (
  INSERT INTO assignments (project_id, id, case_id, item_id, kind, pool, priority, due_at, state, barred)
  SELECT $1, s.id, f.case_id, f.id, 'review', f.pool, f.priority, coalesce(f.due_at, 'infinity'), 'open',
         string_to_array(f.barred, E'\\n')
  FROM unnest($29::uuid[], $30::uuid[]) AS s(id, item_id) JOIN fresh f ON f.id = s.item_id
), clocks AS (
  INSERT INTO timers (project_id, kind, subject_id, generation, fire_at)
  SELECT $1, '{TimerKind.DUE}', case_id, 0, first_mark_at FROM fresh
  WHERE clock IS NOT NULL{{but_held}}
), decided AS (
  INSERT INTO decisions (project_id, item_id, revision, verdict, output, source, reasons, comment, decided_by, reviews,
                         output_sha256)
  SELECT $1, id, 1, action, CASE action WHEN 'approve' THEN output::json END, 'rule', '[]', '', 'rule', 0, output_sha256
  FROM fresh WHERE action <> 'review'
), told AS (
  INSERT INTO events (project_id, id, kind, item_id, payload)
  SELECT $1, event_id, event_kind, id, event::json FROM fresh
), noted AS (
  INSERT INTO audit_entries (project_id, id, actor_kind, actor_id, actor_name, origin, config_version, action, item_id,
                             details)
  SELECT $1, submitted_entry, $32::text, $33::uuid, $34::text, $41::text, config_version, '{Action.ITEM_SUBMITTED}', id,
         CASE WHEN clock IS NULL THEN submitted
              ELSE left(submitted, -1) || ',"due_at":' || to_json(due_at) || '}}}}' END::json
  FROM fresh
  UNION ALL
  SELECT $1, decided_entry, 'rule', NULL::uuid, 'rule', '', config_version, '{Action.ITEM_DECIDED}', id, event::json
  FROM fresh WHERE action <> 'review'
){{held}}
SELECT id, now() AS at FROM stored
"""
_HOLDS = {
    "paused_column": ", paused_at",
    "paused": ", CASE WHEN clock IS NOT NULL THEN (SELECT started_at FROM holding h WHERE h.id = fresh.id) END",
    "but_held": " AND id NOT IN (SELECT id FROM holding)",
    "holding": """holding AS (
  SELECT * FROM unnest($43::uuid[], $44::uuid[], $45::uuid[], $46::uuid[])
    AS h(id, stop_id, paused_entry, paused_event) JOIN stored USING (id)
), """,
    "held": f""", kept AS (
  INSERT INTO held_items (project_id, item_id, stop_id, paused_at, barred)
  SELECT $1, h.id, h.stop_id, CASE WHEN f.clock IS NOT NULL THEN f.started_at END, string_to_array(f.barred, E'\\n')
  FROM holding h JOIN fresh f USING (id)
), halted AS (
  INSERT INTO clock_pauses (project_id, case_id, paused_at, reason, paused_by)
  SELECT $1, f.case_id, f.started_at, '{HELD}', '{HELD_BY}'
  FROM holding JOIN fresh f USING (id) WHERE f.clock IS NOT NULL
), pauses_told AS (
  INSERT INTO events (project_id, id, kind, item_id, payload)
  SELECT $1, paused_event, '{EventKind.PAUSED}', f.id,
         json_build_object('reason', '{HELD}', 'by', '{HELD_BY}', 'resume_at', null)
  FROM holding JOIN fresh f USING (id) WHERE f.clock IS NOT NULL
), pauses_noted AS (
  INSERT INTO audit_entries (project_id, id, actor_kind, actor_id, actor_name, origin, config_version, action, item_id,
                             details)
  SELECT $1, paused_entry, 'rule', NULL::uuid, 'rule', '', f.config_version, '{Action.CLOCK_PAUSED}', f.id,
         json_build_object('was', f.due_at, 'paused_at', f.started_at, 'reason', '{HELD}', 'until', null,
                           'because', json_build_array('Stopped by {HELD_BY}: {HELD}'))
  FROM holding JOIN fresh f USING (id) WHERE f.clock IS NOT NULL
)""",
}
STORE = _STORE.format(**dict.fromkeys(_HOLDS, ""))
STORE_HELD = _STORE.format(**_HOLDS)

FIND_EARLIER = """
SELECT id, external_id, idempotency_key, fingerprint FROM items
WHERE project_id = $1 AND external_id = ANY($2::text[])
UNION
SELECT id, external_id, idempotency_key, fingerprint FROM items
WHERE project_id = $1 AND idempotency_key = ANY($3::text[])
"""


async def store(
    hot: Hot, project_id: UUID, items: Sequence[NewItem], clocks: Clocks, actor: Actor
) -> dict[UUID, datetime]:
    """Store all of these, but for those that were submitted before; gives when each was stored.

    One autocommitted statement: all of it or nothing. Takes no lock but the rows it makes.
    """
    # Whoever inserts a key first makes the others wait: in one order everywhere, so that no two wait for each other.
    in_turn = sorted(
        range(len(items)),
        key=lambda at: (items[at].submission.external_id or "", items[at].idempotency_key or ""),
    )
    records = [_record(items[at], clocks.of[at]) for at in in_turn]
    columns = [list(column) for column in zip(*records, strict=True)]
    versions = [items[at].config_version for at in in_turn], [items[at].route.ruleset_version for at in in_turn]
    barred, constants = [items[at].barred for at in in_turn], _constants(items, actor)
    gold = [items[at].submission.gold for at in in_turn]
    given = (project_id, *columns, *versions, *constants, *_lengths(clocks), barred, actor.origin, gold)
    held = [item for item in items if item.held_by is not None]
    rows = await (hot.fetch(STORE_HELD, *given, *_holds(held)) if held else hot.fetch(STORE, *given))
    return {row["id"]: row["at"] for row in rows}


def _record(item: NewItem, clock: int | None) -> tuple[Any, ...]:
    """Lay an item out in the order of the statement's parameters 2 to 26."""
    taken, given = item.route, item.submission
    event_kind, event = event_of(item)
    return (
        *(item.id, given.type, item.type_version, given.external_id, item.idempotency_key, item.fingerprint),
        *(item.input, item.output, item.details, item.route_json),
        *(taken.action, item.case_id, taken.pool, taken.priority, taken.reviews_required, taken.adjudicate_pool),
        *(taken.sla_policy, None if clock is None else clock + 1),  # arrays count from 1
        *(new_id(), event_kind, event, new_id(), audit_of(item), new_id(), item.output_sha256),
    )


def _constants(items: Sequence[NewItem], actor: Actor) -> tuple[Any, ...]:
    seats = [(seat, item.id) for item in items for seat in item.seat_ids]
    return (
        *([seat for seat, _ in seats], [item_id for _, item_id in seats]),
        *(submitted_by(actor), actor.kind, actor.id, actor.name),
    )


def _lengths(clocks: Clocks) -> tuple[Any, ...]:
    return (
        clocks.started_at,
        [each.due for each in clocks.kinds],
        [each.first_claim for each in clocks.kinds],
        [each.warn for each in clocks.kinds],
        [each.first_mark for each in clocks.kinds],
    )


def _holds(held: Sequence[NewItem]) -> tuple[Any, ...]:
    return (
        *([item.id for item in held], [item.held_by for item in held]),
        *([new_id() for _ in held], [new_id() for _ in held]),
    )


async def find_earlier(hot: Hot, project_id: UUID, external_ids: list[str], keys: list[str]) -> list[Any]:
    """Find the items that hold these external ids or idempotency keys."""
    return await hot.fetch(FIND_EARLIER, project_id, external_ids, keys)
