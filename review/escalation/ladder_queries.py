"""The statements of a ladder's steps: whom a step could reach, and what it changes."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from review.escalation.rules import Case, Reach
from review.identity.queries import carries
from review.identity.rules import Permission
from review.kernel.db import driver_of
from review.kernel.ids import new_id
from review.queueing.rules import Seat

# `staff` are those who may work at all, in every pool or in their own. Leads are who may override: everywhere, or where
# they are bound to pools in the case's.
FIND_REACH = f"""
WITH staff AS MATERIALIZED (
  SELECT u.id, u.email, {carries("m", Permission.ALL_POOLS)} AS sees_all FROM memberships m
  JOIN users u ON u.id = m.user_id
  WHERE m.project_id = $1 AND {carries("m", Permission.WORK)} AND u.disabled_at IS NULL
), workers AS MATERIALIZED (
  SELECT s.id, s.email FROM staff s WHERE s.sees_all OR EXISTS (
    SELECT FROM pool_members p WHERE p.project_id = $1 AND p.pool = $2 AND p.email = s.email)
)
SELECT EXISTS (
    SELECT FROM memberships m JOIN users u ON u.id = m.user_id
    WHERE m.project_id = $1 AND {carries("m", Permission.OVERRIDE)} AND u.disabled_at IS NULL
      AND ({carries("m", Permission.ALL_POOLS)} OR EXISTS (
        SELECT FROM pool_members p WHERE p.project_id = $1 AND p.pool = $2 AND p.email = u.email))) AS has_leads,
  ARRAY(SELECT DISTINCT p.pool FROM pool_members p JOIN staff s ON s.email = p.email
        WHERE p.project_id = $1 AND p.pool = ANY ($3::text[])) AS pools,
  ARRAY(SELECT name FROM channel_states
        WHERE project_id = $1 AND name = ANY ($4::text[]) AND disabled_at IS NOT NULL) AS disabled_channels,
  ARRAY(SELECT u.email FROM memberships m JOIN users u ON u.id = m.user_id
        WHERE m.project_id = $1 AND u.email = ANY ($5::text[]) AND u.disabled_at IS NULL) AS people,
  (SELECT count(*) FROM workers) AS workers,
  (SELECT count(*) FROM workers w WHERE NOT EXISTS (
    SELECT FROM case_reviewers r WHERE r.project_id = $1 AND r.case_id = $6 AND r.user_id = w.id) AND NOT EXISTS (
    SELECT FROM assignments a WHERE a.project_id = $1 AND a.item_id = $8
      AND a.barred && ARRAY[w.id::text, w.email])) AS free,
  ARRAY(SELECT id FROM users WHERE id = ANY ($7::uuid[]) ORDER BY id) AS holder_ids,
  ARRAY(SELECT email FROM users WHERE id = ANY ($7::uuid[]) ORDER BY id) AS holder_names
"""

CHANGE_CASE = text("""
UPDATE cases SET pool = :pool, priority = :priority, reviews_required = :reviews_required,
                 escalation_level = escalation_level + 1
WHERE project_id = :project AND id = :case RETURNING escalation_level
""")
# Held seats stay where their holders found them; they move when they open again.
CHANGE_SEATS = text("""
UPDATE assignments SET priority = :priority,
  pool = CASE WHEN state = 'open' AND CAST(:moved AS boolean) THEN CAST(:pool AS text) ELSE pool END
