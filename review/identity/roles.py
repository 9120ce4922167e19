"""The roles of a project, built-in and its own, and who may hand them out."""

from collections.abc import Collection, Iterable
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.identity import people_queries as queries
from review.identity.errors import IdentityInvalid, NotPermitted
from review.identity.rules import PERMISSIONS, Permission, Role, permissions_of
from review.kernel.errors import FieldError
from review.kernel.sentences import say

ALL = frozenset(Permission)  # what the operator, who has the command line, may hand out


class RoleView(msgspec.Struct, frozen=True):
    """A role: its name, what it is called, and what it carries."""

    name: str
    title: str
    permissions: frozenset[Permission]


async def list_roles(tx: AsyncSession, project_id: UUID) -> list[RoleView]:
    """List the roles of a project: the built-in ones, then its own by name."""
    built_in = [RoleView(role.value, role.value, carried) for role, carried in PERMISSIONS.items()]
    own = await queries.list_roles(tx, project_id)
    return built_in + [
        RoleView(each.name, each.title, permissions_of(each.name, each.permissions, None)) for each in own
    ]


async def get_role(tx: AsyncSession, project_id: UUID, name: str, *, for_person: bool) -> RoleView:
    """Give a role by its name.

    Raises:
        IdentityInvalid: the project has no such role, or it is not for people (422).
    """
    known = {role.name: role for role in await list_roles(tx, project_id)}
    if for_person:
        del known[Role.SERVICE.value]
    if name not in known:
        told = {"name": repr(name), "known": ", ".join(known)}
        if name == Role.SERVICE:
            why = say("is for keys alone")
            message = say("The role %(name)s is for keys alone; it has %(known)s. Nothing was changed.", **told)
        else:
            why = say("is no role of this project")
            message = say(
                "The role %(name)s is no role of this project; it has %(known)s. Nothing was changed.", **told
            )
        raise IdentityInvalid(message, errors=(FieldError("role", why),))
    return known[name]


def check_grant(given: Iterable[Permission], held: Collection[Permission], what: str) -> None:
    """Let pass who carries everything that they hand out.

    Raises:
        NotPermitted: they lack some of it (403).
    """
    lacking = sorted(set(given) - set(held))
    if lacking:
        message = say(
            "%(what)s carries %(lacking)s, which you do not carry yourself. Nothing was changed.",
            what=what,
            lacking=", ".join(lacking),
        )
        raise NotPermitted(message)
