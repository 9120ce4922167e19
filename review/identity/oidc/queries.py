"""Every statement of federated sign-in."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from review.identity.models import BrowserSession, Membership, Project, User
from review.identity.oidc.models import LogoutToken, SignInAttempt, UserIdentity
from review.kernel.db import Hot

# One statement, so that of two answers with one state only one gets it. What it took is gone whatever comes of it.
TAKE_ATTEMPT = """
DELETE FROM sign_in_attempts
WHERE state_sha256 = $1 AND browser_sha256 = $2 AND provider = $3 AND expires_at > now()
RETURNING nonce, verifier, target, link_to
"""

FIND_PROVIDER_OF = "SELECT provider FROM sessions WHERE id = $1 AND method = 'oidc'"

LIST_POOLS_GIVEN = "SELECT project_id, pool FROM pool_members WHERE source = :source AND email = :email"
GIVE_POOL = "INSERT INTO pool_members VALUES (:project, :pool, :email, :source) ON CONFLICT DO NOTHING"
TAKE_POOL = """
DELETE FROM pool_members WHERE project_id = :project AND pool = :pool AND email = :email AND source = :source
"""


async def take_attempt(hot: Hot, state: bytes, browser: bytes, provider: str) -> Any:
    """Take a sign-in under way, or None; a transaction of its own, so that nothing later brings it back."""
    return await hot.fetchrow(TAKE_ATTEMPT, state, browser, provider)


async def find_provider_of(hot: Hot, session_id: bytes) -> str | None:
    """Find the name of the provider that vouched for a session."""
    name: str | None = await hot.fetchval(FIND_PROVIDER_OF, session_id)
    return name


async def lock_identity(tx: AsyncSession, issuer: str, subject: str) -> UserIdentity | None:
    """Wait for whoever signs in as the same person at this moment, then look whose account it is."""
    name = func.hashtextextended(f"{issuer}\n{subject}", 0)
    await tx.execute(select(func.pg_advisory_xact_lock(name)))
    return await tx.get(UserIdentity, (issuer, subject), populate_existing=True)


async def list_identities(tx: AsyncSession, user_id: UUID) -> Sequence[UserIdentity]:
    """List how providers know a person, oldest first."""
    found = select(UserIdentity).where(UserIdentity.user_id == user_id).order_by(UserIdentity.created_at)
    return (await tx.scalars(found)).all()


async def lock_user(tx: AsyncSession, user_id: UUID) -> User:
    """Lock a person's row and read it anew, so that their memberships change one sign-in after another."""
    locked = select(User).where(User.id == user_id).with_for_update(key_share=True)
    return (await tx.scalars(locked.execution_options(populate_existing=True))).one()


async def add_user(tx: AsyncSession, user_id: UUID, email: str, name: str) -> bool:
    """Add a person without a password, unless somebody has the e-mail; tells whether they were added."""
    row = {"id": user_id, "email": email, "name": name}
    added = insert(User).values(row).on_conflict_do_nothing(index_elements=["email"]).returning(User.id)
    return await tx.scalar(added) is not None


async def mark_used(tx: AsyncSession, issuer: str, subject: str) -> None:
    """Note that an identity was signed in with."""
    which = (UserIdentity.issuer == issuer, UserIdentity.subject == subject)
    await tx.execute(update(UserIdentity).where(*which).values(last_used_at=func.now()))


async def remove_identity(tx: AsyncSession, issuer: str, subject: str) -> UUID | None:
    """Forget an identity; gives whose it was."""
    which = (UserIdentity.issuer == issuer, UserIdentity.subject == subject)
    removed = delete(UserIdentity).where(*which).returning(UserIdentity.user_id)
    return await tx.scalar(removed)


async def list_memberships(tx: AsyncSession, user_id: UUID) -> list[tuple[Membership, str]]:
    """List a person's memberships, each with its project's name."""
    found = select(Membership, Project.slug).join(Project, Project.id == Membership.project_id)
    return [(row[0], row[1]) for row in await tx.execute(found.where(Membership.user_id == user_id))]


async def list_projects(tx: AsyncSession, slugs: Sequence[str]) -> dict[str, UUID]:
    """Give the projects of these names that there are."""
    found = await tx.execute(select(Project.slug, Project.id).where(Project.slug.in_(slugs)))
    return {row.slug: row.id for row in found}


async def list_pools_given(tx: AsyncSession, source: str, email: str) -> set[tuple[UUID, str]]:
    """List the pools, with their projects, that a source gave a person."""
    rows = await tx.execute(text(LIST_POOLS_GIVEN), {"source": source, "email": email})
    return {(row.project_id, row.pool) for row in rows}


async def give_pool(tx: AsyncSession, project_id: UUID, pool: str, email: str, source: str) -> None:
    """Put a person in a pool."""
    await tx.execute(text(GIVE_POOL), {"project": project_id, "pool": pool, "email": email, "source": source})


async def take_pool(tx: AsyncSession, project_id: UUID, pool: str, email: str, source: str) -> None:
    """Take a person out of a pool, as far as this source put them there."""
    await tx.execute(text(TAKE_POOL), {"project": project_id, "pool": pool, "email": email, "source": source})


async def remember_logout(tx: AsyncSession, issuer: str, jti: str, kept: timedelta) -> bool:
    """Note a logout token; tells whether it is new."""
    row = {"issuer": issuer, "jti": jti, "expires_at": func.now() + kept}
    added = insert(LogoutToken).values(row).on_conflict_do_nothing().returning(LogoutToken.jti)
    return await tx.scalar(added) is not None


async def end_sessions(
    tx: AsyncSession, provider: str, issuer: str, *, sid: str | None, subject: str | None
) -> list[UUID]:
    """End what a provider vouched for: its one session of that name, or all of the person; gives whose each was."""
    conditions: list[ColumnElement[bool]] = [BrowserSession.provider == provider, BrowserSession.method == "oidc"]
    if sid is not None:
        conditions.append(BrowserSession.provider_session == sid)
    if subject is not None:
        conditions.append(
            exists().where(
                UserIdentity.issuer == issuer,
                UserIdentity.subject == subject,
                UserIdentity.user_id == BrowserSession.user_id,
            )
        )
    ended = delete(BrowserSession).where(*conditions).returning(BrowserSession.user_id)
    return list((await tx.scalars(ended)).all())


async def end_sessions_of(tx: AsyncSession, user_id: UUID) -> int:
    """End every session of a person that a provider vouched for; gives how many there were."""
    conditions = (BrowserSession.user_id == user_id, BrowserSession.method == "oidc")
    ended = delete(BrowserSession).where(*conditions).returning(BrowserSession.id)
    return len((await tx.scalars(ended)).all())


async def forget_stale(tx: AsyncSession) -> int:
    """Delete sign-ins that never came back, and logout tokens that are too old to be sent again."""
    attempts = delete(SignInAttempt).where(SignInAttempt.expires_at <= func.now())
    tokens = delete(LogoutToken).where(LogoutToken.expires_at <= func.now())
    gone = (await tx.scalars(attempts.returning(SignInAttempt.state_sha256))).all()
    return len(gone) + len((await tx.scalars(tokens.returning(LogoutToken.jti))).all())
