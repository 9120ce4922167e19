"""Going to a provider to sign in, and coming back."""

import hmac
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from review.identity import sessions
from review.identity.oidc import joining, queries, tokens
from review.identity.oidc.calls import Caller, authorization_url, unavailable
from review.identity.oidc.discovery import Directory, Metadata
from review.identity.oidc.errors import ProviderNotFound, SignInNotCompleted, TokenRefused
from review.identity.oidc.models import SignInAttempt
from review.identity.oidc.rules import Provider, person_of
from review.identity.rules import hash_secret
from review.identity.sessions import Browser, SignedIn, Vouching
from review.kernel.db import Database, get_now
from review.kernel.sentences import say

log = logging.getLogger(__name__)

ATTEMPT_LIFETIME = timedelta(minutes=10)
LONGEST_TARGET = 2_000
LONGEST_PARAMETER = 4_096  # of what a provider sends back in the address
BEGIN_AGAIN = say(
    "Nothing was changed. Begin again on the sign-in page, and finish within ten minutes in the same browser."
)


@dataclass(frozen=True)
class Federation:
    """The identity providers of one process, and the way to them."""

    providers: Mapping[str, Provider]
    base_url: str
    caller: Caller
    directory: Directory

    @classmethod
    def of(cls, providers: Mapping[str, Provider], base_url: str) -> "Federation":
        """Make ready to speak to these providers; none is spoken to before somebody wants to sign in."""
        caller = Caller()
        return cls(providers, base_url, caller, Directory(caller))

    def get(self, name: str) -> Provider:
        """Give a provider.

        Raises:
            ProviderNotFound: there is none of that name (404).
        """
        provider = self.providers.get(name)
        if provider is None:
            message = say("There is no identity provider of that name here. The sign-in page shows those there are.")
            raise ProviderNotFound(message)
        return provider

    def callback(self, provider: Provider) -> str:
        """Give the address that a provider sends people back to: its own, so that none answers for another."""
        return f"{self.base_url}/sign-in/with/{provider.name}/callback"


class Begun(msgspec.Struct, frozen=True):
    """A sign-in under way: where the browser goes, and the cookie by which it is known again."""

    url: str
    cookie_mark: str
    cookie: str


class Answer(msgspec.Struct, frozen=True):
    """What a provider sent the browser back with."""

    state: str = ""
    code: str = ""
    error: str = ""
    issuer: str = ""


class Finished(msgspec.Struct, frozen=True):
    """Somebody has come back: their new session, or None where they linked an identity; and where they were going."""

    session: SignedIn | None
    target: str


async def begin(tx: AsyncSession, federation: Federation, name: str, *, target: str, link_to: UUID | None) -> Begun:
    """Make ready for one sign-in, or for one linking to a signed-in person's account, and say where it goes on.

    Raises:
        ProviderNotFound (404); ProviderUnavailable (503).
    """
    provider = federation.get(name)
    metadata = await federation.directory.get_metadata(provider)
    state, nonce, verifier, cookie = (secrets.token_urlsafe(32) for _ in range(4))
    url = authorization_url(
        provider,
        metadata.authorization_endpoint,
        redirect_uri=federation.callback(provider),
        state=state,
        nonce=nonce,
        verifier=verifier,
    )
    tx.add(
        SignInAttempt(
            state_sha256=hash_secret(state),
            browser_sha256=hash_secret(cookie),
            provider=provider.name,
            nonce=nonce,
            verifier=verifier,
            target=target if len(target) <= LONGEST_TARGET else "/",
            link_to=link_to,
            expires_at=func.now() + ATTEMPT_LIFETIME,
        )
    )
    await tx.flush()
    return Begun(url, cookie_mark(state), cookie)


def cookie_mark(state: str) -> str:
    """Give what tells the cookies of several sign-ins under way in one browser apart."""
    return hash_secret(state).hex()[:12]


async def finish(
    db: Database, federation: Federation, name: str, answer: Answer, *, cookie: str, coming: "Coming"
) -> Finished:
    """Take somebody in who comes back from a provider, once.

    The provider is asked outside of any transaction. What is refused leaves no session, and cannot be tried again.

    Raises:
        SignInNotCompleted (400), TokenRefused (401), AccountNotAllowed (403), EmailTaken, IdentityTaken (409),
        ProviderNotFound (404), ProviderUnavailable (503).
    """
    provider = federation.get(name)
    attempt = await _take(db, provider, answer, cookie)
    metadata = await federation.directory.get_metadata(provider)
    _check_answer(provider, metadata, answer)
    given = await _redeem(federation, provider, metadata, answer.code, attempt["verifier"])
    now = await get_now(db.hot)
    claims = await tokens.check_id_token(
        federation.directory, provider, metadata, given, nonce=attempt["nonce"], now=now
    )
    person = person_of(provider, await _complete(federation, provider, metadata, claims, given))
    sid = claims.get("sid")
    vouching = Vouching("oidc", provider.name, sid if _is_name(sid) else None)
    link_to: UUID | None = attempt["link_to"]
    if link_to is not None:
        await _check_still_there(db, link_to, coming)
    async with db.transaction() as tx:
        if link_to is not None:
            await joining.link(tx, link_to, provider, person, origin=coming.browser.origin)
            return Finished(None, attempt["target"])
        user_id = await joining.sign_in(tx, provider, person, origin=coming.browser.origin)
        opened = await sessions.open_session(
            tx, user_id, browser=coming.browser, lifetime=coming.lifetime, vouching=vouching
        )
    return Finished(opened, attempt["target"])


