"""Every look-up of who is calling."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from review.identity.models import Membership, Project, User
from review.identity.rules import PERMISSIONS, Permission
from review.kernel.db import Hot

# A personal token acts with the person's role of now, so that a change takes effect on the next request. A stop of one
# key is a stop of all that it was rotated through; those are looked for only while a source is stopped. At most one
# rollout of a project is live (rollouts_running).
FIND_KEY = """
SELECT k.project_id, k.id AS key_id, k.secret_sha256, k.name AS key_name,
       coalesce(m.role, k.role) AS role, r.permissions, k.scopes, p.slug, p.config_version, p.models_stamp,
       u.id AS user_id, u.email, u.name AS user_name,
       (k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
        AND (k.user_id IS NULL OR (u.disabled_at IS NULL AND m.role IS NOT NULL))) AS usable,
       ARRAY(SELECT CASE s.way WHEN 'approvals' THEN '' WHEN 'hold' THEN 'hold/' || s.id || '/' ELSE s.way || '/' END
             || s.kind || ':' ||
             CASE WHEN s.kind = 'source' AND s.subject IN (
               WITH RECURSIVE line AS (
                 SELECT k.id, k.rotated_from
                 UNION SELECT o.id, o.rotated_from FROM line JOIN api_keys o
                 ON o.project_id = k.project_id AND (o.id = line.rotated_from OR o.rotated_from = line.id))
               SELECT id::text FROM line) THEN k.id::text ELSE s.subject END FROM stops s
             WHERE s.project_id = k.project_id AND s.resumed_at IS NULL
               AND (s.expires_at IS NULL OR s.expires_at > now())) AS stops,
       ro.id AS rollout_id, ro.version AS rollout_version, ro.share AS rollout_share, ro.tag AS rollout_tag
FROM api_keys k
JOIN projects p ON p.id = k.project_id
LEFT JOIN rollouts ro ON ro.project_id = k.project_id AND ro.state = 'live'
LEFT JOIN users u ON u.id = k.user_id
LEFT JOIN memberships m ON m.project_id = k.project_id AND m.user_id = k.user_id
LEFT JOIN project_roles r ON r.project_id = k.project_id AND r.name = coalesce(m.role, k.role)
WHERE k.prefix = $1
"""

# The operator is no source, so no stop of a source is one of theirs.
FIND_OPERATOR = """
SELECT p.id AS project_id, p.slug, p.config_version, p.models_stamp,
       ARRAY(SELECT CASE s.way WHEN 'approvals' THEN '' WHEN 'hold' THEN 'hold/' || s.id || '/' ELSE s.way || '/' END
             || s.kind || ':' || s.subject FROM stops s
             WHERE s.project_id = p.id AND s.resumed_at IS NULL
               AND (s.expires_at IS NULL OR s.expires_at > now())) AS stops,
       ro.id AS rollout_id, ro.version AS rollout_version, ro.share AS rollout_share, ro.tag AS rollout_tag
FROM projects p LEFT JOIN rollouts ro ON ro.project_id = p.id AND ro.state = 'live' WHERE p.slug = $1
"""

LIST_KEYS = f"""
SELECT g.prefix, found.* FROM unnest($1::text[]) AS g(prefix)
CROSS JOIN LATERAL ({FIND_KEY.replace("$1", "g.prefix")}) found
"""

# Being seen is noted once a minute, within the look-up, and never waited for: a locked row is noted later. Where a
# project is named, the person's place in it comes along, with the latest twenty stops that stand there, which every
# page of a project tells, and their pools.
FIND_SESSION = """
WITH seen AS (
  UPDATE sessions SET last_seen_at = now() WHERE id = (
    SELECT id FROM sessions WHERE id = $1 AND expires_at > now() AND last_seen_at > now() - $2::interval
      AND last_seen_at <= now() - interval '1 minute' FOR UPDATE SKIP LOCKED)
)
SELECT u.id AS user_id, u.email, u.name, s.csrf_token, u.preferences,
       p.id AS project_id, p.slug, p.config_version, m.role, r.permissions,
       coalesce((SELECT json_agg(s) FROM (
         SELECT kind, name, way, reason, stopped_by AS "by", expires_at AS until FROM stops
         WHERE project_id = p.id AND resumed_at IS NULL AND (expires_at IS NULL OR expires_at > now())
         ORDER BY stopped_at DESC, id LIMIT 20) s), '[]')::text AS standing,
       ARRAY(SELECT pool FROM pool_members WHERE project_id = p.id AND email = u.email) AS pools
