"""The people of a project: who they are there, and changing it."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import delete, text
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action, Actor
from review.identity import key_queries, passwords, queries, roles
from review.identity import people_queries as mine
from review.identity.errors import IdentityInvalid, LastAdmin, PersonNotFound, UserExists
from review.identity.models import Membership, Project, User
from review.identity.roles import ALL
from review.identity.rules import Permission, Role, is_email, normalise_email
from review.identity.service import get_project
from review.kernel.errors import FieldError
from review.kernel.ids import new_id
from review.kernel.paging import cursor_of, position_of
from review.kernel.sentences import say

MOST_ON_A_PAGE = 200


class PersonView(msgspec.Struct, frozen=True, kw_only=True):
    """A person in a project.

    `pools` are those they were added to directly, `configured_pools` the configuration's, `given_pools` those that
    their groups at an identity provider give.
    """

    id: UUID
    email: str
    name: str
    role: str
    pools: list[str]
    configured_pools: list[str]
    given_pools: list[str]
    last_seen_at: datetime | None
    is_disabled: bool


class PeoplePage(msgspec.Struct, frozen=True):
    """A page of people, and the cursor of the page after it."""

    data: list[PersonView]
    next: str | None


async def create_user(
    tx: AsyncSession,
    *,
    project: str,
    email: str,
    role: str,
    pools: tuple[str, ...] = (),
    name: str = "",
    password: str | None = None,
    actor: Actor,
) -> UUID:
    """Make a person a member of the project and of these pools; somebody known from elsewhere just joins.

    Raises:
        IdentityInvalid: the e-mail, role or password cannot be used (422).
        UserExists: they are in the project already, or a known person came with a new password (409).
    """
    owner = await mine.lock_project(tx, (await get_project(tx, project)).id)
    address = normalise_email(email)
    _check_person(address, password)
    found = await roles.get_role(tx, owner.id, role, for_person=True)
    user = await queries.find_user(tx, address)
    if user is None:
        hashed = await asyncio.to_thread(passwords.hash_password, password) if password else None
        user = User(id=new_id(), email=address, name=name or address.partition("@")[0], password_hash=hashed)
        tx.add(user)
        await tx.flush()
    elif password is not None or await queries.find_role(tx, owner.id, user.id):
        message = say(
            "%(address)s is known already; nothing was changed. Leave the password out to add them to a new project.",
            address=address,
        )
        raise UserExists(message)
    tx.add(Membership(project_id=owner.id, user_id=user.id, role=found.name))
    for pool in pools:
        await tx.execute(
            text("INSERT INTO pool_members VALUES (:project, :pool, :email, 'direct') ON CONFLICT DO NOTHING"),
            {"project": owner.id, "pool": pool, "email": address},
        )
    details = {"email": address, "role": found.name, "pools": list(pools)}
    audit.record(tx, owner.id, actor, Action.USER_CREATED, details=details)
    await tx.flush()
    return user.id


async def list_people(tx: AsyncSession, project_id: UUID, *, cursor: str | None, limit: int) -> PeoplePage:
    """List the people of a project in the order they were made.

    Raises:
        Invalid: the cursor is not one of ours (422).
    """
    rows = await mine.list_people(tx, project_id, after=position_of(cursor), limit=limit + 1)
    page = [_view(row) for row in rows[:limit]]
    return PeoplePage(page, cursor_of(page[-1].id) if len(rows) > limit else None)


async def get_person(tx: AsyncSession, project_id: UUID, user_id: UUID) -> PersonView:
    """Give one person of the project.

    Raises:
        PersonNotFound: nobody there has this id (404).
    """
    row = await mine.find_person(tx, project_id, user_id)
    if row is None:
        message = say("Nobody with the id %(user_id)s is in this project.", user_id=user_id)
        raise PersonNotFound(message)
    return _view(row)


async def get_member_id(tx: AsyncSession, owner: Project, email: str) -> UUID:
    """Give the id of somebody in the project by their e-mail.

    Raises:
        PersonNotFound: nobody there has this e-mail (404).
    """
    user = await queries.find_user(tx, normalise_email(email))
    if user is None or not await queries.find_role(tx, owner.id, user.id):
        message = say(
            "Nobody with the e-mail %(email)s is in project %(slug)s; nothing was changed.",
            email=repr(email),
            slug=repr(owner.slug),
        )
        raise PersonNotFound(message)
    return user.id


async def change(
    tx: AsyncSession,
    project_id: UUID,
    user_id: UUID,
    *,
    actor: Actor,
    role: str | None = None,
    pools: Sequence[str] | None = None,
    held: Collection[Permission] = ALL,
) -> PersonView:
    """Give a person another role, or other direct pools; what is None stays. Counts from their next request on.

    `queueing.departures` calls this and gives back what they may not work any more. `held` is what the caller carries:
    nobody hands out, or takes away, what they do not carry themselves.

    Raises:
        PersonNotFound (404); IdentityInvalid: there is no such role or pool (422); NotPermitted (403);
        LastAdmin: nobody else could change the configuration (409).
    """
    await mine.lock_project(tx, project_id)
    before = await get_person(tx, project_id, user_id)
    found = await roles.get_role(tx, project_id, role or before.role, for_person=True)
    await _check_standing(tx, project_id, before, held)
    roles.check_grant(found.permissions, held, say("The role %(role)s", role=found.name))
    if Permission.WRITE_CONFIG not in found.permissions:
        await _keep_an_admin(tx, project_id, before)
    if pools is not None:
        await _check_pools(tx, project_id, pools)
        await mine.replace_direct_pools(tx, project_id, before.email, list(dict.fromkeys(pools)))
    membership = await tx.get_one(Membership, (project_id, user_id))
    if membership.role != found.name:
        membership.role = found.name
        membership.source = "direct"  # or the next sign-in with a provider would undo it
    await tx.flush()
    after = await get_person(tx, project_id, user_id)
    if after != before:
        details = {"email": before.email, "before": _told(before), "after": _told(after)}
        audit.record(tx, project_id, actor, Action.USER_CHANGED, details=details)
        await tx.flush()
    return after


async def remove(
    tx: AsyncSession, project_id: UUID, user_id: UUID, *, actor: Actor, held: Collection[Permission] = ALL
) -> None:
    """Take a person out of the project: their tokens there end now; `queueing.departures` gives back what they hold.

    What they did stays as it is, under their name. Pools that the configuration puts them in it alone can change.

    Raises:
        PersonNotFound (404); NotPermitted: they carry more than the caller (403); LastAdmin (409).
    """
    await mine.lock_project(tx, project_id)
    before = await get_person(tx, project_id, user_id)
    await _check_standing(tx, project_id, before, held)
    await _keep_an_admin(tx, project_id, before)
    await mine.forget_pools(tx, project_id, before.email)
    tokens = await key_queries.revoke_tokens_of(tx, project_id, user_id)
    await tx.execute(delete(Membership).where(Membership.project_id == project_id, Membership.user_id == user_id))
    details = {"email": before.email, "before": _told(before), "after": None, "tokens_revoked": tokens}
    audit.record(tx, project_id, actor, Action.USER_REMOVED, details=details)
    await tx.flush()


async def _check_standing(tx: AsyncSession, project_id: UUID, person: PersonView, held: Collection[Permission]) -> None:
    """Leave alone whoever carries more than the caller does."""
    known = {role.name: role.permissions for role in await roles.list_roles(tx, project_id)}
    roles.check_grant(
        known.get(person.role, ()), held, say("%(email)s, as %(role)s,", email=person.email, role=person.role)
    )


async def _keep_an_admin(tx: AsyncSession, project_id: UUID, person: PersonView) -> None:
    if person.role == Role.ADMIN and not await mine.count_admins(tx, project_id, besides=person.id):
        message = say(
            "%(email)s is the only one who may change this project's configuration. Nothing was changed;"
            " make somebody else admin first.",
            email=person.email,
        )
        raise LastAdmin(message)


async def _check_pools(tx: AsyncSession, project_id: UUID, pools: Sequence[str]) -> None:
    known = await mine.list_pools(tx, project_id)
    faults = [
        FieldError(f"pools[{at}]", say("%(pool)s is no pool of this project", pool=repr(pool)))
        for at, pool in enumerate(pools)
        if pool not in known
    ]
    if faults:
        message = say("There is no such pool; the project has %(known)s. Nothing was changed.", known=", ".join(known))
        raise IdentityInvalid(message, errors=tuple(faults))


def _told(person: PersonView) -> dict[str, Any]:
    return {"role": person.role, "pools": person.pools}


def _view(row: Any) -> PersonView:
    return PersonView(
        id=row["id"],
        email=row["email"],
        name=row["name"],
        role=row["role"],
        pools=row["direct_pools"],
        configured_pools=row["configured_pools"],
        given_pools=row["given_pools"],
        last_seen_at=row["last_seen_at"],
        is_disabled=row["is_disabled"],
    )


def _check_person(email: str, password: str | None) -> None:
    faults: list[FieldError] = []
    if not is_email(email):
        faults.append(FieldError("email", say("is not an e-mail address")))
    if password is not None and (fault := passwords.fault_of(password)):
        faults.append(fault)
    if faults:
        message = say("The person was not created; nothing was stored. Mend what is named below.")
        raise IdentityInvalid(message, errors=tuple(faults))
