"""New passwords: changed by whoever knows the present one, or chosen by a link that works once."""

import asyncio
import secrets
from datetime import timedelta

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit.rules import Action, Actor
from review.identity import account_queries as queries
from review.identity import accounts, devices, passwords, throttling, traces
from review.identity import queries as people
from review.identity import throttling_rules as rules
from review.identity.accounts import Door
from review.identity.errors import IdentityInvalid, LinkNotGood, SignInRefused, TooManyAttempts, UserNotFound
from review.identity.models import User
from review.identity.rules import hash_secret, normalise_email
from review.identity.sessions import Browser, Visitor
from review.identity.throttling_rules import Bucket
from review.kernel.sentences import say

RESET_LIFETIME = timedelta(hours=1)
INVITATION_LIFETIME = timedelta(days=3)  # for whoever is told of it on a Friday


class NewLink(msgspec.Struct, frozen=True):
    """The secret part of a link, which is not kept, for whom it is, and how long it works."""

    secret: str
    email: str
    lifetime: timedelta
    is_invitation: bool


class Chooser(msgspec.Struct, frozen=True):
    """Whoever a link lets choose a password; `is_invited` if it is their first."""

    email: str
    is_invited: bool


async def change_password(door: Door, visitor: Visitor, *, present: str, new: str, browser: Browser) -> int:
    """Change the password of a signed-in person who knows the present one; gives how many other sessions ended.

    Raises:
        SignInRefused: the present one is another (401); IdentityInvalid: the new one cannot be used (422);
            TooManyAttempts (429).
    """
    _check(new)
    stored = await accounts.check_password(door, user_id=visitor.user_id, password=present, browser=browser)
    hashed = await asyncio.to_thread(passwords.hash_password, new)
    async with door.db.transaction() as tx:
        user = await queries.lock_user(tx, visitor.user_id)
        if user.password_hash != stored:
            message = say("Your password was changed elsewhere meanwhile. Nothing was changed now; try again.")
            raise SignInRefused(message)
        device = await queries.find_device(tx, user.id, devices.ids_in(browser.device), devices.FRESH)
        ended = await _store(tx, user, hashed, sparing=hash_secret(browser.cookie), device=device)
        details = {"by": "account page", "sessions_ended": ended}
        await traces.note(tx, user.id, Action.LOGIN_CHANGED, origin=browser.origin, details=details)
    return ended


async def make_link(tx: AsyncSession, *, email: str, actor: Actor | None = None, origin: str = "") -> NewLink:
    """Make a link by which a person chooses a new password, or their first one; earlier links stay good till used.

    Raises:
        UserNotFound: nobody has this e-mail, or they are disabled (404).
    """
    user = await people.find_user(tx, normalise_email(email))
    if user is None or user.disabled_at is not None:
        message = say("Nobody who can sign in has the e-mail %(email)s; nothing was changed.", email=repr(email))
        raise UserNotFound(message)
    secret, is_invitation = secrets.token_urlsafe(32), user.password_hash is None
    lifetime = INVITATION_LIFETIME if is_invitation else RESET_LIFETIME
    await queries.store_link(tx, hash_secret(secret), user.id, lifetime)
    details = {"invitation": is_invitation}
    await traces.note(tx, user.id, Action.LINK_MADE, actor=actor, origin=origin, details=details)
    return NewLink(secret, user.email, lifetime, is_invitation)


async def ask_for_link(door: Door, *, browser: Browser) -> None:
    """Let a stranger ask for a link, unless many were asked for from their network; says nothing of any account.

    Raises:
        TooManyAttempts (429).
    """
    network = rules.network_of(browser.origin)
    await throttling.admit(door.db, [Bucket(rules.key_of("letters-asked", network), rules.LETTERS_ASKED)])


async def link_for(door: Door, *, email: str, browser: Browser) -> NewLink | None:
    """Make the link that somebody asked for, if it is for a local account that was not sent several just now."""
    async with door.db.transaction() as tx:
        user = await people.find_user(tx, normalise_email(email))
    if user is None or user.disabled_at is not None or user.password_hash is None:
        return None
    try:
        await throttling.admit(door.db, [Bucket(rules.key_of("letters-sent", str(user.id)), rules.LETTERS_SENT)])
    except TooManyAttempts:
        return None
    async with door.db.transaction() as tx:
        return await make_link(tx, email=email, origin=browser.origin)


async def get_chooser(tx: AsyncSession, secret: str) -> Chooser:
    """Tell who may choose a password by this link; opening it does not use it up.

    Raises:
        LinkNotGood: it is unknown, used or has run out, or they are disabled (410).
    """
    found = await queries.find_link(tx, hash_secret(secret))
    if found is None:
        raise _no_link()
    return Chooser(found["email"], not found["has_password"])


async def choose_password(door: Door, *, secret: str, new: str, browser: Browser) -> str:
    """Store a password chosen by a link, end every session and void every link of the person; gives their e-mail.

    Raises:
        LinkNotGood (410); IdentityInvalid: the password cannot be used; the link stays good (422).
    """
    async with door.db.transaction() as tx:
        await get_chooser(tx, secret)
    _check(new)
    hashed = await asyncio.to_thread(passwords.hash_password, new)
    async with door.db.transaction() as tx:
        found = await queries.find_link(tx, hash_secret(secret))
        if found is None:
            raise _no_link()
        user = await queries.lock_user(tx, found["id"])
        if await queries.find_link(tx, hash_secret(secret)) is None:  # used while the row was waited for
            raise _no_link()
        ended = await _store(tx, user, hashed)
        details = {"by": "link", "sessions_ended": ended}
        await traces.note(tx, user.id, Action.LOGIN_CHANGED, origin=browser.origin, details=details)
        return user.email


async def _store(
    tx: AsyncSession, user: User, hashed: str, *, sparing: bytes | None = None, device: bytes | None = None
) -> int:
    user.password_hash = hashed
    await queries.delete_links(tx, user.id)
    await queries.delete_steps(tx, user.id)
    await queries.delete_devices(tx, user.id, keep=0, sparing=device)
    return await queries.delete_sessions(tx, user.id, sparing=sparing)


def _check(password: str) -> None:
    fault = passwords.fault_of(password)
    if fault is not None:
        message = say("The new password cannot be used; the present one still holds. Mend what is named below.")
        raise IdentityInvalid(message, errors=(fault,))


def _no_link() -> LinkNotGood:
    message = say(
        "This link is not good any more: it works once and for a limited time. Nothing was changed; ask for a new one."
    )
    return LinkNotGood(message)
