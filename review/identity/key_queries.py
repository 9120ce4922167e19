"""The statements about keys and tokens, but for the look-up of who is calling."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from review.identity.models import ApiKey
from review.kernel.db import Hot

KEYS = """
SELECT k.id, k.prefix, k.name, k.user_id, u.email AS person, coalesce(m.role, k.role) AS role, k.scopes,
  r.permissions, k.created_at, k.created_by, k.expires_at, k.revoked_at, k.last_used_at, k.last_used_from,
  k.rotated_from, n.id AS rotated_to,
  CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked' WHEN k.expires_at <= now() THEN 'expired'
       WHEN k.user_id IS NOT NULL AND (m.role IS NULL OR u.disabled_at IS NOT NULL) THEN 'orphaned'
       WHEN n.id IS NOT NULL THEN 'rotated' ELSE 'active' END AS state
FROM api_keys k
LEFT JOIN users u ON u.id = k.user_id
LEFT JOIN memberships m ON m.project_id = k.project_id AND m.user_id = k.user_id
LEFT JOIN project_roles r ON r.project_id = k.project_id AND r.name = coalesce(m.role, k.role)
LEFT JOIN api_keys n ON n.project_id = k.project_id AND n.rotated_from = k.id
WHERE k.project_id = :project
"""

PAGE_OF_KEYS = "AND (CAST(:after AS uuid) IS NULL OR k.id < :after) ORDER BY k.id DESC LIMIT :limit"

# Beside the look-ups, not in them: once a minute for each key, whatever number of processes saw it.
NOTE_USE = """
UPDATE api_keys k SET last_used_at = now(), last_used_from = u.origin
FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS u(project_id, id, origin)
WHERE k.project_id = u.project_id AND k.id = u.id
  AND (k.last_used_at IS NULL OR k.last_used_at <= now() - interval '1 minute')
"""


async def note_use(hot: Hot, used: list[tuple[UUID, UUID, str]]) -> None:
    """Keep when and from where keys were used last, each named by project, id and address."""
    await hot.execute(NOTE_USE, [each[0] for each in used], [each[1] for each in used], [each[2] for each in used])


async def list_keys(tx: AsyncSession, project_id: UUID, *, user_id: UUID | None, after: UUID | None, limit: int) -> Any:
    """Read keys and tokens, newest first: all of the project, or one person's own."""
    narrowed = "AND k.user_id = :user" if user_id is not None else ""
    given = {"project": project_id, "after": after, "limit": limit} | ({"user": user_id} if user_id else {})
    rows = await tx.execute(text(f"{KEYS} {narrowed} {PAGE_OF_KEYS}"), given)
    return list(rows.mappings())


async def find_key_row(tx: AsyncSession, project_id: UUID, key_id: UUID) -> Any:
    """Read one key or token, as `list_keys`."""
    rows = await tx.execute(text(f"{KEYS} AND k.id = :id"), {"project": project_id, "id": key_id})
    return rows.mappings().one_or_none()


async def lock_key(tx: AsyncSession, project_id: UUID, key_id: UUID) -> ApiKey | None:
    """Lock a key or token."""
    locked = select(ApiKey).where(ApiKey.project_id == project_id, ApiKey.id == key_id).with_for_update()
    return (await tx.scalars(locked.execution_options(populate_existing=True))).one_or_none()


async def revoke_tokens_of(tx: AsyncSession, project_id: UUID, user_id: UUID) -> int:
    """End every token that a person has in the project; gives how many there were."""
    statement = (
        update(ApiKey)
        .where(ApiKey.project_id == project_id, ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None))
        .values(revoked_at=func.now())
        .returning(ApiKey.id)
    )
    return len((await tx.scalars(statement)).all())
