"""Every statement that puts what a rule has decided before people."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from review.kernel.db import Hot

GET_BODY = """
SELECT i.type, b.input::text AS input, b.output::text AS output, b.details::text AS details,
       b.submitted_by::text AS submitted_by
FROM items i JOIN item_bodies b ON b.project_id = i.project_id AND b.item_id = i.id
WHERE i.project_id = $1 AND i.id = $2 AND i.state = 'decided' AND i.erased_at IS NULL
  AND NOT EXISTS (SELECT FROM cases c WHERE c.project_id = i.project_id AND c.item_id = i.id) FOR UPDATE OF i
"""
# The time of its first closing stays, as that of its decision does, which counts until there is another.
REOPEN = """
WITH item AS (
  UPDATE items SET state = 'open' WHERE project_id = $1 AND id = $2
), opened AS (
  INSERT INTO cases (project_id, id, item_id, state, pool, priority, reviews_required)
  VALUES ($1, $3, $2, 'open', $4, $5, cardinality($6::uuid[]))
)
INSERT INTO assignments (project_id, id, case_id, item_id, kind, pool, priority, due_at, state, barred)
SELECT $1, id, $3, $2, 'review', $4, $5, 'infinity', 'open', $7 FROM unnest($6::uuid[]) AS g(id)
"""


async def lock_decided(driver: Hot, project_id: UUID, item_id: UUID) -> Any:
    """Lock an item that was decided without people, and read what it says; None where it is not such a one."""
    return await driver.fetchrow(GET_BODY, project_id, item_id)


async def reopen(
    driver: Hot,
    project_id: UUID,
    item_id: UUID,
    *,
    case_id: UUID,
    pool: str,
    priority: int,
    seat_ids: Sequence[UUID],
    barred: Sequence[str] | None,
) -> None:
    """Open a case with its seats for a locked item, which is open again."""
    seats = list(seat_ids)
    await driver.execute(REOPEN, project_id, item_id, case_id, pool, priority, seats, barred or None)