FROM sessions s JOIN users u ON u.id = s.user_id
LEFT JOIN (memberships m JOIN projects p ON p.id = m.project_id AND p.slug = $3) ON m.user_id = u.id
LEFT JOIN project_roles r ON r.project_id = p.id AND r.name = m.role
WHERE s.id = $1 AND s.expires_at > now() AND s.last_seen_at > now() - $2::interval AND u.disabled_at IS NULL
"""

# Somebody who asked for something that is done later, with the token they asked with, if it was one.
FIND_ABSENT = """
SELECT p.slug, p.config_version, m.role, r.permissions, u.email, u.name
FROM memberships m JOIN projects p ON p.id = m.project_id JOIN users u ON u.id = m.user_id AND u.disabled_at IS NULL
LEFT JOIN project_roles r ON r.project_id = p.id AND r.name = m.role
WHERE m.project_id = $1 AND m.user_id = $2 AND ($3::uuid IS NULL OR EXISTS (
  SELECT FROM api_keys k WHERE k.project_id = $1 AND k.id = $3 AND k.user_id = $2 AND k.revoked_at IS NULL
    AND (k.expires_at IS NULL OR k.expires_at > now())))
"""

KEY_STANDS = """
SELECT EXISTS (
  SELECT FROM api_keys WHERE project_id = $1 AND id = $2 AND revoked_at IS NULL
    AND (expires_at IS NULL OR expires_at > now()))
"""

LIST_POOLS_OF = "SELECT DISTINCT pool FROM pool_members WHERE project_id = $1 AND email = $2 ORDER BY pool"

IS_POOL_MEMBER = """
SELECT EXISTS (SELECT FROM pool_members WHERE project_id = $1 AND pool = $2 AND email = $3)
"""


def carries(membership: str, permission: Permission) -> str:
    """Write the SQL condition that the role of a membership, named by its alias, carries a permission.

    The one place where a statement looks at roles; scopes are a key's and do not come into it.
    """
    built_in = ", ".join(f"'{role}'" for role, carried in PERMISSIONS.items() if permission in carried)
    return (
        f"({membership}.role IN ({built_in}) OR EXISTS (SELECT FROM project_roles own"
        f" WHERE own.project_id = {membership}.project_id AND own.name = {membership}.role"
        f" AND '{permission}' = ANY (own.permissions)))"
    )


class _Questions:
    """Look-ups of keys, shared by those who ask for the same one while an earlier look-up of it is under way.

    A busy upstream asks with one key in every request. Nobody is answered by a statement that began before they
    asked, so a revoked key is refused as promptly as if each had asked alone.
    """

    def __init__(self) -> None:
        self._begun: dict[tuple[int, str], asyncio.Task[Any]] = {}
        self._next: dict[tuple[int, str], asyncio.Task[Any]] = {}

    async def ask(self, hot: Hot, prefix: str) -> Any:
        key = (id(hot), prefix)  # the tasks hold the pool, so its id stays taken as long as they are here
        task = self._next.get(key)
        if task is None:
            task = self._next[key] = asyncio.create_task(self._look_up(hot, prefix, self._begun.get(key)))
            task.add_done_callback(lambda ended: self._forget(key, ended))
        return await asyncio.shield(task)

    async def _look_up(self, hot: Hot, prefix: str, before: asyncio.Task[Any] | None) -> Any:
        if before is not None:
            await asyncio.wait((before,))
        key = (id(hot), prefix)
        self._begun[key] = self._next.pop(key)  # who asks from here on needs a statement that begins later
        return await hot.fetchrow(FIND_KEY, prefix)

    def _forget(self, key: tuple[int, str], ended: asyncio.Task[Any]) -> None:
        for tasks in (self._begun, self._next):
            if tasks.get(key) is ended:
                del tasks[key]
        if not ended.cancelled():
            ended.exception()  # whoever still waits raises it; if nobody does, nobody need be told


_questions = _Questions()


async def find_key(hot: Hot, prefix: str) -> Any:
    """Find a key by its public prefix, with the project and person it stands for, as it stands now."""
    return await _questions.ask(hot, prefix)


async def find_operator(hot: Hot, slug: str) -> Any:
    """Find a project with what the operator must know of it to submit items."""
    return await hot.fetchrow(FIND_OPERATOR, slug)


async def list_keys(hot: Hot, prefixes: list[str]) -> dict[str, Any]:
    """List keys by their public prefixes, each as `find_key` finds it."""
    return {row["prefix"]: row for row in await hot.fetch(LIST_KEYS, prefixes)}


async def find_session(hot: Hot, session_id: bytes, idle: timedelta, project: str | None) -> Any:
    """Find a session that has not expired nor lain idle for so long, and whose user is not disabled.

    What concerns a project is null where none is named, there is none, or they are not in it.
    """
    return await hot.fetchrow(FIND_SESSION, session_id, idle, project)


async def find_absent(hot: Hot, project_id: UUID, user_id: UUID, key_id: UUID | None) -> Any:
    """Find the place in a project of somebody who is not calling, if their account and their token still stand."""
    return await hot.fetchrow(FIND_ABSENT, project_id, user_id, key_id)


async def key_stands(hot: Hot, project_id: UUID, key_id: UUID) -> bool:
    """Tell whether a key is neither revoked nor expired."""
    return bool(await hot.fetchval(KEY_STANDS, project_id, key_id))


async def is_pool_member(hot: Hot, project_id: UUID, pool: str, email: str) -> bool:
    """Tell whether the person is among the pool's reviewers."""
    return bool(await hot.fetchval(IS_POOL_MEMBER, project_id, pool, email))


