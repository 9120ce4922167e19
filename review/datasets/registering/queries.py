"""Every statement on registrations: asking for one, taking one on, and what became of it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from review.kernel.db import Hot

ADD = """
INSERT INTO snapshot_registrations (project_id, snapshot_id, place) SELECT $1, $2, unnest($3::text[])
ON CONFLICT DO NOTHING
"""
# Who takes one on has it until the lease is over; it is then due again.
CLAIM = """
WITH due AS (
  SELECT project_id, snapshot_id, place FROM snapshot_registrations
  WHERE state = 'waiting' AND next_at <= now() AND place = ANY($2::text[])
  ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED
), taken AS (
  UPDATE snapshot_registrations r SET fence = r.fence + 1, tries = r.tries + 1, next_at = now() + $1::interval
  FROM due WHERE r.project_id = due.project_id AND r.snapshot_id = due.snapshot_id AND r.place = due.place
  RETURNING r.project_id, r.snapshot_id, r.place, r.fence, r.tries
)
SELECT t.project_id, t.snapshot_id, t.place, t.fence, t.tries, s.state, s.manifest::text AS manifest,
       s.tombstone::text AS tombstone, s.ended_at, p.slug AS project
FROM taken t
JOIN snapshots s ON s.project_id = t.project_id AND s.id = t.snapshot_id
JOIN projects p ON p.id = t.project_id
"""
_MINE = "WHERE project_id = $1 AND snapshot_id = $2 AND place = $3 AND fence = $4 AND state = 'waiting'"
# What was withdrawn while it was being told is told again.
DONE = """
UPDATE snapshot_registrations r
SET state = CASE WHEN s.state = $6 THEN 'done' ELSE 'waiting' END, tries = 0, next_at = now(), error = '', url = $5,
    told_at = now()
FROM snapshots s
WHERE s.project_id = r.project_id AND s.id = r.snapshot_id
  AND r.project_id = $1 AND r.snapshot_id = $2 AND r.place = $3 AND r.fence = $4
"""
FAIL = f"""
UPDATE snapshot_registrations
SET state = CASE WHEN tries >= $6 THEN 'failed' ELSE 'waiting' END, next_at = now() + $5::interval, error = $7 {_MINE}
"""

Mine = tuple[UUID, UUID, str, int]


async def add(hot: Hot, project_id: UUID, snapshot_id: UUID, places: Sequence[str]) -> None:
    """Have trackers told of a snapshot."""
    await hot.execute(ADD, project_id, snapshot_id, places)


async def claim(hot: Hot, lease: timedelta, places: Sequence[str]) -> Any:
    """Take one that is due at one of these trackers, under a new fence; None where there is none."""
    return await hot.fetchrow(CLAIM, lease, places)


async def done(hot: Hot, mine: Mine, url: str, state: str) -> None:
    """Note that the tracker knows of a snapshot that is in this state, and where it tells of it."""
    await hot.execute(DONE, *mine, url, state)


async def fail(hot: Hot, mine: Mine, pause: timedelta, most_tries: int, error: str) -> None:
    """Leave one to whoever comes first after a pause, or give it up."""
    await hot.execute(FAIL, *mine, pause, most_tries, error)
