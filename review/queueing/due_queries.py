"""What is due soon in a project, and the clocks of the cases that a page shows."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from review.identity.rules import Principal
from review.items.blindness import pause_words
from review.kernel.db import Hot

# Each pool gives its first items by the index assignments_due, so that a page costs what it shows; what is held is
# never much, and has its own index. Whatever is among the first of all is among the first of each that has it.
LIST_DUE = """
SELECT d.item_id, d.due_at, d.pools, d.wanted, i.type, i.external_id, b.input,
  ARRAY(SELECT u.email FROM users u WHERE u.id = ANY(d.holders) ORDER BY u.email) AS holders
FROM (
  SELECT s.item_id, s.due_at, array_agg(DISTINCT s.pool) AS pools, sum(s.wanted)::int AS wanted,
    array_remove(array_agg(s.holder_id), NULL) AS holders
  FROM (
    SELECT o.item_id, o.due_at, p.pool, o.wanted, NULL::uuid AS holder_id
    FROM unnest($2::text[]) AS p(pool) CROSS JOIN LATERAL (
      SELECT item_id, due_at, count(*) AS wanted FROM assignments
      WHERE project_id = $1 AND pool = p.pool AND state = 'open' AND due_at < 'infinity' AND due_at < now() + $3
        AND (due_at, item_id) > ($4, $5)
      GROUP BY due_at, item_id ORDER BY due_at, item_id LIMIT $6) o
    UNION ALL
    SELECT item_id, due_at, pool, 1, holder_id FROM assignments
    WHERE project_id = $1 AND state = 'held' AND pool = ANY($2::text[]) AND due_at < now() + $3
      AND (due_at, item_id) > ($4, $5)
  ) s
  GROUP BY s.due_at, s.item_id ORDER BY s.due_at, s.item_id LIMIT $6
) d
JOIN items i ON i.project_id = $1 AND i.id = d.item_id
JOIN item_bodies b ON b.project_id = $1 AND b.item_id = d.item_id
ORDER BY d.due_at, d.item_id
"""

COUNT_DUE = """
SELECT count(DISTINCT item_id) FILTER (WHERE due_at <= now()) AS overdue,
  count(DISTINCT item_id) FILTER (WHERE due_at > now()) AS soon, count(*) >= $4 AS is_capped
FROM (
  SELECT o.item_id, o.due_at FROM unnest($2::text[]) AS p(pool) CROSS JOIN LATERAL (
    SELECT item_id, due_at FROM assignments
    WHERE project_id = $1 AND pool = p.pool AND state = 'open' AND due_at < 'infinity' AND due_at < now() + $3
    ORDER BY due_at LIMIT $4) o
  UNION ALL
  SELECT item_id, due_at FROM assignments
  WHERE project_id = $1 AND state = 'held' AND pool = ANY($2::text[]) AND due_at < now() + $3
  LIMIT $4
) due
"""

# {words} is why the clock stands still, as the caller may hear it.
CLOCKS = """
SELECT c.item_id, c.sla_policy, coalesce(c.clock_version, i.config_version) AS version, c.due_at, c.warn_at,
       c.paused_at, (b.route ->> 'priority')::int AS arrived, {words} AS paused_because, k.paused_by
FROM cases c
JOIN items i ON i.project_id = c.project_id AND i.id = c.item_id
JOIN item_bodies b ON b.project_id = c.project_id AND b.item_id = c.item_id
LEFT JOIN clock_pauses k ON k.project_id = c.project_id AND k.case_id = c.id AND k.paused_at = c.paused_at
WHERE c.project_id = $1 AND c.item_id = ANY({items}) AND c.state = 'open' AND c.due_at IS NOT NULL
"""
LIST_CLOCKS = CLOCKS.format(items="$2::uuid[]", words=pause_words("$3", "$4"))


async def list_due(
    hot: Hot, project_id: UUID, pools: list[str], within: timedelta, *, after: tuple[datetime, UUID], limit: int
) -> list[Any]:
    """Read items due within so long, waiting or in hand, the most overdue first, behind the place `after`."""
    return await hot.fetch(LIST_DUE, project_id, pools, within, *after, limit)


async def count_due(hot: Hot, project_id: UUID, pools: list[str], within: timedelta, cap: int) -> Any:
    """Count the items that are overdue and those due within so long, looking at `cap` seats at most."""
    return await hot.fetchrow(COUNT_DUE, project_id, pools, within, cap)


async def list_clocks(hot: Hot, who: Principal, item_ids: list[UUID]) -> list[Any]:
    """Read the clocks of open cases that have one, by item."""
    return await hot.fetch(LIST_CLOCKS, who.project_id, item_ids, who.id, who.is_blind)
