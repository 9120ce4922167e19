"""Every statement on acts on many items: what is known of their items, and how far each act has come.

What is known of an item is read out of tables of packages below this one, as a database view would.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from review.identity.rules import Permission, Principal
from review.kernel.db import Hot
from review.queueing.queries import BY_SEVERAL

COMPARED_BYTES = 8_192  # an AI output that takes more than this is compared only when the item is judged
SHOWN_BYTES = 32_768  # an input that takes more than this has no line of its own words
MOST_TRIES = 3

FACTS = f"""
SELECT g.id AS item_id, i.state, i.type, i.type_version, i.external_id, c.pool, c.priority,
       coalesce({BY_SEVERAL}, false) AS is_by_several, coalesce(b.route ->> 'two_person' = 'true', false) AS takes_two,
       i.state = 'decided' AND c.id IS NULL AND (
         SELECT d.source FROM decisions d WHERE d.project_id = $1 AND d.item_id = i.id
         ORDER BY d.revision DESC LIMIT 1) = 'rule' AS by_rule,
       r.part, CASE WHEN $5 AND pg_column_size(b.output) <= {COMPARED_BYTES} THEN b.output::text END AS output,
       s.seats::text AS seats
FROM unnest($2::uuid[]) WITH ORDINALITY AS g(id, n)
LEFT JOIN items i ON i.project_id = $1 AND i.id = g.id
LEFT JOIN item_bodies b ON b.project_id = $1 AND b.item_id = i.id
LEFT JOIN cases c ON c.project_id = $1 AND c.item_id = i.id
LEFT JOIN case_reviewers r ON r.project_id = $1 AND r.case_id = c.id AND r.user_id = $3
LEFT JOIN LATERAL (
  SELECT json_agg(json_build_object(
           'id', a.id, 'kind', a.kind, 'pool', a.pool, 'is_held', a.state = 'held',
           'is_mine', coalesce(a.state = 'held' AND a.holder_id = $3 AND (
             a.lease_until > now() OR a.aside_fence = a.fence), false),
           'is_given', coalesce(a.state = 'held' AND a.given_fence = a.fence, false),
           'is_aside', coalesce(a.state = 'held' AND a.aside_fence = a.fence, false),
           'is_barred', coalesce(a.barred && ARRAY[$3::uuid::text, $4::text], false)) ORDER BY a.id) AS seats
  FROM assignments a WHERE a.project_id = $1 AND a.item_id = i.id AND a.state IN ('open', 'held')) s ON true
