"""The statements about the people of a project, their roles and their pools."""

from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from review.identity.models import Project, ProjectRole
from review.identity.queries import carries
from review.identity.rules import Permission

PEOPLE = """
SELECT u.id, u.email, u.name, m.role, u.disabled_at IS NOT NULL AS is_disabled,
  u.password_hash IS NOT NULL AS has_password,
  EXISTS (SELECT FROM second_factors f WHERE f.user_id = u.id AND f.confirmed_at IS NOT NULL) AS has_code,
  ARRAY(SELECT pool FROM pool_members p WHERE p.project_id = m.project_id AND p.email = u.email AND p.source = 'direct'
        ORDER BY pool) AS direct_pools,
  ARRAY(SELECT pool FROM pool_members p WHERE p.project_id = m.project_id AND p.email = u.email AND p.source = 'config'
        ORDER BY pool) AS configured_pools,
  ARRAY(SELECT DISTINCT pool FROM pool_members p WHERE p.project_id = m.project_id AND p.email = u.email
        AND p.source NOT IN ('direct', 'config') ORDER BY pool) AS given_pools,
  greatest((SELECT max(s.last_seen_at) FROM sessions s WHERE s.user_id = u.id),
           (SELECT max(k.last_used_at) FROM api_keys k WHERE k.project_id = m.project_id AND k.user_id = u.id))
    AS last_seen_at
FROM memberships m JOIN users u ON u.id = m.user_id
WHERE m.project_id = :project
"""

PAGE_OF_PEOPLE = "AND (CAST(:after AS uuid) IS NULL OR u.id > :after) ORDER BY u.id LIMIT :limit"

COUNT_HOLDERS = """
SELECT role, count(*) AS holders FROM (
  SELECT role FROM memberships WHERE project_id = :project AND role = ANY(:roles)
  UNION ALL
  SELECT role FROM api_keys WHERE project_id = :project AND role = ANY(:roles) AND user_id IS NULL
    AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
) held GROUP BY role
"""

LIST_POOLS = """
SELECT n.name FROM projects p
JOIN config_versions v ON v.project_id = p.id AND v.version = p.config_version
CROSS JOIN LATERAL json_object_keys(v.document -> 'pools') WITH ORDINALITY AS n(name, at)
WHERE p.id = :project ORDER BY n.at
"""


async def lock_project(tx: AsyncSession, project_id: UUID) -> Project:
    """Lock a project's row, so that who has which role is changed by one at a time, the configuration included."""
    locked = select(Project).where(Project.id == project_id).with_for_update(key_share=True)
    return (await tx.scalars(locked.execution_options(populate_existing=True))).one()


async def list_roles(tx: AsyncSession, project_id: UUID) -> list[ProjectRole]:
    """List the roles that the project adds, by name."""
    statement = select(ProjectRole).where(ProjectRole.project_id == project_id).order_by(ProjectRole.name)
    return list((await tx.scalars(statement)).all())


async def replace_roles(tx: AsyncSession, project_id: UUID, roles: list[ProjectRole]) -> None:
    """Make the roles that the project adds just these."""
    await tx.execute(delete(ProjectRole).where(ProjectRole.project_id == project_id))
    tx.add_all(roles)


async def count_holders(tx: AsyncSession, project_id: UUID, roles: list[str]) -> dict[str, int]:
    """Count the people and the usable service keys that have these roles; roles with none are left out."""
    rows = await tx.execute(text(COUNT_HOLDERS), {"project": project_id, "roles": roles})
    return {row.role: row.holders for row in rows}


async def count_admins(tx: AsyncSession, project_id: UUID, *, besides: UUID) -> int:
    """Count the other people who may change the configuration, disabled ones left out."""
    statement = (
        "SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id"
        f" WHERE m.project_id = :project AND m.user_id <> :user AND u.disabled_at IS NULL"
        f" AND {carries('m', Permission.WRITE_CONFIG)}"
    )
    return int(await tx.scalar(text(statement), {"project": project_id, "user": besides}) or 0)


async def list_people(
    tx: AsyncSession, project_id: UUID, *, after: UUID | None = None, limit: int | None = None
) -> list[Any]:
    """Read the people of a project in the order they were made: their pools, how they sign in, when last seen."""
    rows = await tx.execute(text(f"{PEOPLE} {PAGE_OF_PEOPLE}"), {"project": project_id, "after": after, "limit": limit})
    return list(rows.mappings())


async def find_person(tx: AsyncSession, project_id: UUID, user_id: UUID) -> Any:
    """Read one person of a project, as `list_people`."""
    rows = await tx.execute(text(f"{PEOPLE} AND u.id = :user"), {"project": project_id, "user": user_id})
    return rows.mappings().one_or_none()


async def replace_direct_pools(tx: AsyncSession, project_id: UUID, email: str, pools: list[str]) -> None:
    """Make the pools that a person was added to directly just these; what the configuration says stays."""
    key = {"project": project_id, "email": email, "pools": pools}
    await tx.execute(
        text("DELETE FROM pool_members WHERE project_id = :project AND email = :email AND source = 'direct'"), key
    )
    await tx.execute(
        text(
            "INSERT INTO pool_members SELECT :project, named, :email, 'direct'"
            " FROM unnest(CAST(:pools AS text[])) AS named"
        ),
        key,
    )


async def forget_pools(tx: AsyncSession, project_id: UUID, email: str) -> None:
    """Take a person out of all pools, those of a provider's groups too; what the configuration says stays."""
    await tx.execute(
        text("DELETE FROM pool_members WHERE project_id = :project AND email = :email AND source <> 'config'"),
        {"project": project_id, "email": email},
    )


async def list_pools(tx: AsyncSession, project_id: UUID) -> list[str]:
    """List the pools of the active configuration, in its order."""
    rows = await tx.execute(text(LIST_POOLS), {"project": project_id})
    return list(rows.scalars())
