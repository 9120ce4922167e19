"""Passkeys: adding, removing and signing in with them. One that knew its owner is password and code in one."""

import logging
import secrets
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address
from typing import TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import webauthn
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession
from webauthn.helpers import generate_challenge, parse_authentication_credential_json
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from review.audit.rules import Action
from review.identity import account_queries, accounts, devices, throttling, traces
from review.identity import passkey_queries as queries
from review.identity.accounts import Door
from review.identity.errors import IdentityInvalid, PasskeyRefused, SignInRefused
from review.identity.models import Passkey
from review.identity.rules import hash_secret
from review.identity.sessions import Browser, SignedIn, Visitor, Vouching
from review.kernel.errors import FieldError
from review.kernel.sentences import say

log = logging.getLogger(__name__)

T = TypeVar("T")

METHOD = "passkey"
CHALLENGE_LIFETIME = timedelta(minutes=5)
FRESH = timedelta(minutes=10)  # a session as young as this needs no password to add a passkey
MOST_OF_ONE = 20
MAX_NAME = 80
MAX_CREDENTIAL = 16_384  # characters; without attestation they have some 1,000
_PORTS = {"http": 80, "https": 443}


class Party(msgspec.Struct, frozen=True):
    """Who asks for passkeys: the host that they are bound to, and the origin of its pages."""

    id: str
    origin: str

    @classmethod
    def of(cls, public_url: str) -> "Party":
        """Take them from the address that links carry, whatever a request says of its host."""
        parts = urlsplit(public_url)
        port = "" if parts.port in {None, _PORTS.get(parts.scheme)} else f":{parts.port}"
        return cls(parts.hostname or "", f"{parts.scheme}://{parts.hostname}{port}")

    @property
    def has_name(self) -> bool:
        """Whether browsers bind passkeys to it: to names they do, to addresses such as 127.0.0.1 they do not."""
        try:
            ip_address(self.id)
        except ValueError:
            return bool(self.id)
        return False


class Begun(msgspec.Struct, frozen=True):
    """What the browser's script is given, as JSON, and the cookie that its answer must come with."""

    options: str
    cookie: str


async def begin_adding(
    door: Door, party: Party, visitor: Visitor, *, name: str, password: str, browser: Browser
) -> Begun:
    """Ask for a new passkey of somebody who signed in just now or knows their password.

    Raises:
        IdentityInvalid: the name cannot be used, or they have twenty (422); SignInRefused (401); TooManyAttempts (429).
    """
    _check_name(name)
    async with door.db.transaction() as tx:
        is_fresh = await is_session_fresh(tx, browser)
    if not (is_fresh or password):
        message = say(
            "You signed in more than ten minutes ago. Nothing was changed; give your password, or sign in again."
        )
        raise SignInRefused(message)
    if not is_fresh:
        await accounts.check_password(door, user_id=visitor.user_id, password=password, browser=browser)
    async with door.db.transaction() as tx:
        known = await queries.list_passkeys(tx, visitor.user_id)
        _check_room(len(known))
        options = webauthn.generate_registration_options(
            rp_id=party.id,
            rp_name="Countersign",
            user_name=visitor.email,
            user_display_name=visitor.name,
            user_id=visitor.user_id.bytes,
            challenge=generate_challenge(),
            timeout=_milliseconds(CHALLENGE_LIFETIME),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=each["id"]) for each in known],
        )
        cookie = await _keep_challenge(tx, options.challenge, visitor.user_id)
    return Begun(webauthn.options_to_json(options), cookie)


async def add(
    door: Door, party: Party, visitor: Visitor, *, name: str, credential: str, cookie: str, browser: Browser
) -> None:
    """Keep the passkey that somebody's device has made.

    Raises:
        PasskeyRefused (401); IdentityInvalid: the name cannot be used, or they have twenty (422).
    """
    _check_name(name)
    challenge = await _take_challenge(door, cookie, visitor.user_id)
    made = _checked(
        credential,
        lambda: webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        ),
    )
    async with door.db.transaction() as tx:
        await account_queries.lock_user(tx, visitor.user_id)
        _check_room(len(await queries.list_passkeys(tx, visitor.user_id)))
        new = Passkey(
            id=made.credential_id,
            user_id=visitor.user_id,
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            name=name.strip(),
        )
        if not await queries.store_passkey(tx, new):
            raise _refusal()
        await traces.note(tx, visitor.user_id, Action.PASSKEY_ADDED, origin=browser.origin, details={"name": new.name})


async def remove(tx: AsyncSession, visitor: Visitor, mark: str, *, origin: str) -> bool:
    """Forget one of a person's passkeys, by its mark; tells whether it was still there."""
    name = await queries.delete_passkey(tx, visitor.user_id, mark)
    if name is not None:
        await traces.note(tx, visitor.user_id, Action.PASSKEY_REMOVED, origin=origin, details={"name": name})
    return name is not None


