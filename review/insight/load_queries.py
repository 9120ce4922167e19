"""The statement that tells who has how much work: what is in hand by its own index, what was done by each one's own."""

from datetime import datetime
from typing import Any
from uuid import UUID

from review.kernel.db import Hot

# Everybody who is in one of the pools or has something of them in hand. The reviews of each come out of the index on
# reviewer and time, newest first, $4 at most, and count where their seat was in one of the pools.
LIST_LOAD = """
WITH held AS MATERIALIZED (
  SELECT holder_id, count(*) FILTER (WHERE aside_fence IS DISTINCT FROM fence) AS in_hand,
         count(*) FILTER (WHERE aside_fence = fence) AS aside,
         min(claimed_at) FILTER (WHERE aside_fence IS DISTINCT FROM fence) AS oldest,
         count(*) FILTER (WHERE due_at <= now()) AS overdue
  FROM assignments WHERE project_id = $1 AND state = 'held' AND pool = ANY($2::text[])
    AND ahead_fence IS DISTINCT FROM fence AND given_fence IS DISTINCT FROM fence GROUP BY holder_id
), people AS (
  SELECT u.id, u.email, u.name FROM users u
  WHERE u.email IN (SELECT email FROM pool_members WHERE project_id = $1 AND pool = ANY($2::text[]))
     OR u.id IN (SELECT holder_id FROM held)
  ORDER BY u.email LIMIT $5
)
SELECT p.email, p.name, coalesce(h.in_hand, 0) AS in_hand, coalesce(h.aside, 0) AS aside, h.oldest,
       coalesce(h.overdue, 0) AS overdue, d.done, d.pace_seconds
FROM people p LEFT JOIN held h ON h.holder_id = p.id
CROSS JOIN LATERAL (
  SELECT count(*) AS done, percentile_cont(0.5) WITHIN GROUP (ORDER BY r.held_seconds) AS pace_seconds
  FROM (SELECT assignment_id, held_seconds FROM reviews
        WHERE project_id = $1 AND reviewer_id = p.id AND submitted_at >= $3 ORDER BY submitted_at DESC LIMIT $4) r
  CROSS JOIN LATERAL (
    SELECT FROM assignments a
    WHERE a.project_id = $1 AND a.id = r.assignment_id AND a.pool = ANY($2::text[]) OFFSET 0) a
) d
ORDER BY p.email
"""


async def list_load(
    hot: Hot, project_id: UUID, pools: list[str], since: datetime, *, done: int, people: int
) -> list[Any]:
    """Read what everybody in these pools has in hand and has done since then, `done` reviews each at most."""
    return await hot.fetch(LIST_LOAD, project_id, pools, since, done, people)