WHERE project_id = :project AND case_id = :case AND state IN ('open', 'held')
""")
TAKES_TWO = text("""
SELECT (route ->> 'two_person')::boolean FROM item_bodies WHERE project_id = :project AND item_id = :item
""")
# What a stop `s` is of, beside an item `i`, its body `b`, and its `sender` with the `line` of keys that one comes from:
# a key is stopped with all that it was rotated through.
TOUCHES = """CASE s.kind
      WHEN 'project' THEN true
      WHEN 'source' THEN s.subject IN (SELECT id FROM sender UNION ALL SELECT id::text FROM line)
      WHEN 'item_type' THEN s.subject = i.type
      WHEN 'rule' THEN s.subject = b.route ->> 'rule'
      ELSE s.subject = b.details -> 'model' ->> 'name'
        OR s.subject = (b.details -> 'model' ->> 'name') || '@' || (b.details -> 'model' ->> 'version') END"""
IS_STOPPED = text(f"""
WITH RECURSIVE sender AS (
  SELECT submitted_by ->> 'id' AS id FROM item_bodies WHERE project_id = :project AND item_id = :item
), line AS (
  SELECT k.id, k.rotated_from FROM api_keys k JOIN sender ON k.project_id = :project AND k.id::text = sender.id
  UNION SELECT o.id, o.rotated_from FROM line JOIN api_keys o
  ON o.project_id = :project AND (o.id = line.rotated_from OR o.rotated_from = line.id)
)
SELECT EXISTS (
  SELECT FROM stops s
  JOIN items i ON i.project_id = s.project_id AND i.id = :item
  JOIN item_bodies b ON b.project_id = i.project_id AND b.item_id = i.id
  WHERE s.project_id = :project AND s.resumed_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > now())
    AND {TOUCHES})
""")
IS_UNCLEARED = text("""
SELECT EXISTS (
  SELECT FROM items i JOIN item_bodies b ON b.project_id = i.project_id AND b.item_id = i.id
  WHERE i.project_id = :project AND i.id = :item
    AND (cardinality(CAST(:types AS text[])) = 0 OR i.type = ANY (CAST(:types AS text[])))
    AND NOT EXISTS (
      SELECT FROM model_versions m
      WHERE m.project_id = i.project_id AND m.name = coalesce(b.details -> 'model' ->> 'name', '')
        AND m.version = coalesce(b.details -> 'model' ->> 'version', '')
        AND m.prompt_version = coalesce(b.details -> 'model' ->> 'prompt_version', '') AND m.state = 'cleared'))
""")
ADD_SEATS = text("""
INSERT INTO assignments (project_id, id, case_id, item_id, kind, pool, priority, due_at, state, barred)
SELECT c.project_id, g.id, c.id, c.item_id, 'review', c.pool, c.priority,
       CASE WHEN c.paused_at IS NULL THEN coalesce(c.due_at, 'infinity') ELSE 'infinity' END, 'open',
       (SELECT s.barred FROM assignments s WHERE s.project_id = c.project_id AND s.item_id = c.item_id LIMIT 1)
FROM cases c CROSS JOIN unnest(CAST(:ids AS uuid[])) AS g(id) WHERE c.project_id = :project AND c.id = :case
""")
LOCK_CASE = text("""
SELECT c.id, c.item_id, c.pool, c.priority, c.reviews_required, c.escalation_level, c.sla_policy, c.marks_passed,
       c.acknowledged_by, coalesce(c.clock_version, i.config_version) AS version, p.config_version AS active_version
