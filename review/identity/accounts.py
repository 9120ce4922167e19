"""Signing in to a local account: throttled, then the password, then the code where one is asked for."""

import asyncio
import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit.rules import Action
from review.identity import account_queries as queries
from review.identity import devices, passwords, second_factor, sessions, throttling, traces
from review.identity import throttling_rules as rules
from review.identity.errors import SignInRefused, StepGone
from review.identity.rules import hash_secret, normalise_email
from review.identity.sessions import Browser, SignedIn, Vouching
from review.identity.throttling_rules import Bucket
from review.kernel.db import Database
from review.kernel.sealing import Sealer
from review.kernel.sentences import say

STEP_LIFETIME = timedelta(minutes=10)
MAX_EMAIL = 320  # what RFC 5321 lets an address have
WITH_CODE = "password_code"


class Door(msgspec.Struct, frozen=True):
    """What local accounts work with: `lifetime` of sessions, and whether everybody `needs_code`."""

    db: Database
    sealer: Sealer
    lifetime: timedelta
    needs_code: bool = False


class HalfDone(msgspec.Struct, frozen=True):
    """A sign-in whose password was right and that still needs a code; `cookie` is no session's."""

    cookie: str


class Step(msgspec.Struct, frozen=True):
    """What a half-done sign-in asks for; with an enrolment, the second factor has to be set up first."""

    user_id: UUID
    email: str
    enrolment: second_factor.Enrolment | None = None


async def sign_in(door: Door, *, email: str, password: str, browser: Browser) -> SignedIn | HalfDone:
    """Open a session, or begin a sign-in that needs a code. Does as much for an unknown person as for a wrong password.

    Raises:
        SignInRefused: they do not belong together, or the account is disabled (401); TooManyAttempts (429).
    """
    address = normalise_email(email)[:MAX_EMAIL]
    async with door.db.transaction() as tx:
        account = await queries.find_account(tx, address, devices.ids_in(browser.device), devices.FRESH)
    attempt = await throttling.admit(door.db, counted_under(address, browser, account))
    stored = str(account["password_hash"]) if account is not None and account["password_hash"] else passwords.NOBODY
    if not await asyncio.to_thread(passwords.verify, stored, password[: passwords.MAX_LENGTH]) or account is None:
        raise _refusal(attempt)
    newer = await _rehashed(stored, password)
    async with door.db.transaction() as tx:
        user = await queries.lock_user(tx, account["id"])
        if user.disabled_at is not None or user.password_hash != stored:
            raise _refusal(attempt)
        user.password_hash = newer or stored
        await throttling.forgive(tx, attempt)
        has_factor = await second_factor.is_on(tx, user.id)
        if has_factor or door.needs_code:
            return await _begin_step(tx, door, user.id, kind="code" if has_factor else "setup")
        return await let_in(tx, door, user.id, browser, Vouching())


async def get_step(door: Door, cookie: str) -> Step:
    """Tell what a half-done sign-in asks for.

    Raises:
        StepGone: it has run out, or there is none (401).
    """
    async with door.db.transaction() as tx:
        found = await _get_step(tx, cookie)
        if found["kind"] == "code":
            return Step(found["user_id"], found["email"])
        standing = await second_factor.get_standing(tx, door.sealer, found["user_id"], found["email"])
        return Step(found["user_id"], found["email"], standing.enrolment)


async def finish_sign_in(door: Door, *, cookie: str, code: str, browser: Browser) -> SignedIn:
    """Open the session that a half-done sign-in was for; where it set up a second factor, with the recovery codes.

    Raises:
        StepGone, CodeRefused (401); TooManyAttempts (429).
    """
    async with door.db.transaction() as tx:
        found = await _get_step(tx, cookie)
        device = await queries.find_device(tx, found["user_id"], devices.ids_in(browser.device), devices.FRESH)
    attempt = await throttling.admit(door.db, [codes_of(found["user_id"], device)])
    async with door.db.transaction() as tx:
        await queries.lock_user(tx, found["user_id"])
        await _get_step(tx, cookie)
        codes: tuple[str, ...] = ()
        if found["kind"] == "setup":
            codes = await second_factor.confirm(tx, door.sealer, found["user_id"], code, origin=browser.origin)
        elif not await second_factor.check(tx, door.sealer, found["user_id"], code, origin=browser.origin):
            raise second_factor.refusal()
        await queries.take_sign_in_step(tx, hash_secret(cookie))
        await throttling.forgive(tx, attempt)
        signed_in = await let_in(tx, door, found["user_id"], browser, Vouching(WITH_CODE))
        return msgspec.structs.replace(signed_in, recovery_codes=codes)


