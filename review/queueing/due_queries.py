"""What is due soon in a project, and the clocks of the cases that a page shows."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from review.kernel.db import Hot

# Each pool gives its first lines by the index assignments_due, so that a page costs what it shows; what is held is
# never much, and has its own index.
LIST_DUE = """
SELECT a.id, a.item_id, a.pool, a.kind, a.state, a.due_at, i.type, i.external_id, b.input, u.email AS holder
FROM (
  SELECT o.* FROM unnest($2::text[]) AS p(pool) CROSS JOIN LATERAL (
    SELECT id, item_id, pool, kind, state, due_at, holder_id FROM assignments
    WHERE project_id = $1 AND pool = p.pool AND state = 'open' AND due_at < 'infinity' AND due_at < now() + $3
      AND (due_at, id) > ($4, $5)
    ORDER BY due_at, id LIMIT $6) o
  UNION ALL
  SELECT id, item_id, pool, kind, state, due_at, holder_id FROM assignments
  WHERE project_id = $1 AND state = 'held' AND pool = ANY($2::text[]) AND due_at < now() + $3
    AND (due_at, id) > ($4, $5)
  ORDER BY due_at, id LIMIT $6
) a
JOIN items i ON i.project_id = $1 AND i.id = a.item_id
JOIN item_bodies b ON b.project_id = $1 AND b.item_id = a.item_id
LEFT JOIN users u ON u.id = a.holder_id
ORDER BY a.due_at, a.id
"""

COUNT_DUE = """
SELECT count(*) FILTER (WHERE due_at <= now()) AS overdue, count(*) FILTER (WHERE due_at > now()) AS soon
FROM (
  SELECT o.due_at FROM unnest($2::text[]) AS p(pool) CROSS JOIN LATERAL (
    SELECT due_at FROM assignments
    WHERE project_id = $1 AND pool = p.pool AND state = 'open' AND due_at < 'infinity' AND due_at < now() + $3
    ORDER BY due_at LIMIT $4) o
  UNION ALL
  SELECT due_at FROM assignments
  WHERE project_id = $1 AND state = 'held' AND pool = ANY($2::text[]) AND due_at < now() + $3
  LIMIT $4
) due
"""

LIST_MY_POOLS = "SELECT DISTINCT pool FROM pool_members WHERE project_id = $1 AND email = $2"

LIST_CLOCKS = """
SELECT c.item_id, c.sla_policy, coalesce(c.clock_version, i.config_version) AS version, c.due_at, c.warn_at,
       c.paused_at, (b.route ->> 'priority')::int AS arrived, k.reason AS paused_because, k.paused_by
FROM cases c
JOIN items i ON i.project_id = c.project_id AND i.id = c.item_id
JOIN item_bodies b ON b.project_id = c.project_id AND b.item_id = c.item_id
LEFT JOIN clock_pauses k ON k.project_id = c.project_id AND k.case_id = c.id AND k.paused_at = c.paused_at
WHERE c.project_id = $1 AND c.item_id = ANY($2::uuid[]) AND c.state = 'open' AND c.due_at IS NOT NULL
"""


async def list_due(
    hot: Hot, project_id: UUID, pools: list[str], within: timedelta, *, after: tuple[datetime, UUID], limit: int
) -> list[Any]:
    """Read seats due within so long, open or held, the most overdue first, behind the place `after`."""
    return await hot.fetch(LIST_DUE, project_id, pools, within, *after, limit)


async def count_due(hot: Hot, project_id: UUID, pools: list[str], within: timedelta, cap: int) -> Any:
    """Count what is overdue and what is due within so long, of up to `cap` seats, the most overdue ones."""
    return await hot.fetchrow(COUNT_DUE, project_id, pools, within, cap)


async def ask_the_time(hot: Hot) -> datetime:
    """Read the database's time."""
    at: datetime = await hot.fetchval("SELECT now()")
    return at


async def list_my_pools(hot: Hot, project_id: UUID, email: str) -> set[str]:
    """Read the names of the pools that somebody is in."""
    return {row["pool"] for row in await hot.fetch(LIST_MY_POOLS, project_id, email)}


async def list_clocks(hot: Hot, project_id: UUID, item_ids: list[UUID]) -> list[Any]:
    """Read the clocks of open cases that have one, by item."""
    return await hot.fetch(LIST_CLOCKS, project_id, item_ids)
