"""Every statement on drafts, and on how much somebody has done today."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from review.identity.rules import Principal
from review.kernel.db import Hot

# A draft that the page did not know of is left as it is, and so is what comes late, after the review.
SAVE = """
INSERT INTO drafts AS d (project_id, user_id, item_id, version, fields)
SELECT $1, $2, $3, greatest($5, 0) + 1, $6
WHERE NOT EXISTS (SELECT FROM case_reviewers r
                  WHERE r.project_id = $1 AND r.case_id = $4 AND r.user_id = $2 AND r.part = 'reviewed')
ON CONFLICT (project_id, user_id, item_id)
DO UPDATE SET version = d.version + 1, fields = $6, saved_at = now() WHERE d.version = $5 OR $5 < 0
RETURNING version, saved_at
"""
OWN = "SELECT version, fields, saved_at FROM drafts WHERE project_id = $1 AND user_id = $2 AND item_id = {item}"
FIND = OWN.format(item="$3")
DELETE = "DELETE FROM drafts WHERE project_id = $1 AND user_id = $2 AND item_id = $3"
FORGET_OLD = "DELETE FROM drafts WHERE saved_at < now() - $1::interval"

# Somebody's reviews since then, with the seconds between them and since when no rest came in between: the newest so
# many of them, out of the index alone; the few that may still be taken back; and what waits in a pool.
COUNT_DONE = """
WITH mine AS MATERIALIZED (
  (SELECT submitted_at FROM reviews WHERE project_id = $1 AND reviewer_id = $2 AND submitted_at >= $3
   ORDER BY submitted_at DESC LIMIT $4)
  UNION ALL
  SELECT submitted_at FROM pending_judgements
  WHERE project_id = $1 AND reviewer_id = $2 AND submitted_at >= $3 AND dropped_at IS NULL
), spaced AS (
  SELECT submitted_at, submitted_at - lag(submitted_at) OVER (ORDER BY submitted_at) AS gap FROM mine
)
SELECT count(*) AS done, avg(extract(epoch FROM gap)) FILTER (WHERE gap <= $5::interval) AS pace_seconds,
       max(submitted_at) FILTER (WHERE gap IS NULL OR gap > $5::interval) AS steady_since,
       max(submitted_at) > now() - $5::interval AS is_steady,
       (SELECT count(*) FROM (
          SELECT FROM assignments WHERE project_id = $1 AND pool = $6 AND state = 'open' LIMIT $7) open) AS waiting
FROM spaced
"""


async def save(hot: Hot, who: Principal, *, item_id: UUID, case_id: UUID, version: int, fields: str) -> Any:
    """Save a draft in the place of this version, 0 for none, -1 for any; None where it cannot be."""
    return await hot.fetchrow(SAVE, who.project_id, who.id, item_id, case_id, version, fields)


async def find(hot: Hot, who: Principal, item_id: UUID) -> Any:
    """Find the caller's own draft of an item."""
    return await hot.fetchrow(FIND, who.project_id, who.id, item_id)


async def delete(hot: Hot, who: Principal, item_id: UUID) -> None:
    """Delete the caller's own draft of an item, if there is one."""
    await hot.execute(DELETE, who.project_id, who.id, item_id)


async def forget_old(hot: Hot, span: timedelta) -> int:
    """Delete drafts that were not touched for so long; gives how many those were."""
    return int((await hot.execute(FORGET_OLD, span)).split()[-1])
