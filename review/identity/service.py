"""Projects, and a signed-in person's standing in one."""

from collections.abc import Collection, Iterable
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from review.identity import queries
from review.identity.errors import ProjectNotFound
from review.identity.models import Project
from review.identity.rules import Principal, permissions_of
from review.identity.sessions import Visitor
from review.kernel.db import Hot
from review.kernel.sentences import say


def enter_project(visitor: Visitor, slug: str) -> Principal:
    """Give a signed-in person's standing in the project that their session was looked up for.

    Raises:
        ProjectNotFound: no such project, or not theirs (404; the two look alike).
    """
    if visitor.entered is None or visitor.entered.project != slug:
        message = say("There is no project %(slug)s that you are in.", slug=repr(slug))
        raise ProjectNotFound(message)
    return visitor.entered


async def pools_of(hot: Hot, who: Principal) -> Collection[str]:
    """Give the pools that a caller is in; asks nothing where they came with the look-up of who is calling."""
    return await queries.list_pools_of(hot, who.project_id, who.email) if who.pools is None else who.pools


async def find_absent(
    hot: Hot, project_id: UUID, user_id: UUID, *, key_id: UUID | None, carried: Iterable[str], origin: str
) -> Principal | None:
    """Give somebody's standing of now for what they asked for before, with no more than they carried then.

    None if they are disabled or have left, or the token they asked with does not stand any more.
    """
    row = await queries.find_absent(hot, project_id, user_id, key_id)
    if row is None:
        return None
    return Principal(
        project_id=project_id,
        project=row["slug"],
        kind="user",
        id=user_id,
        name=row["name"],
        email=row["email"],
        role=row["role"],
        permissions=permissions_of(row["role"], row["permissions"], frozenset(carried)),
        config_version=row["config_version"],
        key_id=key_id,
        origin=origin,
    )


async def get_project(tx: AsyncSession, slug: str) -> Project:
    """Give a project by its name.

    Raises:
        ProjectNotFound: there is none (404).
    """
    project = await queries.find_project(tx, slug)
    if project is None:
        message = say("There is no project %(slug)s. `review apply FILE` makes one.", slug=repr(slug))
        raise ProjectNotFound(message)
    return project
