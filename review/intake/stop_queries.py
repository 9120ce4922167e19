"""Every statement about stops."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from review.intake.models import Stop
from review.kernel.db import Hot

# A stop that has ended by itself is read as one that was resumed at that time, by nobody.
STOPS = """(
  SELECT id, project_id, kind, subject, name, way, reason, expires_at, stopped_by, stopped_at, resumed_by,
         coalesce(resumed_at, CASE WHEN expires_at <= now() THEN expires_at END) AS resumed_at FROM stops)"""
SHOWN = """s.id, s.kind, s.subject, s.name, s.way, s.reason, s.expires_at, s.stopped_by, s.stopped_at, s.resumed_by,
       s.resumed_at"""
LIST = f"""
SELECT {SHOWN},
       CASE s.way WHEN 'hold' THEN (SELECT count(*) FROM held_items h
         JOIN items i ON i.project_id = h.project_id AND i.id = h.item_id AND i.state = 'open'
         WHERE h.project_id = s.project_id AND h.stop_id = s.id) ELSE 0 END AS held
FROM {STOPS} s
WHERE project_id = $1 AND ($2 OR resumed_at IS NULL) ORDER BY resumed_at IS NOT NULL, stopped_at DESC, id LIMIT $3
"""

# What a stop `s` is of, beside an item `i` and its body `b`.
TOUCHES = """CASE s.kind
    WHEN 'project' THEN true
    WHEN 'item_type' THEN s.subject = i.type
    WHEN 'source' THEN s.subject = b.submitted_by ->> 'id'
    WHEN 'rule' THEN s.subject = b.route ->> 'rule'
    ELSE s.subject = b.details -> 'model' ->> 'name'
      OR s.subject = (b.details -> 'model' ->> 'name') || '@' || (b.details -> 'model' ->> 'version') END"""
LIST_OF_ITEM = f"""
SELECT {SHOWN}
FROM {STOPS} s JOIN items i ON i.project_id = s.project_id AND i.id = $2
JOIN item_bodies b ON b.project_id = i.project_id AND b.item_id = i.id
WHERE s.project_id = $1 AND s.resumed_at IS NULL AND {TOUCHES}
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
# One that has ended by itself is written down as ended, so that the unique index lets another stand.
END_EXPIRED = text("""
UPDATE stops SET resumed_at = expires_at
WHERE project_id = :project AND kind = :kind AND subject = :subject AND resumed_at IS NULL AND expires_at <= now()
""")
FIND_STANDING = text("""
SELECT id FROM stops WHERE project_id = :project AND kind = :kind AND subject = :subject AND resumed_at IS NULL
""")
# Later than what stands, of which null is the latest.
ASKS_FOR_MORE = text("""
SELECT CAST(:is_stricter AS boolean)
    OR (expires_at IS NOT NULL AND (CAST(:lasts AS interval) IS NULL OR now() + CAST(:lasts AS interval) > expires_at))
FROM stops WHERE project_id = :project AND id = :id
""")
END_OF = text("""
SELECT greatest(now() + CAST(:lasts AS interval), CAST(:standing AS timestamptz))
WHERE CAST(:lasts AS interval) IS NOT NULL AND NOT :is_endless
""")
RESUME = text("""
UPDATE stops SET resumed_at = now(), resumed_by = :by, afterwards = :afterwards WHERE project_id = :project AND id = :id
""")
LIST_LIVE_RULES = """
SELECT rule ->> 'name' AS name, rule ->> 'action' AS action
FROM rollouts r JOIN config_versions v ON v.project_id = r.project_id AND v.version = r.version
CROSS JOIN LATERAL json_array_elements(v.document -> 'rules') WITH ORDINALITY AS listed (rule, nth)
WHERE r.project_id = $1 AND r.state = 'live' ORDER BY listed.nth
"""


async def list_stops(hot: Hot, project_id: UUID, *, with_past: bool, limit: int) -> list[Any]:
    """Read stops, those that stand first, the newest of each first."""
    return await hot.fetch(LIST, project_id, with_past, limit)


async def list_of_item(hot: Hot, project_id: UUID, item_id: UUID) -> list[Any]:
    """Read the stops that an item is under."""
    return await hot.fetch(LIST_OF_ITEM, project_id, item_id)


async def list_live_rules(hot: Hot, project_id: UUID) -> list[Any]:
    """Read the rules of the candidate that a live rollout has routing, by `name` and `action`, in their order."""
    return await hot.fetch(LIST_LIVE_RULES, project_id)


async def list_sources(hot: Hot, project_id: UUID) -> list[Any]:
    """Read the keys and the people that may send items."""
    return await hot.fetch(LIST_SOURCES, project_id)


async def find_sender(hot: Hot, project_id: UUID, item_id: UUID) -> Any:
    """Find who sent an item, and its type."""
    return await hot.fetchrow(FIND_SENDER, project_id, item_id)


async def find_standing(tx: AsyncSession, project_id: UUID, kind: str, subject: str) -> Stop | None:
    """Find the stop that stands for a subject; no other call stops or resumes it meanwhile."""
    await tx.execute(LOCK_PROJECT, {"project": project_id})
    which = {"project": project_id, "kind": kind, "subject": subject}
    await tx.execute(END_EXPIRED, which)
    found = await tx.scalar(FIND_STANDING, which)
    return None if found is None else await tx.get(Stop, (project_id, found), populate_existing=True)


async def resume(tx: AsyncSession, stop: Stop, by: str, afterwards: str) -> None:
    """End a stop, and say who judges what it held."""
    await tx.execute(RESUME, {"project": stop.project_id, "id": stop.id, "by": by, "afterwards": afterwards})


async def find_stop(tx: AsyncSession, project_id: UUID, stop_id: UUID) -> Stop | None:
    """Find a stop, whether it stands or not."""
    return await tx.get(Stop, (project_id, stop_id))


async def asks_for_more(tx: AsyncSession, stop: Stop, lasts: timedelta | None, *, is_stricter: bool) -> bool:
    """Tell whether a way that is stricter or not, or this time, is more than the stop that stands."""
    wish = {"project": stop.project_id, "id": stop.id, "is_stricter": is_stricter, "lasts": lasts}
    return bool(await tx.scalar(ASKS_FOR_MORE, wish))


async def end_of(tx: AsyncSession, lasts: timedelta | None, standing: Stop | None) -> datetime | None:
    """Give when a stop ends that lasts so long, and no less than the one whose place it takes; None for never."""
    until = None if standing is None else standing.expires_at
    wish = {"lasts": lasts, "standing": until, "is_endless": standing is not None and until is None}
    found: datetime | None = await tx.scalar(END_OF, wish)
    return found
