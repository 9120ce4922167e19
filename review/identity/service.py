"""Projects, and a signed-in person's standing in one."""

from collections.abc import Iterable
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.identity import queries
from review.identity.errors import ProjectNotFound
from review.identity.models import Project
from review.identity.rules import Principal, StandingStop, permissions_of
from review.identity.sessions import Visitor
from review.kernel.db import Hot
from review.kernel.sentences import say


async def enter_project(hot: Hot, visitor: Visitor, slug: str) -> Principal:
    """Give a signed-in person's standing in a project.

    Raises:
        ProjectNotFound: no such project, or not theirs (404; the two look alike).
    """
    row = await queries.find_membership(hot, slug, visitor.user_id)
    if row is None:
        message = say("There is no project %(slug)s that you are in.", slug=repr(slug))
        raise ProjectNotFound(message)
    return Principal(
        project_id=row["project_id"],
        project=row["slug"],
        kind="user",
        id=visitor.user_id,
        name=visitor.name,
        email=visitor.email,
        role=row["role"],
        permissions=permissions_of(row["role"], row["permissions"], None),
        config_version=row["config_version"],
        standing=_standing(row["standing"]),
    )


def _standing(raw: str) -> tuple[StandingStop, ...]:
    return () if raw == "[]" else msgspec.json.decode(raw, type=tuple[StandingStop, ...])


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
