"""Every statement on questions to upstream: asking, answering, and the seat that takes the place of the one left."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from review.identity.queries import carries
from review.identity.rules import Permission
from review.kernel.db import Hot
from review.kernel.timers import TimerKind

IS_WAITING = "SELECT EXISTS (SELECT FROM item_questions WHERE project_id = $1 AND item_id = $2 AND returned_at IS NULL)"
LOCK_QUESTION = """
SELECT q.*, u.email AS asker FROM item_questions q JOIN users u ON u.id = q.asked_by
WHERE q.project_id = $1 AND q.id = $2 FOR UPDATE OF q
"""
FIND_ITEM = "SELECT item_id FROM item_questions WHERE project_id = $1 AND id = $2"
ANSWER = """
UPDATE item_questions SET answer = $3, answered_by = $4, answered_at = clock_timestamp()
WHERE project_id = $1 AND id = $2
"""
SET_RETURNED = "UPDATE item_questions SET returned_at = clock_timestamp() WHERE project_id = $1 AND id = $2"

SET_TIMER = f"""
INSERT INTO timers (project_id, kind, subject_id, generation, fire_at) VALUES ($1, '{TimerKind.QUESTION}', $2, 0, $3)
"""
# A timer that a sweep has in hand is left to it: it finds that the seat is back already.
END_TIMER = f"""
DELETE FROM timers t USING (
  SELECT project_id, subject_id FROM timers WHERE project_id = $1 AND kind = '{TimerKind.QUESTION}' AND subject_id = $2
  FOR UPDATE SKIP LOCKED
) free WHERE t.project_id = free.project_id AND t.kind = '{TimerKind.QUESTION}' AND t.subject_id = free.subject_id
"""
LOCK_DUE = f"""
SELECT project_id, subject_id FROM timers WHERE kind = '{TimerKind.QUESTION}' AND fire_at <= now()
ORDER BY fire_at LIMIT $1 FOR UPDATE SKIP LOCKED
"""
PUT_OFF = f"""
UPDATE timers SET fire_at = now() + interval '1 minute'
WHERE project_id = $1 AND kind = '{TimerKind.QUESTION}' AND subject_id = $2
"""

# A reviewer's seat stands in the queue where its case is now; any other in the pool that it was opened for.
REOPEN = """
INSERT INTO assignments (project_id, id, case_id, item_id, kind, pool, priority, due_at, state, sees_answers, barred)
SELECT c.project_id, $3, c.id, c.item_id, s.kind, CASE WHEN s.kind = 'review' THEN c.pool ELSE s.pool END, c.priority,
       CASE WHEN c.paused_at IS NULL THEN coalesce(c.due_at, 'infinity') ELSE 'infinity' END, 'open', s.sees_answers,
       s.barred
FROM assignments s JOIN cases c ON c.project_id = s.project_id AND c.id = s.case_id
WHERE s.project_id = $1 AND s.id = $2 RETURNING pool, kind
"""
LEAVE_CASE = "DELETE FROM case_reviewers WHERE project_id = $1 AND case_id = $2 AND user_id = $3 AND part = 'holding'"
SIT_DOWN = """
UPDATE case_reviewers SET assignment_id = $4
WHERE project_id = $1 AND case_id = $2 AND user_id = $3 AND part = 'holding' RETURNING user_id
"""
HOLD = """
UPDATE assignments SET state = 'held', holder_id = $3, fence = fence + 1, claimed_at = now(), lease = $4,
                       lease_until = now() + $4
WHERE project_id = $1 AND id = $2 RETURNING fence, lease_until
"""
SET_LEASE_TIMER = f"""
INSERT INTO timers (project_id, kind, subject_id, generation, fire_at) VALUES ($1, '{TimerKind.LEASE}', $2, $3, $4)
"""
STILL_WORKS = f"""
SELECT EXISTS (SELECT FROM memberships m JOIN users u ON u.id = m.user_id
  WHERE m.project_id = $1 AND m.user_id = $2 AND u.disabled_at IS NULL AND {carries("m", Permission.WORK)}
    AND ({carries("m", Permission.ALL_POOLS)} OR EXISTS (SELECT FROM pool_members p
         WHERE p.project_id = m.project_id AND p.pool = $3 AND p.email = u.email)))
"""


async def is_waiting(driver: Hot, project_id: UUID, item_id: UUID) -> bool:
    """Tell whether a question about an item waits for its answer."""
    return bool(await driver.fetchval(IS_WAITING, project_id, item_id))


async def lock_question(driver: Hot, project_id: UUID, question_id: UUID) -> Any:
    """Lock a question, after the seats, the item and the case; None where there is no such one."""
    return await driver.fetchrow(LOCK_QUESTION, project_id, question_id)


async def lock_due(driver: Hot, limit: int) -> list[tuple[UUID, UUID]]:
    """Lock the timers of questions that have waited long enough: project and question."""
    return [(row["project_id"], row["subject_id"]) for row in await driver.fetch(LOCK_DUE, limit)]


async def reopen(driver: Hot, project_id: UUID, left: UUID, assignment_id: UUID) -> Any:
    """Open a seat in the place of the one that was left; gives its pool and kind."""
    return await driver.fetchrow(REOPEN, project_id, left, assignment_id)


async def still_works(driver: Hot, project_id: UUID, user_id: UUID, pool: str) -> bool:
    """Tell whether somebody may still work a pool."""
    return bool(await driver.fetchval(STILL_WORKS, project_id, user_id, pool))


async def hold(
    driver: Hot, project_id: UUID, *, case_id: UUID, user_id: UUID, assignment_id: UUID, lease: timedelta
) -> tuple[int, datetime] | None:
    """Put somebody into a seat whose case they have left only to ask; gives fence and lease, None where they cannot."""
    if await driver.fetchval(SIT_DOWN, project_id, case_id, user_id, assignment_id) is None:
        return None
    row: Any = await driver.fetchrow(HOLD, project_id, assignment_id, user_id, lease)
    await driver.execute(SET_LEASE_TIMER, project_id, assignment_id, row["fence"], row["lease_until"])
    return row["fence"], row["lease_until"]
