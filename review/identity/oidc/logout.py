"""Signing out together: here and at the provider, whoever begins."""

import hmac
from collections import Counter
from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit.rules import Action
from review.identity import traces
from review.identity.oidc import queries, tokens
from review.identity.oidc.errors import LogoutRefused, ProviderUnavailable
from review.identity.oidc.rules import Provider
from review.identity.oidc.service import Federation
from review.identity.rules import hash_secret
from review.kernel.db import Database, get_now
from review.kernel.sentences import say

KEPT = timedelta(hours=1)  # longer than any logout token is taken for


class Farewell(msgspec.Struct, frozen=True):
    """Where somebody who signed out here can sign out of the provider too."""

    title: str
    url: str


async def find_farewell(db: Database, federation: Federation, session: str) -> Farewell | None:
    """Find where to sign out of the provider that vouched for a session; None where there is none, or it is away."""
    if not federation.providers:
        return None
    name = await queries.find_provider_of(db.hot, hash_secret(session))
    provider = federation.providers.get(name) if name else None
    if provider is None:
        return None
    try:
        metadata = await federation.directory.get_metadata(provider)
    except ProviderUnavailable:
        return None
    endpoint = metadata.end_session_endpoint
    if endpoint is None:
        return None
    # The client's id stands in for the ID token, which would have to be kept for it (docs/adr/0024).
    asked = {"client_id": provider.client_id, "post_logout_redirect_uri": f"{federation.base_url}/sign-in"}
    return Farewell(provider.title, f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}")


async def end_by_token(db: Database, federation: Federation, name: str, token: str, *, origin: str) -> int:
    """End the sessions that a provider's logout token names, once; gives how many there were.

    Raises:
        LogoutRefused: it does not hold, or came before (400); ProviderNotFound (404), ProviderUnavailable (503).
    """
    provider = federation.get(name)
    metadata = await federation.directory.get_metadata(provider)
    now = await get_now(db.hot)
    claims = await tokens.check_logout_token(federation.directory, provider, metadata, token, now=now)
    async with db.transaction() as tx:
        if not await queries.remember_logout(tx, provider.issuer, claims["jti"], KEPT):
            message = say("The logout token of %(name)s came before. No session was ended.", name=provider.name)
            raise LogoutRefused(message)
        ended = await queries.end_sessions(
            tx, provider.name, provider.issuer, sid=claims.get("sid"), subject=claims.get("sub")
        )
        return await _note(tx, ended, provider, "back channel", origin)


async def end_by_address(
    tx: AsyncSession, federation: Federation, name: str, *, issuer: str, sid: str, origin: str
) -> int:
    """End the session that a provider's page names in a frame's address; gives how many there were.

    Raises:
        LogoutRefused: it names another issuer or no session (400); ProviderNotFound (404).
    """
    provider = federation.get(name)
    is_theirs = hmac.compare_digest(issuer.encode(), provider.issuer.encode())
    if not is_theirs or not 0 < len(sid) <= tokens.LONGEST_NAME:
        message = say("A sign-out in a frame must name the provider's issuer and its session. No session was ended.")
        raise LogoutRefused(message)
    ended = await queries.end_sessions(tx, provider.name, provider.issuer, sid=sid, subject=None)
    return await _note(tx, ended, provider, "front channel", origin)


async def _note(tx: AsyncSession, ended: list[UUID], provider: Provider, by: str, origin: str) -> int:
    """Record whose sessions ended, and give how many there were."""
    for user_id, count in Counter(ended).items():
        details = {"by": by, "provider": provider.name, "sessions": count}
        await traces.note(tx, user_id, Action.SIGNED_OUT, origin=origin, details=details)
    return len(ended)