async def list_pools_of(hot: Hot, project_id: UUID, email: str) -> list[str]:
    """List the pools that a person is in, by name."""
    return [row["pool"] for row in await hot.fetch(LIST_POOLS_OF, project_id, email)]


async def list_those_who_see(tx: AsyncSession, project_id: UUID, pool: str) -> list[str]:
    """List the e-mails of those who may see a pool's items: who is in the pool, and who sees all pools."""
    found = await tx.execute(
        text(
            "SELECT u.email FROM memberships m JOIN users u ON u.id = m.user_id"
            f" WHERE m.project_id = :project AND u.disabled_at IS NULL AND {carries('m', Permission.READ_ITEMS)}"
            f" AND ({carries('m', Permission.ALL_POOLS)} OR EXISTS ("
            "SELECT FROM pool_members p WHERE p.project_id = m.project_id AND p.pool = :pool AND p.email = u.email))"
            " ORDER BY u.email"
        ),
        {"project": project_id, "pool": pool},
    )
    return list(found.scalars())


async def list_projects_of(tx: AsyncSession, user_id: UUID) -> list[Project]:
    """List the projects a person is in, by slug."""
    statement = (
        select(Project)
        .join(Membership, Membership.project_id == Project.id)
        .where(Membership.user_id == user_id)
        .order_by(Project.slug)
    )
    return list((await tx.scalars(statement)).all())


async def find_project(tx: AsyncSession, slug: str) -> Project | None:
    """Find a project by its name in addresses."""
    return (await tx.scalars(select(Project).where(Project.slug == slug))).one_or_none()


async def find_role(tx: AsyncSession, project_id: UUID, user_id: UUID) -> str | None:
    """Find a person's role in a project."""
    statement = select(Membership.role).where(Membership.project_id == project_id, Membership.user_id == user_id)
    return await tx.scalar(statement)


async def find_user(tx: AsyncSession, email: str) -> User | None:
    """Find a person by the normalised e-mail."""
    return (await tx.scalars(select(User).where(User.email == email))).one_or_none()
