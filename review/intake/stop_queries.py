"""Every statement about stops."""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from review.intake.models import Stop
from review.kernel.db import Hot

LIST = """
SELECT id, kind, subject, name, reason, stopped_by, stopped_at, resumed_by, resumed_at FROM stops
WHERE project_id = $1 AND ($2 OR resumed_at IS NULL) ORDER BY resumed_at IS NOT NULL, stopped_at DESC, id LIMIT $3
"""

# Who sent an item is kept with it; the type is its own.
LIST_OF_ITEM = """
SELECT s.id, s.kind, s.subject, s.name, s.reason, s.stopped_by, s.stopped_at, s.resumed_by, s.resumed_at
FROM stops s JOIN items i ON i.project_id = s.project_id AND i.id = $2
JOIN item_bodies b ON b.project_id = i.project_id AND b.item_id = i.id
WHERE s.project_id = $1 AND s.resumed_at IS NULL
  AND ((s.kind = 'item_type' AND s.subject = i.type)
    OR (s.kind = 'source' AND s.subject = b.submitted_by ->> 'id'))
ORDER BY s.stopped_at, s.id
"""

# Keys that may submit, and people whose personal tokens could.
LIST_SOURCES = """
SELECT k.id, k.name, false AS is_person FROM api_keys k
WHERE k.project_id = $1 AND k.user_id IS NULL AND k.revoked_at IS NULL
UNION ALL
SELECT DISTINCT u.id, u.email, true FROM api_keys k JOIN users u ON u.id = k.user_id
WHERE k.project_id = $1 AND k.revoked_at IS NULL
ORDER BY is_person, name, id
"""

FIND_SENDER = """
SELECT b.submitted_by ->> 'id' AS id, b.submitted_by ->> 'name' AS name, i.type
FROM items i JOIN item_bodies b ON b.project_id = i.project_id AND b.item_id = i.id
WHERE i.project_id = $1 AND i.id = $2
"""

# Serialises stops and resumptions of one subject; the unique index alone would answer a race with a fault.
LOCK_PROJECT = text("SELECT id FROM projects WHERE id = :project FOR NO KEY UPDATE")
FIND_STANDING = text("""
SELECT id FROM stops WHERE project_id = :project AND kind = :kind AND subject = :subject AND resumed_at IS NULL
""")
RESUME = text("UPDATE stops SET resumed_at = now(), resumed_by = :by WHERE project_id = :project AND id = :id")


async def list_stops(hot: Hot, project_id: UUID, *, with_past: bool, limit: int) -> list[Any]:
    """Read stops, those that stand first, the newest of each first."""
    return await hot.fetch(LIST, project_id, with_past, limit)


async def list_of_item(hot: Hot, project_id: UUID, item_id: UUID) -> list[Any]:
    """Read the stops that stand for an item's sender or type."""
    return await hot.fetch(LIST_OF_ITEM, project_id, item_id)


async def list_sources(hot: Hot, project_id: UUID) -> list[Any]:
    """Read the keys and the people that may send items."""
    return await hot.fetch(LIST_SOURCES, project_id)


async def find_sender(hot: Hot, project_id: UUID, item_id: UUID) -> Any:
    """Find who sent an item, and its type."""
    return await hot.fetchrow(FIND_SENDER, project_id, item_id)


async def find_standing(tx: AsyncSession, project_id: UUID, kind: str, subject: str) -> Stop | None:
    """Find the stop that stands for a subject; no other call stops or resumes it meanwhile."""
    await tx.execute(LOCK_PROJECT, {"project": project_id})
    found = await tx.scalar(FIND_STANDING, {"project": project_id, "kind": kind, "subject": subject})
    return None if found is None else await tx.get(Stop, (project_id, found), populate_existing=True)


async def resume(tx: AsyncSession, stop: Stop, by: str) -> None:
    """End a stop."""
    await tx.execute(RESUME, {"project": stop.project_id, "id": stop.id, "by": by})
