"""Every statement about the register of model versions, but for the comparison's."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit.rules import Action
from review.kernel.db import Hot
from review.kernel.ids import new_id
from review.registry.models import ModelVersion
from review.registry.rules import BEFORE, Called

STEP = 5_000  # entries of the audit that are looked at in one transaction
NEWEST = 2_000  # items that are looked at when clearing is asked for, beside what the register has
MOST = 10_000  # versions of a project; more than that are not kept, and so never cleared

COLUMNS = (
    """id, name, version, prompt_version, first_seen_at, last_seen_at, items, state, reason, changed_by, changed_at"""
)
CALLED = """coalesce(b.details -> 'model' ->> 'name', '') AS name,
  coalesce(b.details -> 'model' ->> 'version', '') AS version,
  coalesce(b.details -> 'model' ->> 'prompt_version', '') AS prompt_version"""

FIND_CLEARED = """
SELECT p.models_stamp AS stamp, m.name, m.version, m.prompt_version
FROM projects p LEFT JOIN model_versions m ON m.project_id = p.id AND m.state = 'cleared'
WHERE p.id = $1
"""
LIST_BEHIND = """
SELECT l.project_id FROM audit_logs l LEFT JOIN model_registers r USING (project_id)
WHERE l.size > coalesce(r.position, 0)
"""
OPEN = "INSERT INTO model_registers (project_id) VALUES ($1) ON CONFLICT DO NOTHING"
LOCK_FREE = """
SELECT r.position, r.told_from, r.clearing_since, l.size
FROM model_registers r JOIN audit_logs l USING (project_id) WHERE r.project_id = $1 FOR UPDATE OF r SKIP LOCKED
"""
# The project's row first, as whoever makes a configuration active has it already.
LOCK_PROJECT = "SELECT id FROM projects WHERE id = $1 FOR NO KEY UPDATE"
LOCK = "SELECT clearing_since FROM model_registers WHERE project_id = $1 FOR UPDATE"
MOVE = "UPDATE model_registers SET position = $2 WHERE project_id = $1"

# Places in the audit are given after the commit and without gaps, so no item is skipped and none counted twice.
LOOK = f"""
SELECT name, version, prompt_version, count(*) AS items, min(at) AS first, max(at) AS last
FROM (
  SELECT {CALLED}, e.at
  FROM audit_entries e JOIN item_bodies b ON b.project_id = $1 AND b.item_id = e.item_id
  WHERE e.project_id = $1 AND e.position >= $2 AND e.position < $3 AND e.action = '{Action.ITEM_SUBMITTED}'
) seen GROUP BY 1, 2, 3 ORDER BY 5, 1, 2, 3
"""
LOOK_AT_NEWEST = f"""
SELECT name, version, prompt_version, 0 AS items, min(created_at) AS first, max(created_at) AS last
FROM (
  SELECT {CALLED}, i.created_at
  FROM (SELECT id, created_at FROM items WHERE project_id = $1 ORDER BY id DESC LIMIT {NEWEST}) i
  JOIN item_bodies b ON b.project_id = $1 AND b.item_id = i.id
) seen GROUP BY 1, 2, 3 ORDER BY 5, 1, 2, 3
"""
# What was cleared ahead of its first item is seen first now.
COUNT = """
UPDATE model_versions m SET items = m.items + s.items, first_seen_at = least(m.first_seen_at, s.first),
  last_seen_at = greatest(m.last_seen_at, s.last)
FROM (SELECT c.*, o.first_seen_at IS NULL AS is_first
      FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[], $7::timestamptz[])
        AS c(name, version, prompt_version, items, first, last)
      JOIN model_versions o ON o.project_id = $1 AND o.name = c.name AND o.version = c.version
        AND o.prompt_version = c.prompt_version) s
WHERE m.project_id = $1 AND m.name = s.name AND m.version = s.version AND m.prompt_version = s.prompt_version
RETURNING m.id, m.name, m.version, m.prompt_version, m.first_seen_at, m.state, s.is_first
"""
ADD = """
INSERT INTO model_versions (project_id, id, name, version, prompt_version, items, first_seen_at, last_seen_at, state,
                            reason, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, CASE WHEN $10 <> '' THEN now() END)
"""
HOW_MANY = "SELECT count(*) FROM model_versions WHERE project_id = $1"
CLEAR_SEEN = f"""
UPDATE model_versions SET state = 'cleared', reason = '{BEFORE}', changed_by = '', changed_at = now()
WHERE project_id = $1 AND state = 'seen' RETURNING name, version, prompt_version
"""
ASK = """
UPDATE model_registers SET clearing_since = now() WHERE project_id = $1 AND clearing_since IS NULL RETURNING project_id
"""
NO_LONGER = "UPDATE model_registers SET clearing_since = NULL WHERE project_id = $1 AND clearing_since IS NOT NULL"
STAMP = "UPDATE projects SET models_stamp = models_stamp + 1 WHERE id = $1"

LIST = f"""
SELECT {COLUMNS} FROM model_versions
WHERE project_id = $1 AND ($2::text IS NULL OR name = $2) AND ($3::text IS NULL OR state = $3)
ORDER BY state <> 'waiting', last_seen_at DESC NULLS FIRST, id DESC LIMIT $4
"""
FIND = f"SELECT {COLUMNS} FROM model_versions WHERE project_id = $1 AND id = $2"
FIND_CALLED = f"""
SELECT {COLUMNS} FROM model_versions WHERE project_id = $1 AND name = $2 AND version = $3 AND prompt_version = $4
"""
NEWS = """
SELECT id, name, version, prompt_version, first_seen_at, state FROM model_versions
WHERE project_id = $1 AND (state = 'waiting' OR (
  state = 'seen' AND name <> '' AND first_seen_at > now() - interval '1 day'
  AND first_seen_at >= (SELECT coalesce(told_from, '-infinity') FROM model_registers WHERE project_id = $1)))