class Coming(msgspec.Struct, frozen=True):
    """The browser somebody comes back with, and how long a session lasts, in all and without a request."""

    browser: Browser
    lifetime: timedelta
    idle: timedelta


class Linked(msgspec.Struct, frozen=True):
    """One provider as a person's own page shows it; `subject` is empty where it is not linked with their account."""

    name: str
    title: str
    subject: str = ""
    linked_at: datetime | None = None
    used_at: datetime | None = None


async def list_linked(tx: AsyncSession, federation: Federation, user_id: UUID) -> list[Linked]:
    """List every provider, with each identity of a person there."""
    found: list[Linked] = []
    identities = await queries.list_identities(tx, user_id)
    for provider in federation.providers.values():
        theirs = [each for each in identities if each.issuer == provider.issuer]
        found += [
            Linked(provider.name, provider.title, each.subject, each.created_at, each.last_used_at) for each in theirs
        ] or [Linked(provider.name, provider.title)]
    return found


async def forget_stale(tx: AsyncSession) -> int:
    """Forget sign-ins that never came back and logout tokens that are too old to come again; gives how many."""
    return await queries.forget_stale(tx)


async def _take(db: Database, provider: Provider, answer: Answer, cookie: str) -> Any:
    parts = (answer.state, answer.code, answer.error, answer.issuer, cookie)
    known = bool(answer.state) and bool(cookie) and all(len(each) <= LONGEST_PARAMETER for each in parts)
    attempt = (
        await queries.take_attempt(db.hot, hash_secret(answer.state), hash_secret(cookie), provider.name)
        if known
        else None
    )
    if attempt is None:
        message = say(
            "The sign-in was not completed: this answer belongs to none that is under way in this browser, or it was "
            "used already. %(begin_again)s",
            begin_again=BEGIN_AGAIN,
        )
        raise SignInNotCompleted(message)
    return attempt


def _check_answer(provider: Provider, metadata: Metadata, answer: Answer) -> None:
    """Refuse an answer that another provider gave (RFC 9207, section 2.4), or that carries no code."""
    wanted = metadata.authorization_response_iss_parameter_supported
    if (wanted or answer.issuer) and not hmac.compare_digest(answer.issuer.encode(), provider.issuer.encode()):
        message = say(
            "The sign-in was not completed: the answer does not come from %(title)s. %(begin_again)s",
            title=provider.title,
            begin_again=BEGIN_AGAIN,
        )
        raise SignInNotCompleted(message)
    if answer.error == "access_denied":
        message = say(
            "You were not signed in: %(title)s did not let you, or you did not want to. %(begin_again)s",
            title=provider.title,
            begin_again=BEGIN_AGAIN,
        )
        raise SignInNotCompleted(message)
    if answer.error or not answer.code:
        log.warning("the identity provider %s ended a sign-in: %r", provider.name, answer.error[:40])
        message = say(
            "The sign-in was not completed: %(title)s ended it without saying who you are. %(begin_again)s",
            title=provider.title,
            begin_again=BEGIN_AGAIN,
        )
        raise SignInNotCompleted(message)


async def _redeem(
    federation: Federation, provider: Provider, metadata: Metadata, code: str, verifier: str
) -> dict[str, Any]:
    method = metadata.secret_method(provider)
    if method is None:
        raise unavailable(provider, say("it takes a client's secret in no way that is known here"))
    return await federation.caller.redeem(
        provider,
        metadata.token_endpoint,
        method=method,
        code=code,
        verifier=verifier,
        redirect_uri=federation.callback(provider),
    )


async def _complete(
    federation: Federation, provider: Provider, metadata: Metadata, claims: dict[str, Any], given: dict[str, Any]
) -> dict[str, Any]:
    """Ask the userinfo endpoint for what the ID token leaves out; what the token says stands.

    Raises:
        TokenRefused: it answers for somebody else (401); ProviderUnavailable (503).
    """
    wanted = {"email", *provider.groups_claim[:1]}
    bearer = given.get("access_token")
    if metadata.userinfo_endpoint is None or not isinstance(bearer, str) or wanted <= set(claims):
        return claims
    raw = await federation.caller.get(provider, metadata.userinfo_endpoint, bearer=bearer)
    try:
        more = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise unavailable(provider, say("what it tells of people cannot be read")) from None
    if more.get("sub") != claims["sub"]:
        message = say(
            "You were not signed in: %(title)s answered for somebody else. %(begin_again)s",
            title=provider.title,
            begin_again=BEGIN_AGAIN,
        )
        raise TokenRefused(message)
    if "email" in claims:  # whether it is verified is the token's to say
        more = {name: value for name, value in more.items() if name != "email_verified"}
    return {**more, **claims}


async def _check_still_there(db: Database, user_id: UUID, coming: Coming) -> None:
    visitor = await sessions.find_visitor(db.hot, coming.browser.cookie, coming.idle)
    if visitor is None or visitor.user_id != user_id:
        message = say("Nothing was linked: whoever began it is not signed in here any more. Sign in, and begin again.")
        raise SignInNotCompleted(message)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= tokens.LONGEST_NAME and "\0" not in value
