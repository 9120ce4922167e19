"""One-time codes from an authenticator app (RFC 6238), and the recovery codes for whoever has lost it."""

import base64
import hmac
import secrets
from uuid import UUID

import msgspec
from pyotp import random_base32
from pyotp.totp import TOTP
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit.rules import Action, Actor
from review.identity import account_queries as queries
from review.identity import traces
from review.identity.errors import CodeRefused, SecondFactorConflict
from review.identity.models import SecondFactor
from review.identity.rules import hash_secret
from review.kernel.sealing import Sealer
from review.kernel.sentences import say

ISSUER = "Countersign"
STEP_SECONDS = 30
SLACK = 1  # steps either way, for a phone whose clock is off
RECOVERY_CODES = 10
RECOVERY_BYTES = 15  # 120 bits; ASVS 6.5.2 allows a plain hash from 112 bits on
_GROUP = 4


class Enrolment(msgspec.Struct, frozen=True):
    """What an authenticator app is given: the key to type, in groups of four, or the address that holds it all."""

    key: str
    uri: str


class Standing(msgspec.Struct, frozen=True):
    """How it stands with somebody's second factor."""

    is_on: bool
    recovery_codes: int = 0
    enrolment: Enrolment | None = None


async def get_standing(tx: AsyncSession, sealer: Sealer, user_id: UUID, email: str) -> Standing:
    """Tell whether a person has a second factor; the key only of one that is not confirmed yet."""
    factor = await queries.find_factor(tx, user_id)
    if factor is None:
        return Standing(is_on=False)
    if factor.confirmed_at is None:
        return Standing(is_on=False, enrolment=_enrolment(sealer.unseal(factor.secret), email))
    return Standing(is_on=True, recovery_codes=await queries.count_recovery_codes(tx, user_id))


async def is_on(tx: AsyncSession, user_id: UUID) -> bool:
    """Tell whether a person has a second factor that counts."""
    factor = await queries.find_factor(tx, user_id)
    return factor is not None and factor.confirmed_at is not None


async def begin(tx: AsyncSession, sealer: Sealer, user_id: UUID) -> None:
    """Make a new key for a person's app, which counts once a code has confirmed it.

    Raises:
        SecondFactorConflict: they have one that counts (409).
    """
    if await is_on(tx, user_id):
        message = say("A second factor is on already. Turn it off first to set up another; nothing was changed.")
        raise SecondFactorConflict(message)
    await queries.store_factor(tx, user_id, sealer.seal(random_base32()))


async def confirm(tx: AsyncSession, sealer: Sealer, user_id: UUID, code: str, *, origin: str) -> tuple[str, ...]:
    """Turn the second factor on with a first code; gives the recovery codes, which cannot be shown again.

    Raises:
        SecondFactorConflict: none was begun, or it is on already (409); CodeRefused (401).
    """
    factor = await queries.find_factor(tx, user_id, lock=True)
    if factor is None or factor.confirmed_at is not None:
        message = say("There is no second factor waiting to be confirmed; nothing was changed. Load the page again.")
        raise SecondFactorConflict(message)
    if not await _take_code(tx, sealer, factor, code):
        raise refusal()
    await traces.note(tx, user_id, Action.SECOND_FACTOR_ADDED, origin=origin)
    return await _new_recovery_codes(tx, user_id)


async def check(tx: AsyncSession, sealer: Sealer, user_id: UUID, code: str, *, origin: str) -> bool:
    """Use up a code of a person's second factor, or one of their recovery codes; tells whether it was good."""
    factor = await queries.find_factor(tx, user_id, lock=True)
    if factor is None or factor.confirmed_at is None:
        return False
    if await _take_code(tx, sealer, factor, code):
        return True
    if not await queries.take_recovery_code(tx, user_id, hash_secret(_plain(code))):
        return False
    left = await queries.count_recovery_codes(tx, user_id)
    await traces.note(tx, user_id, Action.RECOVERY_CODE_USED, origin=origin, details={"left": left})
    return True


async def renew_recovery_codes(tx: AsyncSession, user_id: UUID, *, origin: str) -> tuple[str, ...]:
    """Make new recovery codes; the earlier ones count no more."""
    await traces.note(tx, user_id, Action.RECOVERY_CODES_MADE, origin=origin)
    return await _new_recovery_codes(tx, user_id)


async def turn_off(tx: AsyncSession, user_id: UUID, *, actor: Actor | None = None, origin: str = "") -> bool:
    """Forget a person's second factor and recovery codes; tells whether there was one that counted."""
    was_on = await queries.delete_factor(tx, user_id)
    await queries.delete_steps(tx, user_id)
    if was_on:
        await traces.note(tx, user_id, Action.SECOND_FACTOR_REMOVED, actor=actor, origin=origin)
    return was_on


def refusal() -> CodeRefused:
    """Give the refusal of a code, which does not tell what is wrong with it."""
    message = say(
        "The code is not good: it is wrong, was used already or is too old. Nothing was changed; take the next."
    )
    return CodeRefused(message)


async def _take_code(tx: AsyncSession, sealer: Sealer, factor: SecondFactor, code: str) -> bool:
    given = _plain(code)
    if not (len(given) == 6 and given.isascii() and given.isdigit()):
        return False
    now = await queries.get_step(tx, STEP_SECONDS)
    totp = TOTP(sealer.unseal(factor.secret), interval=STEP_SECONDS)
    good = [step for step in range(now - SLACK, now + SLACK + 1) if hmac.compare_digest(totp.generate_otp(step), given)]
    return bool(good) and await queries.take_step(tx, factor.user_id, good[-1])


async def _new_recovery_codes(tx: AsyncSession, user_id: UUID) -> tuple[str, ...]:
    codes = [base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower() for _ in range(RECOVERY_CODES)]
    await queries.store_recovery_codes(tx, user_id, [hash_secret(code) for code in codes])
    return tuple(_grouped(code) for code in codes)


def _enrolment(secret: str, email: str) -> Enrolment:
    uri = TOTP(secret, interval=STEP_SECONDS).provisioning_uri(name=email, issuer_name=ISSUER)
    return Enrolment(_grouped(secret), uri)


def _grouped(text: str) -> str:
    return " ".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def _plain(code: str) -> str:
    """Give a code as it was made, however it was typed."""
    return "".join(code.split()).replace("-", "").lower()