async def note_refusal(door: Door, *, email: str, browser: Browser, failures: int) -> None:
    """Record a refused sign-in of a known account: of the failures in a row, the 1st, 2nd, 4th, 8th and so on.

    Apart from the refusal itself, which takes as long for nobody as for somebody.
    """
    if not rules.is_worth_telling(failures):
        return
    async with door.db.transaction() as tx:
        account = await queries.find_account(tx, normalise_email(email), (), devices.FRESH)
        if account is not None:
            details = {"failures": failures}
            await traces.note(tx, account["id"], Action.SIGN_IN_REFUSED, origin=browser.origin, details=details)


async def check_password(door: Door, *, user_id: UUID, password: str, browser: Browser) -> str:
    """Let a signed-in person go on who knows their password; gives what is stored of it.

    Raises:
        SignInRefused: it is not theirs, or they have none (401); TooManyAttempts (429).
    """
    async with door.db.transaction() as tx:
        user = await queries.lock_user(tx, user_id)
        device = await queries.find_device(tx, user_id, devices.ids_in(browser.device), devices.FRESH)
        stored = user.password_hash or passwords.NOBODY
    attempt = await throttling.admit(
        door.db, counted_under(user.email, browser, {"id": user_id, "device": device} if device else None)
    )
    if not await asyncio.to_thread(passwords.verify, stored, password[: passwords.MAX_LENGTH]):
        message = say("That is not your present password. Nothing was changed; try again.")
        raise SignInRefused(message, failures=attempt.failures[0])
    async with door.db.transaction() as tx:
        await throttling.forgive(tx, attempt)
    return stored


async def check_code(door: Door, *, user_id: UUID, code: str, browser: Browser) -> None:
    """Let a signed-in person go on who has a code of their second factor, and use it up.

    Raises:
        CodeRefused (401); TooManyAttempts (429).
    """
    async with door.db.transaction() as tx:
        device = await queries.find_device(tx, user_id, devices.ids_in(browser.device), devices.FRESH)
    attempt = await throttling.admit(door.db, [codes_of(user_id, device)])
    async with door.db.transaction() as tx:
        if not await second_factor.check(tx, door.sealer, user_id, code, origin=browser.origin):
            raise second_factor.refusal()
        await throttling.forgive(tx, attempt)


async def let_in(tx: AsyncSession, door: Door, user_id: UUID, browser: Browser, vouching: Vouching) -> SignedIn:
    """Open a session for somebody who has proved who they are, and know their browser from now on."""
    signed_in = await sessions.open_session(tx, user_id, browser=browser, lifetime=door.lifetime, vouching=vouching)
    device = await devices.remember(tx, user_id, browser.device)
    return msgspec.structs.replace(signed_in, device=device)


def counted_under(address: str, browser: Browser, account: Any) -> list[Bucket]:
    """Give what an attempt is counted under: on a device of the account's owner only that, else account and network."""
    if account is not None and account["device"] is not None:
        key = rules.key_of("device", str(account["id"]), account["device"].hex())
        return [Bucket(key, rules.DEVICE)]
    network = rules.network_of(browser.origin)
    return [
        Bucket(rules.key_of("account", address, network), rules.ACCOUNT_FROM_NETWORK),
        Bucket(rules.key_of("network", network), rules.NETWORK, is_shared=True),
    ]


def codes_of(user_id: UUID, device: bytes | None) -> Bucket:
    """Give what a person's codes are counted under: on a device of theirs apart from everywhere else."""
    if device is not None:
        return Bucket(rules.key_of("code-device", str(user_id), device.hex()), rules.DEVICE)
    return Bucket(rules.key_of("code", str(user_id)), rules.CODES)


async def forget_old(tx: AsyncSession) -> int:
    """Delete what has run out: links, half-done sign-ins, unused devices, old counters; gives how many of these."""
    await queries.delete_run_out(tx, devices.FRESH)
    return await throttling.forget_old(tx)


async def _rehashed(stored: str, password: str) -> str | None:
    """Hash a password anew where it was hashed with other parameters than today's."""
    return await asyncio.to_thread(passwords.hash_password, password) if passwords.is_outdated(stored) else None


async def _begin_step(tx: AsyncSession, door: Door, user_id: UUID, *, kind: str) -> HalfDone:
    if kind == "setup":
        await second_factor.begin(tx, door.sealer, user_id)
    cookie = secrets.token_urlsafe(32)
    await queries.store_step(tx, hash_secret(cookie), user_id, kind, STEP_LIFETIME)
    return HalfDone(cookie)


async def _get_step(tx: AsyncSession, cookie: str) -> Any:
    found = await queries.find_step(tx, hash_secret(cookie)) if cookie else None
    if found is None:
        message = say("This sign-in has run out; nothing was changed. Begin again with your password.")
        raise StepGone(message)
    return found


def _refusal(attempt: throttling.Attempt) -> SignInRefused:
    message = say("The e-mail and password do not belong together. Nothing was changed; try again.")
    return SignInRefused(message, failures=attempt.failures[0])
