"""Browser sessions: signing in and out, and whose a cookie is."""

import asyncio
import secrets
from datetime import timedelta
from uuid import UUID

import msgspec
from sqlalchemy import delete, func
from sqlalchemy.ext.asyncio import AsyncSession

from review.identity import passwords, queries
from review.identity.errors import SignInRefused
from review.identity.models import BrowserSession
from review.identity.rules import hash_secret, normalise_email
from review.kernel.db import Hot


class SignedIn(msgspec.Struct, frozen=True):
    """A new session: the cookie's value, and the token its forms must carry."""

    cookie: str
    csrf_token: str
    user_id: UUID


class Browser(msgspec.Struct, frozen=True):
    """What a browser tells of itself: its address, and what it calls itself."""

    origin: str = ""
    user_agent: str = ""


class Vouching(msgspec.Struct, frozen=True):
    """How somebody proved who they are; `provider_session` is the identity provider's own name for its session."""

    method: str = "password"
    provider: str | None = None
    provider_session: str | None = None


class Visitor(msgspec.Struct, frozen=True):
    """A signed-in person, not yet in any project."""

    user_id: UUID
    email: str
    name: str
    csrf_token: str


async def find_visitor(hot: Hot, cookie: str) -> Visitor | None:
    """Tell who a session cookie belongs to, if the session is still good."""
    row = await queries.find_session(hot, hash_secret(cookie)) if cookie else None
    return None if row is None else Visitor(row["user_id"], row["email"], row["name"], row["csrf_token"])


async def sign_in(tx: AsyncSession, *, email: str, password: str, browser: Browser, lifetime: timedelta) -> SignedIn:
    """Open a session with a new id. Takes as long for an unknown person as for a wrong password.

    Raises:
        SignInRefused: they do not belong together, or the account is disabled (401).
    """
    user = await queries.find_user(tx, normalise_email(email))
    stored = user.password_hash if user is not None and user.password_hash else passwords.NOBODY
    matches = await asyncio.to_thread(passwords.verify, stored, password[: passwords.MAX_LENGTH])
    if user is None or not matches or user.disabled_at is not None:
        message = "The e-mail and password do not belong together. Nothing was changed; try again."
        raise SignInRefused(message)
    return await open_session(tx, user.id, browser=browser, lifetime=lifetime, vouching=Vouching())


async def open_session(
    tx: AsyncSession, user_id: UUID, *, browser: Browser, lifetime: timedelta, vouching: Vouching
) -> SignedIn:
    """Open a session with a new id for somebody who has proved who they are."""
    cookie, csrf_token = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
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
    await tx.flush()
    return SignedIn(cookie, csrf_token, user_id)


async def sign_out(tx: AsyncSession, cookie: str) -> None:
    """End the session; ending one that is gone already is fine."""
    await tx.execute(delete(BrowserSession).where(BrowserSession.id == hash_secret(cookie)))


async def end_expired_sessions(tx: AsyncSession) -> int:
    """Delete sessions whose time has run out; gives how many there were."""
    expired = delete(BrowserSession).where(BrowserSession.expires_at <= func.now()).returning(BrowserSession.id)
    return len((await tx.scalars(expired)).all())
