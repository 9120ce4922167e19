"""Whether somebody may come in at all: disabling and enabling them.

What they hold in queues is given back by `review.queueing.departures`, which calls this.
"""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit.rules import Action, Actor
from review.identity import account_queries as queries
from review.identity import people_queries, traces
from review.identity import queries as people
from review.identity.errors import UserNotFound
from review.identity.models import User
from review.identity.rules import normalise_email
from review.identity.service import get_project
from review.kernel.sentences import say


async def disable(tx: AsyncSession, *, email: str, actor: Actor) -> UUID:
    """Disable a person: sessions and half-done sign-ins end, links are void, keys that act as them are refused.

    Disabling somebody twice is the same as once.

    Raises:
        UserNotFound (404).
    """
    user = await _lock(tx, email)
    if user.disabled_at is None:
        user.disabled_at = func.now()
        ended = await queries.delete_sessions(tx, user.id)
        await queries.delete_steps(tx, user.id)
        await queries.delete_links(tx, user.id)
        await traces.note(tx, user.id, Action.USER_DISABLED, actor=actor, details={"sessions_ended": ended})
    await tx.flush()
    return user.id


async def enable(tx: AsyncSession, *, email: str, actor: Actor) -> UUID:
    """Let a disabled person in again, with the password, second factor, roles and tokens they had.

    Raises:
        UserNotFound (404).
    """
    user = await _lock(tx, email)
    if user.disabled_at is not None:
        user.disabled_at = None
        await traces.note(tx, user.id, Action.USER_ENABLED, actor=actor)
    await tx.flush()
    return user.id


async def list_people(tx: AsyncSession, *, project: str) -> list[Mapping[str, Any]]:
    """List the people of a project by e-mail: role, name, whether disabled, how they can sign in, when last seen.

    Raises:
        ProjectNotFound (404).
    """
    owner = await get_project(tx, project)
    return sorted(await people_queries.list_people(tx, owner.id), key=itemgetter("email"))


async def get_user(tx: AsyncSession, email: str) -> User:
    """Give a person by e-mail.

    Raises:
        UserNotFound (404).
    """
    user = await people.find_user(tx, normalise_email(email))
    if user is None:
        message = say("Nobody has the e-mail %(email)s; nothing was changed.", email=repr(email))
        raise UserNotFound(message)
    return user


async def _lock(tx: AsyncSession, email: str) -> User:
    user = await get_user(tx, email)
    return await queries.lock_user(tx, user.id)