async def begin_sign_in(tx: AsyncSession, party: Party) -> Begun:
    """Ask whoever it may be for a passkey."""
    options = webauthn.generate_authentication_options(
        rp_id=party.id,
        challenge=generate_challenge(),
        timeout=_milliseconds(CHALLENGE_LIFETIME),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return Begun(webauthn.options_to_json(options), await _keep_challenge(tx, options.challenge, None))


async def sign_in(door: Door, party: Party, *, credential: str, cookie: str, browser: Browser) -> SignedIn:
    """Open a session for the owner of a passkey whose device has made sure that it is them.

    Raises:
        PasskeyRefused: it does not hold, or the account is disabled (401); TooManyAttempts (429).
    """
    challenge = await _take_challenge(door, cookie, None)
    given = _checked(credential, lambda: parse_authentication_credential_json(credential))
    async with door.db.transaction() as tx:
        owner = await queries.find_owner(tx, given.raw_id, devices.ids_in(browser.device), devices.FRESH)
    email = "" if owner is None else str(owner["email"])
    attempt = await throttling.admit(door.db, accounts.counted_under(email, browser, owner))
    if owner is None:
        raise _refusal()
    try:
        count = _count_of(party, given, challenge, owner["id"], owner["public_key"])
    except PasskeyRefused:
        failures = attempt.failures[0]
        await accounts.note_refusal(door, email=email, browser=browser, failures=failures)
        raise
    async with door.db.transaction() as tx:
        user = await account_queries.lock_user(tx, owner["id"])
        passkey = await queries.lock_passkey(tx, given.raw_id)
        if passkey is not None and user.disabled_at is None and await _is_counted_on(tx, passkey, count, browser):
            passkey.sign_count, passkey.last_used_at = count, func.now()
            await throttling.forgive(tx, attempt)
            return await accounts.let_in(tx, door, user.id, browser, Vouching(METHOD))
    raise _refusal()


async def is_session_fresh(tx: AsyncSession, browser: Browser) -> bool:
    """Tell whether somebody signed in so recently that adding a passkey takes no password."""
    return await queries.is_session_younger(tx, hash_secret(browser.cookie), FRESH)


def _count_of(party: Party, given: AuthenticationCredential, challenge: bytes, owner: UUID, public_key: bytes) -> int:
    """Check what a passkey signed; gives its count, which is left to check against the stored one under its lock."""
    signed = _checked(
        "",
        lambda: webauthn.verify_authentication_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        ),
    )
    if given.response.user_handle != owner.bytes:
        raise _refusal()
    return signed.new_sign_count


async def _is_counted_on(tx: AsyncSession, passkey: Passkey, count: int, browser: Browser) -> bool:
    """Tell whether a passkey counted on since it was last used; a count that did not grow may be a copy's."""
    if count > passkey.sign_count or count == passkey.sign_count == 0:  # many never count
        return True
    details = {"name": passkey.name, "count": count, "last": passkey.sign_count}
    await traces.note(tx, passkey.user_id, Action.PASSKEY_REFUSED, origin=browser.origin, details=details)
    return False


async def _keep_challenge(tx: AsyncSession, challenge: bytes, user_id: UUID | None) -> str:
    cookie = secrets.token_urlsafe(32)
    await queries.store_challenge(tx, hash_secret(cookie), challenge, user_id, CHALLENGE_LIFETIME)
    return cookie


async def _take_challenge(door: Door, cookie: str, user_id: UUID | None) -> bytes:
    """Use up a challenge, whatever comes of it: in a transaction of its own."""
    async with door.db.transaction() as tx:
        challenge = await queries.take_challenge(tx, hash_secret(cookie), user_id)
    if challenge is None:
        raise _refusal()
    return challenge


def _checked(credential: str, check: Callable[[], T]) -> T:
    if len(credential) > MAX_CREDENTIAL:
        raise _refusal()
    try:
        return check()
    except Exception as fault:  # noqa: BLE001  whatever a stranger's bytes make the library's parsers raise
        log.info("a passkey was refused: %.300r", fault)
        raise _refusal() from None


def _check_name(name: str) -> None:
    if not (name.strip() and len(name) <= MAX_NAME and name.isprintable()):
        message = say(
            "A passkey needs a name of 1 to %(most)s characters that can be shown. Nothing was changed.",
            most=MAX_NAME,
        )
        raise IdentityInvalid(message, errors=(FieldError("name", say("cannot be used")),))


def _check_room(count: int) -> None:
    if count >= MOST_OF_ONE:
        message = say(
            "You have %(most)s passkeys, the most there can be. Nothing was changed; remove one first.",
            most=MOST_OF_ONE,
        )
        raise IdentityInvalid(message)


def _milliseconds(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)


def _refusal() -> PasskeyRefused:
    message = say(
        "The passkey was not taken: it is not known here, answered too late, or did not make sure that it is you."
        " Nothing was changed; try again."
    )
    return PasskeyRefused(message)
