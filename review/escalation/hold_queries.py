"""Every statement on what stops hold: which of it may go on, and the seats that it is then given."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from review.escalation.ladder_queries import TOUCHES
from review.kernel.db import Hot

# The stops that held something and have ended. Stops that hold are few, and each is one look into an index: no mark is
# set once all is let go, for an item that was on its way when its stop ended is stored after that.
LIST_ENDED = """
SELECT s.project_id, s.id, s.afterwards FROM stops s
WHERE s.way = 'hold' AND (s.resumed_at IS NOT NULL OR s.expires_at <= now())
  AND EXISTS (SELECT FROM held_items h
              WHERE h.project_id = s.project_id AND h.stop_id = s.id AND h.next_try_at <= now())
ORDER BY s.id LIMIT $1
"""
LOCK_HELD = """
SELECT h.item_id, h.paused_at, h.barred, h.stop_id, coalesce(c.reviews_required, 1) AS reviews_required
FROM held_items h LEFT JOIN cases c ON c.project_id = h.project_id AND c.item_id = h.item_id
WHERE h.project_id = $1 AND h.stop_id = $2 AND h.next_try_at <= now()
ORDER BY h.next_try_at, h.item_id LIMIT $3 FOR UPDATE OF h SKIP LOCKED
"""
FIND_ANOTHER = f"""
WITH RECURSIVE sender AS (
  SELECT submitted_by ->> 'id' AS id FROM item_bodies WHERE project_id = $1 AND item_id = $2
), line AS (
  SELECT k.id, k.rotated_from FROM api_keys k JOIN sender ON k.project_id = $1 AND k.id::text = sender.id
  UNION SELECT o.id, o.rotated_from FROM line JOIN api_keys o
  ON o.project_id = $1 AND (o.id = line.rotated_from OR o.rotated_from = line.id)
)
SELECT s.id FROM stops s
JOIN items i ON i.project_id = s.project_id AND i.id = $2
JOIN item_bodies b ON b.project_id = i.project_id AND b.item_id = i.id
WHERE s.project_id = $1 AND (s.way = 'hold' OR NOT $3) AND s.resumed_at IS NULL
  AND (s.expires_at IS NULL OR s.expires_at > now())
  AND {TOUCHES} ORDER BY s.id LIMIT 1
"""
# A stop of a rule is of whatever that rule decides now, by whichever rule the item came.
LIST_STOPPED_RULES = """
SELECT subject FROM stops
WHERE project_id = $1 AND kind = 'rule' AND resumed_at IS NULL AND (expires_at IS NULL OR expires_at > now())
"""
GET_FACTS = """
SELECT i.type, i.created_at, b.input::text AS input, b.output::text AS output, b.details::text AS details
FROM items i JOIN item_bodies b ON b.project_id = i.project_id AND b.item_id = i.id
WHERE i.project_id = $1 AND i.id = $2
"""
HAND_ON = "UPDATE held_items SET stop_id = $3 WHERE project_id = $1 AND item_id = $2"
PUT_OFF = "UPDATE held_items SET next_try_at = now() + interval '1 minute' WHERE project_id = $1 AND item_id = $2"
LET_GO = "DELETE FROM held_items WHERE project_id = $1 AND item_id = $2"
GET_POOL = "SELECT pool FROM cases WHERE project_id = $1 AND id = $2"
SET_POOL = "UPDATE cases SET pool = $3 WHERE project_id = $1 AND id = $2"
OPEN_SEATS = """
INSERT INTO assignments (project_id, id, case_id, item_id, kind, pool, priority, due_at, state, barred)
SELECT c.project_id, g.id, c.id, c.item_id, 'review', c.pool, c.priority,
       CASE WHEN c.paused_at IS NULL THEN coalesce(c.due_at, 'infinity') ELSE 'infinity' END, 'open', $4
FROM cases c CROSS JOIN unnest($3::uuid[]) AS g(id) WHERE c.project_id = $1 AND c.id = $2
RETURNING pool, priority
"""


async def list_ended(hot: Hot, limit: int) -> list[tuple[UUID, UUID, str]]:
    """List stops that have ended and still hold something: project, stop, and who judges it."""
    return [(row["project_id"], row["id"], row["afterwards"]) for row in await hot.fetch(LIST_ENDED, limit)]


async def lock_held(driver: Hot, project_id: UUID, stop_id: UUID, limit: int) -> list[Any]:
    """Lock what a stop holds, the oldest first; what another process lets go is passed by."""
    return await driver.fetch(LOCK_HELD, project_id, stop_id, limit)


async def find_another(driver: Hot, project_id: UUID, item_id: UUID, *, holding: bool = True) -> UUID | None:
    """Find a stop that stands and touches an item, of those that hold or of all."""
    found: UUID | None = await driver.fetchval(FIND_ANOTHER, project_id, item_id, holding)
    return found


async def list_stopped_rules(driver: Hot, project_id: UUID) -> frozenset[str]:
    """Name the rules that are stopped, in whatever way."""
    return frozenset(row["subject"] for row in await driver.fetch(LIST_STOPPED_RULES, project_id))


async def get_facts(driver: Hot, project_id: UUID, item_id: UUID) -> tuple[dict[str, Any], datetime]:
    """Read an item as conditions see it, and when it was stored."""
    row: Any = await driver.fetchrow(GET_FACTS, project_id, item_id)
    payload = {name: msgspec.json.decode(row[name]) for name in ("input", "output")}
    return {**msgspec.json.decode(row["details"]), "type": row["type"], **payload}, row["created_at"]


async def hand_on(driver: Hot, project_id: UUID, item_id: UUID, stop_id: UUID) -> None:
    """Note that another stop holds an item now."""
    await driver.execute(HAND_ON, project_id, item_id, stop_id)


async def put_off(driver: Hot, project_id: UUID, item_id: UUID) -> None:
    """Try again in a minute."""
    await driver.execute(PUT_OFF, project_id, item_id)


async def let_go(driver: Hot, project_id: UUID, item_id: UUID) -> None:
    """Note that nothing holds an item any more."""
    await driver.execute(LET_GO, project_id, item_id)


async def get_pool(driver: Hot, project_id: UUID, case_id: UUID) -> str:
    """Tell in which pool a case is."""
    return str(await driver.fetchval(GET_POOL, project_id, case_id))


async def set_pool(driver: Hot, project_id: UUID, case_id: UUID, pool: str) -> None:
    """Move a locked case without seats to another pool."""
    await driver.execute(SET_POOL, project_id, case_id, pool)


async def open_seats(
    driver: Hot, project_id: UUID, case_id: UUID, seat_ids: Sequence[UUID], barred: Sequence[str] | None
) -> Any:
    """Open the seats of a locked case; gives their pool and priority."""
    return await driver.fetchrow(OPEN_SEATS, project_id, case_id, list(seat_ids), barred)
