"""Every statement that puts an item elsewhere in the queues, or somebody at a seat of it for one act."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from review.identity.rules import Principal
from review.kernel.db import Hot
from review.queueing.rules import Seat

# No timer goes with it: the seat is settled in the same transaction.
TAKE = """
WITH seated AS (
  INSERT INTO case_reviewers (project_id, case_id, user_id, assignment_id, part) VALUES ($1, $2, $3, $4, 'holding')
  ON CONFLICT DO NOTHING RETURNING assignment_id
)
UPDATE assignments a SET state = 'held', holder_id = $3, fence = a.fence + 1, claimed_at = now(), lease = $5,
                         lease_until = now() + $5
FROM seated s WHERE a.project_id = $1 AND a.id = s.assignment_id AND a.state = 'open' RETURNING a.fence
"""

MOVE = """
WITH was AS MATERIALIZED (SELECT pool FROM cases WHERE project_id = $1 AND id = $2),
moved AS (UPDATE cases SET pool = $3 WHERE project_id = $1 AND id = $2),
seats AS (UPDATE assignments SET pool = $3
          WHERE project_id = $1 AND case_id = $2 AND kind = 'review' AND state = 'open')
SELECT pool FROM was
"""

PRIORITISE = """
WITH was AS MATERIALIZED (SELECT priority FROM cases WHERE project_id = $1 AND id = $2),
raised AS (UPDATE cases SET priority = $3 WHERE project_id = $1 AND id = $2),
seats AS (UPDATE assignments SET priority = $3
          WHERE project_id = $1 AND case_id = $2 AND state IN ('open', 'held'))
SELECT priority FROM was
"""

GET_HOLDER = "SELECT email FROM users WHERE id = $1"


async def take(hot: Hot, who: Principal, seat: Seat, lease: timedelta) -> Any:
    """Put somebody at a locked open seat; gives the fence, None where they sit elsewhere in the case."""
    return await hot.fetchval(TAKE, who.project_id, seat.case_id, who.id, seat.id, lease)


async def move(hot: Hot, project_id: UUID, case_id: UUID, pool: str) -> Any:
    """Put a case, whose seats are locked, and its open reviewers' seats into a pool; gives the one it was in."""
    return await hot.fetchval(MOVE, project_id, case_id, pool)


async def prioritise(hot: Hot, project_id: UUID, case_id: UUID, priority: int) -> Any:
    """Give a case, whose seats are locked, and what is open of them a priority; gives the one it had."""
    return await hot.fetchval(PRIORITISE, project_id, case_id, priority)


async def get_holder(hot: Hot, user_id: UUID) -> Any:
    """Read the e-mail of somebody who has a seat."""
    return await hot.fetchval(GET_HOLDER, user_id)