FROM cases c JOIN items i ON i.project_id = c.project_id AND i.id = c.item_id JOIN projects p ON p.id = c.project_id
WHERE c.project_id = :project AND c.id = :case FOR UPDATE OF c
""")
MARK = text("""
UPDATE cases SET marks_passed = marks_passed || CAST(:keys AS text[]) WHERE project_id = :project AND id = :case
""")
ACKNOWLEDGE = text("""
UPDATE cases SET acknowledged_at = now(), acknowledged_by = :by
WHERE project_id = :project AND item_id = :item AND state = 'open' AND escalation_level > 0 AND acknowledged_at IS NULL
RETURNING acknowledged_at, acknowledged_by
""")
FIND_ACKNOWLEDGED = text("""
SELECT state, escalation_level, acknowledged_at, acknowledged_by FROM cases
WHERE project_id = :project AND item_id = :item
""")


async def find_reach(
    tx: AsyncSession, case: Case, seats: Collection[Seat], *, pool: str, targets: Collection[str]
) -> Reach:
    """Find whom a step could reach: by the names it gives, and in the pool in which the case would stand."""
    named = {
        kind: [name for target in targets for given, _, name in (target.partition(":"),) if given == kind]
        for kind in ("pool", "channel")
    }
    holders = [seat.holder_id for seat in seats if seat.holder_id is not None]
    hot = await driver_of(tx)
    row: Any = await hot.fetchrow(
        FIND_REACH,
        case.project_id,
        pool,
        named["pool"],
        named["channel"],
        list(targets),
        case.id,
        holders,
        case.item_id,
    )
    return Reach(
        has_leads=row["has_leads"],
        pools=frozenset(row["pools"]),
        disabled_channels=frozenset(row["disabled_channels"]),
        people=frozenset(row["people"]),
        workers=row["workers"],
        free=row["free"],
        holders=dict(zip(row["holder_ids"], row["holder_names"], strict=True)),
    )


async def change(tx: AsyncSession, before: Case, after: Case) -> int:
    """Give a locked case and its seats, locked too, the pool and priority it has now, one level up; gives the level."""
    key = {"project": after.project_id, "case": after.id, "pool": after.pool, "priority": after.priority}
    level = await tx.scalar(CHANGE_CASE, {**key, "reviews_required": after.reviews_required})
    await tx.execute(CHANGE_SEATS, {**key, "moved": after.pool != before.pool})
    return int(level or 0)


async def takes_two(tx: AsyncSession, case: Case) -> bool:
    """Tell whether the item of a case arrived as one that nobody decides alone."""
    return bool(await tx.scalar(TAKES_TWO, {"project": case.project_id, "item": case.item_id}))


async def is_stopped(tx: AsyncSession, case: Case) -> bool:
    """Tell whether the sender or the type of a case's item is stopped now."""
    return bool(await tx.scalar(IS_STOPPED, {"project": case.project_id, "item": case.item_id}))


async def is_uncleared(tx: AsyncSession, project_id: UUID, item_id: UUID, types: Sequence[str]) -> bool:
    """Tell whether an item is of one of these types, or of any, and what made it is not cleared now."""
    given = {"project": project_id, "item": item_id, "types": list(types)}
    return bool(await tx.scalar(IS_UNCLEARED, given))


async def add_seats(tx: AsyncSession, case: Case, count: int) -> None:
    """Add open seats to a locked case, in its pool and with its priority."""
    ids = [new_id() for _ in range(count)]
    await tx.execute(ADD_SEATS, {"ids": ids, "project": case.project_id, "case": case.id})


async def lock_case(tx: AsyncSession, project_id: UUID, case_id: UUID) -> Case:
    """Lock a case, after its seats."""
    row = (await tx.execute(LOCK_CASE, {"project": project_id, "case": case_id})).mappings().one()
    return Case(
        project_id=project_id,
        id=row["id"],
        item_id=row["item_id"],
        pool=row["pool"],
        priority=row["priority"],
        reviews_required=row["reviews_required"],
        level=row["escalation_level"],
        sla_policy=row["sla_policy"],
        version=row["version"],
        active_version=row["active_version"],
        passed=frozenset(row["marks_passed"]),
        acknowledged_by=row["acknowledged_by"],
    )


async def mark(tx: AsyncSession, case: Case, keys: Sequence[str]) -> None:
    """Keep it that these marks of a locked case have had their effect."""
    await tx.execute(MARK, {"keys": list(keys), "project": case.project_id, "case": case.id})


async def acknowledge(tx: AsyncSession, project_id: UUID, item_id: UUID, by: str) -> Any:
    """Keep it that somebody knows of the open item's escalation; gives the row if it was the first to."""
    return (await tx.execute(ACKNOWLEDGE, {"project": project_id, "item": item_id, "by": by})).one_or_none()


async def find_acknowledged(tx: AsyncSession, project_id: UUID, item_id: UUID) -> Any:
    """Read whether an item's case has escalated, and who knows of it; None where there is no case."""
    return (await tx.execute(FIND_ACKNOWLEDGED, {"project": project_id, "item": item_id})).one_or_none()