ORDER BY g.n
"""

ADD = """
WITH act AS (
  INSERT INTO bulk_acts (project_id, id, kind, given, acted_by, permissions, key_id, origin, idempotency_key,
                         fingerprint, counts_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now() + $11)
  ON CONFLICT (project_id, acted_by, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
  RETURNING project_id, id
)
INSERT INTO bulk_items (project_id, act_id, n, item_id)
SELECT act.project_id, act.id, g.n, g.id FROM act CROSS JOIN unnest($12::uuid[]) WITH ORDINALITY AS g(id, n)
"""

_ACT = """
 a.id, a.state, a.given::text AS given, a.acted_by, a.permissions, a.key_id, a.origin, a.fingerprint, a.requested_at,
 a.counts_at, a.ended_at, a.stopped_at, a.stopped_by, a.forgotten_at, a.tally::text AS tally,
 (SELECT u.email FROM users u WHERE u.id = a.acted_by) AS asked_by
"""
# Whoever leads ($4) reaches an act by all of its items: none of them may stand in a pool that is not theirs ($5, null
# for whoever sees all pools). Of an act whose items are forgotten nothing is left to lead.
_LED = """
 ($4 AND ($5::text IS NULL OR (
   SELECT bool_and(EXISTS (
     SELECT FROM pool_members m WHERE m.project_id = c.project_id AND m.pool = c.pool AND m.email = $5))
   FROM bulk_items b JOIN cases c ON c.project_id = b.project_id AND c.item_id = b.item_id
   WHERE b.project_id = a.project_id AND b.act_id = a.id)))
"""
FIND = f"SELECT {_ACT} FROM bulk_acts a WHERE a.project_id = $1 AND a.id = $2 AND (a.acted_by = $3 OR {_LED})"
LOCK = f"{FIND} FOR UPDATE"
FIND_BY_KEY = f"SELECT {_ACT} FROM bulk_acts a WHERE a.project_id = $1 AND a.acted_by = $2 AND a.idempotency_key = $3"
LIST_LED = f"""
SELECT {_ACT} FROM bulk_acts a
WHERE a.project_id = $1 AND a.state IN ('waiting', 'running') AND a.acted_by <> $3 AND {_LED}
ORDER BY a.id DESC LIMIT $2
"""
LIST = f"SELECT {_ACT} FROM bulk_acts a WHERE a.project_id = $1 AND a.acted_by = $2 ORDER BY a.id DESC LIMIT $3"
COUNT = """
SELECT act_id, state, count(*) AS n FROM bulk_items WHERE project_id = $1 AND act_id = ANY ($2::uuid[]) GROUP BY 1, 2
"""
# What was left out first, for that is what somebody must look at.
LIST_ITEMS = """
SELECT b.item_id, i.external_id, i.type, b.state, b.why, b.said FROM bulk_items b
LEFT JOIN items i ON i.project_id = b.project_id AND i.id = b.item_id
WHERE b.project_id = $1 AND b.act_id = $2 ORDER BY b.state <> 'left_out', b.n LIMIT $3 OFFSET $4
"""
LIST_INPUTS = f"""
SELECT item_id, input::text AS input FROM item_bodies
WHERE project_id = $1 AND item_id = ANY ($2::uuid[]) AND pg_column_size(input) <= {SHOWN_BYTES}
"""
UNDO_ITEMS = """
UPDATE bulk_items SET state = 'undone', settled_at = now() WHERE project_id = $1 AND act_id = $2 AND state = 'waiting'
"""
STOP_ITEMS = """
UPDATE bulk_items SET state = 'left_out', why = $3, said = $4, settled_at = now()
WHERE project_id = $1 AND act_id = $2 AND state = 'waiting'
"""
STOP = """
UPDATE bulk_acts SET state = 'done', stopped_at = now(), stopped_by = $3, ended_at = clock_timestamp()
WHERE project_id = $1 AND id = $2
"""
# What is under way, or can still be taken back, has not ended.
FORGET_ITEMS = """
WITH old AS (
  SELECT project_id, id FROM bulk_acts WHERE ended_at < now() - $1::interval AND forgotten_at IS NULL
  ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED
), gone AS (
  DELETE FROM bulk_items b USING old WHERE b.project_id = old.project_id AND b.act_id = old.id
  RETURNING b.project_id, b.act_id, b.state
)
UPDATE bulk_acts a SET forgotten_at = now(), tally = (
  SELECT coalesce(json_object_agg(counted.state, counted.n), '{}') FROM (
    SELECT state, count(*) AS n FROM gone WHERE gone.project_id = a.project_id AND gone.act_id = a.id GROUP BY 1
  ) counted)
FROM old WHERE a.project_id = old.project_id AND a.id = old.id
"""
SET_STATE = """
UPDATE bulk_acts SET state = $3, ended_at = CASE WHEN $3 IN ('done', 'undone') THEN clock_timestamp() END
WHERE project_id = $1 AND id = $2
"""

LIST_DUE = """
SELECT project_id, id FROM bulk_acts WHERE state IN ('waiting', 'running') AND counts_at <= now()
ORDER BY counts_at LIMIT $1
"""
# An act that another worker has in hand is passed by; the item of it that failed least often comes first.
LOCK_DUE = f"""
SELECT {_ACT}, a.project_id FROM bulk_acts a
WHERE a.project_id = $1 AND a.id = $2 AND a.state IN ('waiting', 'running') AND a.counts_at <= now()
FOR UPDATE SKIP LOCKED
"""
NEXT_ITEM = """
SELECT item_id FROM bulk_items WHERE project_id = $1 AND act_id = $2 AND state = 'waiting' ORDER BY tries, n LIMIT 1
"""
SETTLE_ITEM = """
UPDATE bulk_items SET state = $4, why = $5, said = $6, settled_at = now()
WHERE project_id = $1 AND act_id = $2 AND item_id = $3 AND state = 'waiting'
"""
FAIL_ITEM = f"""
UPDATE bulk_items SET tries = tries + 1, state = CASE WHEN tries + 1 >= {MOST_TRIES} THEN 'left_out' ELSE state END,
  why = CASE WHEN tries + 1 >= {MOST_TRIES} THEN $4 ELSE why END,
  settled_at = CASE WHEN tries + 1 >= {MOST_TRIES} THEN now() END
WHERE project_id = $1 AND act_id = $2 AND item_id = $3 AND state = 'waiting'
"""


class NewAct(msgspec.Struct, frozen=True, kw_only=True):
    """An act as it is to be stored; `given` is what was asked for, as JSON."""

    id: UUID
    kind: str
    given: str
    key: str | None
    fingerprint: bytes
    grace: timedelta


async def list_facts(hot: Hot, who: Principal, item_ids: Sequence[UUID], *, with_outputs: bool) -> list[Any]:
    """Read what an act must know of items, in their order; who is asking decides whose seats are theirs."""
    return await hot.fetch(FACTS, who.project_id, list(item_ids), who.id, who.email, with_outputs)


async def add(hot: Hot, who: Principal, act: NewAct, item_ids: Sequence[UUID]) -> bool:
    """Store an act with its items; tells whether it did, which it does unless the caller has used the key before."""
    permissions = sorted(each.value for each in who.permissions)
    given = (act.kind, act.given, who.id, permissions, who.key_id, who.origin, act.key, act.fingerprint, act.grace)
    told = await hot.execute(ADD, who.project_id, act.id, *given, list(item_ids))
    return int(told.split()[-1]) > 0


async def find(hot: Hot, who: Principal, act_id: UUID, *, lock: bool = False) -> Any:
    """Find an act that is the caller's own, or that they lead."""
    return await hot.fetchrow(LOCK if lock else FIND, who.project_id, act_id, *_reach(who))


async def find_by_key(hot: Hot, who: Principal, key: str) -> Any:
    """Find the act that the caller asked for with this idempotency key."""
    return await hot.fetchrow(FIND_BY_KEY, who.project_id, who.id, key)


async def list_of(hot: Hot, who: Principal, limit: int) -> list[Any]:
    """List the caller's own acts, the last one first."""
    return await hot.fetch(LIST, who.project_id, who.id, limit)


async def list_led(hot: Hot, who: Principal, limit: int) -> list[Any]:
    """List others' acts that are under way or about to be, and that the caller leads, the last one first."""
    return await hot.fetch(LIST_LED, who.project_id, limit, *_reach(who))


def _reach(who: Principal) -> tuple[UUID, bool, str | None]:
    return who.id, who.may(Permission.OVERRIDE), who.email if who.is_pool_bound else None


async def count_items(hot: Hot, project_id: UUID, act_ids: Sequence[UUID]) -> list[Any]:
    """Count the items of acts by where they stand."""
    return await hot.fetch(COUNT, project_id, list(act_ids))


async def list_items(hot: Hot, project_id: UUID, act_id: UUID, *, limit: int, offset: int) -> list[Any]:
    """List the items of an act with what became of them, those left out first."""
    return await hot.fetch(LIST_ITEMS, project_id, act_id, limit, offset)


async def list_inputs(hot: Hot, project_id: UUID, item_ids: Sequence[UUID]) -> list[Any]:
    """Read the inputs of items that are small enough to be said in a line."""
    return await hot.fetch(LIST_INPUTS, project_id, list(item_ids))


async def undo(hot: Hot, project_id: UUID, act_id: UUID) -> None:
    """Take a locked act back with all its items."""
    await hot.execute(UNDO_ITEMS, project_id, act_id)
    await hot.execute(SET_STATE, project_id, act_id, "undone")


async def stop(hot: Hot, who: Principal, act_id: UUID, why: str, said: str) -> int:
    """End a locked act, and leave out what of it waits; gives how many items that is."""
    told = await hot.execute(STOP_ITEMS, who.project_id, act_id, why, said)
    await hot.execute(STOP, who.project_id, act_id, who.name)
    return int(told.split()[-1])


async def forget_items(hot: Hot, kept: timedelta, limit: int) -> int:
    """Forget the items of acts that ended longer ago than that, and keep their counts; gives how many acts."""
    told = await hot.execute(FORGET_ITEMS, kept, limit)
    return int(told.split()[-1])


async def set_state(hot: Hot, project_id: UUID, act_id: UUID, state: str) -> None:
    """Say how far a locked act has come."""
    await hot.execute(SET_STATE, project_id, act_id, state)


async def list_due(hot: Hot, limit: int) -> list[tuple[UUID, UUID]]:
    """List the acts that count and are not done, as project and id, those that have waited longest first."""
    return [(row["project_id"], row["id"]) for row in await hot.fetch(LIST_DUE, limit)]


async def lock_due(hot: Hot, project_id: UUID, act_id: UUID) -> Any:
    """Lock an act that counts and is not done; None where another worker has it, or it was taken back."""
    return await hot.fetchrow(LOCK_DUE, project_id, act_id)


async def find_next(hot: Hot, project_id: UUID, act_id: UUID) -> UUID | None:
    """Find the item of a locked act that is to be done next."""
    item_id: UUID | None = await hot.fetchval(NEXT_ITEM, project_id, act_id)
    return item_id


async def settle_item(
    hot: Hot, project_id: UUID, act_id: UUID, item_id: UUID, *, state: str, why: str = "", said: str = ""
) -> None:
    """Say what became of an item."""
    await hot.execute(SETTLE_ITEM, project_id, act_id, item_id, state, why, said)


async def fail_item(hot: Hot, project_id: UUID, act_id: UUID, item_id: UUID, why: str) -> None:
    """Count a failure to do an item; at the third it is left out for `why`, so that the others go on."""
    await hot.execute(FAIL_ITEM, project_id, act_id, item_id, why)
