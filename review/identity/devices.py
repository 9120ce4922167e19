"""Browsers that somebody has signed in with before: a failure elsewhere never keeps their owner waiting on them."""

import re
import secrets
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from review.identity import account_queries as queries
from review.identity.rules import hash_secret

FRESH = timedelta(days=180)  # since it was last signed in with
MOST_OF_ONE = 10  # devices a person
MOST_IN_COOKIE = 4  # people who share a browser
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


def ids_in(cookie: str) -> list[bytes]:
    """Give the ids of the devices that a cookie names, which may be anything."""
    return [hash_secret(secret) for secret in _secrets_in(cookie)]


async def remember(tx: AsyncSession, user_id: UUID, cookie: str) -> str:
    """Know the browser from now on as this person's; gives what its cookie is to hold.

    What it holds already is taken for theirs only if it is: a secret that somebody planted becomes nobody's device.
    """
    known = await queries.find_device(tx, user_id, ids_in(cookie), FRESH)
    if known is not None:
        await queries.touch_device(tx, user_id, known)
        return ".".join(_secrets_in(cookie))
    secret = secrets.token_urlsafe(32)
    await queries.touch_device(tx, user_id, hash_secret(secret))
    await queries.delete_devices(tx, user_id, keep=MOST_OF_ONE)
    return ".".join([secret, *_secrets_in(cookie)][:MOST_IN_COOKIE])


def _secrets_in(cookie: str) -> list[str]:
    return [part for part in cookie.split(".")[:MOST_IN_COOKIE] if _SECRET.fullmatch(part)]
