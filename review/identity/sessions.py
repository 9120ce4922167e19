"""Browser sessions: opening and ending them, and whose a cookie is."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import delete, func
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit.rules import Action
from review.identity import account_queries, queries, traces
from review.identity.models import BrowserSession
from review.identity.preferences import DEFAULTS, Preferences, decode
from review.identity.rules import Principal, StandingStop, hash_secret, permissions_of
from review.kernel.db import Hot

IDLE = timedelta(hours=4)  # the default of REVIEW_SESSION_IDLE


class SignedIn(msgspec.Struct, frozen=True):
    """A new session: the cookie's value, and the token its forms must carry.

    `device` is what the browser's device cookie holds from now on, and `recovery_codes` are to be shown, once; both
    are empty where there are none.
    """

    cookie: str
    csrf_token: str
    user_id: UUID
    device: str = ""
    recovery_codes: tuple[str, ...] = ()


class Browser(msgspec.Struct, frozen=True):
    """What a browser tells of itself: its address, what it calls itself, and the session and devices in its cookies."""

    origin: str = ""
    user_agent: str = ""
    cookie: str = ""
    device: str = ""


class Vouching(msgspec.Struct, frozen=True):
    """How somebody proved who they are; `provider_session` is the identity provider's own name for its session."""

    method: str = "password"
    provider: str | None = None
    provider_session: str | None = None


class Visitor(msgspec.Struct, frozen=True):
    """A signed-in person, with how they like to work.

    `entered` is their standing in the project that was asked for, None where none was or it is not theirs.
    """

    user_id: UUID
    email: str
    name: str
    csrf_token: str
    preferences: Preferences = DEFAULTS
    entered: Principal | None = None


class OpenSession(msgspec.Struct, frozen=True, kw_only=True):
    """One of a person's sessions as they are shown it; `mark` names it in forms, and is no way into it."""

    mark: str
    user_agent: str
    origin: str
    method: str
    provider: str | None
    created_at: datetime
    last_seen_at: datetime
    is_this: bool


async def find_visitor(hot: Hot, cookie: str, idle: timedelta = IDLE, project: str | None = None) -> Visitor | None:
    """Tell who a session cookie belongs to, if the session is still good, and their standing in a project, if named.

    That the session is of use is noted once a minute.
    """
    row = await queries.find_session(hot, hash_secret(cookie), idle, project) if cookie else None
    if row is None:
        return None
    known = row["user_id"], row["email"], row["name"], row["csrf_token"], decode(row["preferences"])
    return Visitor(*known, entered=None if row["project_id"] is None else _standing(row))


def _standing(row: Any) -> Principal:
    return Principal(
        project_id=row["project_id"],
        project=row["slug"],
        kind="user",
        id=row["user_id"],
        name=row["name"],
        email=row["email"],
        role=row["role"],
        permissions=permissions_of(row["role"], row["permissions"], None),
        config_version=row["config_version"],
        standing=msgspec.json.decode(row["standing"], type=tuple[StandingStop, ...]),
        pools=frozenset(row["pools"]),
    )


async def open_session(
    tx: AsyncSession, user_id: UUID, *, browser: Browser, lifetime: timedelta, vouching: Vouching
) -> SignedIn:
    """Open a session with a new id for somebody who has proved who they are, and end the one the browser had."""
    cookie, csrf_token = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    await sign_out(tx, browser.cookie, origin=browser.origin, by="another sign-in")
    tx.add(
        BrowserSession(
            id=hash_secret(cookie),
            user_id=user_id,
            csrf_token=csrf_token,
            user_agent=browser.user_agent[:200],
            origin=browser.origin,
            method=vouching.method,
            provider=vouching.provider,
            provider_session=vouching.provider_session,
            expires_at=func.now() + lifetime,
        )
    )
    how = {"method": vouching.method} | ({"provider": vouching.provider} if vouching.provider else {})
    await traces.note(tx, user_id, Action.SIGNED_IN, origin=browser.origin, details=how)
    await tx.flush()
    return SignedIn(cookie, csrf_token, user_id)


async def sign_out(tx: AsyncSession, cookie: str, *, origin: str, by: str = "") -> None:
    """End the session that a browser has; ending one that is gone already is fine. `by` is what else it ended by."""
    if not cookie:
        return
    ended = delete(BrowserSession).where(BrowserSession.id == hash_secret(cookie)).returning(BrowserSession.user_id)
    user_id = await tx.scalar(ended)
    if user_id is not None:
        await traces.note(tx, user_id, Action.SIGNED_OUT, origin=origin, details={"by": by} if by else None)


async def list_sessions(tx: AsyncSession, user_id: UUID, *, cookie: str, idle: timedelta) -> list[OpenSession]:
    """List a person's sessions, the last used first; `cookie` is that of the one they ask with."""
    this = hash_secret(cookie)
    rows = await account_queries.list_sessions(tx, user_id, idle)
    return [
        OpenSession(
            mark=_mark(row["id"]),
            is_this=row["id"] == this,
            **{name: row[name] for name in row if name != "id"},
        )
        for row in rows
    ]


async def revoke(tx: AsyncSession, visitor: Visitor, mark: str, *, origin: str, idle: timedelta) -> int:
    """End one of a person's sessions, by its mark; gives 0 where it is gone already."""
    rows = await account_queries.list_sessions(tx, visitor.user_id, idle)
    meant = next((row["id"] for row in rows if _mark(row["id"]) == mark), None)
    if meant is None:
        return 0
    return await _revoke(tx, visitor, origin, only=meant)


async def revoke_all(tx: AsyncSession, visitor: Visitor, *, origin: str, sparing: str = "") -> int:
    """End all sessions of a person, or all but the one whose cookie is given; gives how many there were."""
    return await _revoke(tx, visitor, origin, sparing=hash_secret(sparing) if sparing else None)


async def _revoke(
    tx: AsyncSession, visitor: Visitor, origin: str, *, only: bytes | None = None, sparing: bytes | None = None
) -> int:
    count = await account_queries.delete_sessions(tx, visitor.user_id, only=only, sparing=sparing)
    if only is None:
        await account_queries.delete_steps(tx, visitor.user_id)
    if count:
        await traces.note(tx, visitor.user_id, Action.SESSIONS_REVOKED, origin=origin, details={"sessions": count})
    return count


async def end_expired_sessions(tx: AsyncSession) -> int:
    """Delete sessions whose time has run out; gives how many there were."""
    expired = delete(BrowserSession).where(BrowserSession.expires_at <= func.now()).returning(BrowserSession.id)
    return len((await tx.scalars(expired)).all())


def _mark(session_id: bytes) -> str:
    return hashlib.sha256(session_id).hexdigest()[:24]