ORDER BY state <> 'waiting', first_seen_at DESC, id LIMIT $2
"""
SET_STATE = text("""
UPDATE model_versions SET state = :state, reason = :reason, changed_by = :by, changed_at = now()
WHERE project_id = :project AND id = :id
""")


async def find_cleared(hot: Hot, project_id: UUID) -> list[Any]:
    """Read the stamp of a project's cleared versions with the versions, as they are at one moment."""
    return await hot.fetch(FIND_CLEARED, project_id)


async def list_behind(hot: Hot) -> list[UUID]:
    """List the projects whose audit has grown since their items were counted last."""
    return [row["project_id"] for row in await hot.fetch(LIST_BEHIND)]


async def lock_free(hot: Hot, project_id: UUID) -> Any:
    """Lock a project's register; None while somebody else is at it."""
    await hot.execute(OPEN, project_id)
    return await hot.fetchrow(LOCK_FREE, project_id)


async def lock(hot: Hot, project_id: UUID) -> None:
    """Lock a project and its register, waiting for whoever is at them."""
    await hot.fetchval(LOCK_PROJECT, project_id)
    await hot.execute(OPEN, project_id)
    await hot.fetchrow(LOCK, project_id)


async def lock_project_free(hot: Hot, project_id: UUID) -> bool:
    """Lock a project for somebody who has its register; tells whether nobody else had it."""
    return await hot.fetchval(f"{LOCK_PROJECT} SKIP LOCKED", project_id) is not None


async def move(hot: Hot, project_id: UUID, position: int) -> None:
    """Note how far a project's items are counted."""
    await hot.execute(MOVE, project_id, position)


async def look(hot: Hot, project_id: UUID, start: int, end: int) -> list[Any]:
    """Count the items that came between two places of the audit, by what made them, the first to come first."""
    return await hot.fetch(LOOK, project_id, start, end)


async def look_at_newest(hot: Hot, project_id: UUID) -> list[Any]:
    """List what made the newest items, as `look` does, counting none of them."""
    return await hot.fetch(LOOK_AT_NEWEST, project_id)


async def count(hot: Hot, project_id: UUID, seen: Sequence[Any]) -> list[Any]:
    """Count what came for the versions that are registered; gives those."""
    columns = [[row[name] for row in seen] for name in ("name", "version", "prompt_version", "items", "first", "last")]
    return await hot.fetch(COUNT, project_id, *columns)


async def add(
    hot: Hot, project_id: UUID, called: Called, items: int, seen: tuple[datetime | None, datetime | None], state: str
) -> UUID:
    """Register a version; one that is cleared here was seen before that was asked for."""
    version_id, reason = new_id(), BEFORE if state == "cleared" else ""
    await hot.execute(ADD, project_id, version_id, *called, items, *seen, state, reason)
    return version_id


async def how_many(hot: Hot, project_id: UUID) -> int:
    """Tell how many versions a project's register has."""
    found: int = await hot.fetchval(HOW_MANY, project_id)
    return found


async def ask(hot: Hot, project_id: UUID) -> bool:
    """Note that a project asks for clearing; tells whether it did not before."""
    return await hot.fetchval(ASK, project_id) is not None


async def no_longer_ask(hot: Hot, project_id: UUID) -> None:
    """Note that a project does not ask for clearing."""
    await hot.execute(NO_LONGER, project_id)


async def clear_seen(hot: Hot, project_id: UUID) -> list[Called]:
    """Clear all that was seen while clearing was not asked for; gives what that was."""
    return [Called.of(row) for row in await hot.fetch(CLEAR_SEEN, project_id)]


async def stamp(hot: Hot, project_id: UUID) -> None:
    """Have every process read anew what is cleared, from the commit on."""
    await hot.execute(STAMP, project_id)


async def list_versions(hot: Hot, project_id: UUID, *, name: str | None, state: str | None, limit: int) -> list[Any]:
    """Read versions, what waits first, then by when they were seen last."""
    return await hot.fetch(LIST, project_id, name, state, limit)


async def find_version(hot: Hot, project_id: UUID, version_id: UUID) -> Any:
    """Find a version by its id."""
    return await hot.fetchrow(FIND, project_id, version_id)


async def find_called(hot: Hot, project_id: UUID, called: Called) -> Any:
    """Find a version by what items call it."""
    return await hot.fetchrow(FIND_CALLED, project_id, *called)


async def list_news(hot: Hot, project_id: UUID, limit: int) -> list[Any]:
    """Read the versions that wait to be cleared, and those that came within a day."""
    return await hot.fetch(NEWS, project_id, limit)


async def lock_version(tx: AsyncSession, project_id: UUID, version_id: UUID) -> ModelVersion | None:
    """Lock a version."""
    locked = select(ModelVersion).where(ModelVersion.project_id == project_id, ModelVersion.id == version_id)
    return (await tx.scalars(locked.with_for_update().execution_options(populate_existing=True))).one_or_none()


async def set_state(tx: AsyncSession, version: ModelVersion, state: str, reason: str, by: str) -> None:
    """Clear a version, or take that back."""
    given = {"project": version.project_id, "id": version.id, "state": state, "reason": reason, "by": by}
    await tx.execute(SET_STATE, given)
