"""Whom a bearer key stands for, and making keys and tokens."""

import hmac
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import OPERATOR, Action, Actor
from review.identity import people_queries, queries, roles
from review.identity.errors import IdentityInvalid, NotAuthenticated, ProjectNotFound
from review.identity.models import ApiKey, Project
from review.identity.roles import ALL, RoleView
from review.identity.rules import (
    LiveRollout,
    Permission,
    Principal,
    beyond_reach,
    hash_secret,
    new_key,
    normalise_email,
    permissions_of,
    prefix_of,
)
from review.identity.service import get_project
from review.kernel.db import Hot
from review.kernel.errors import FieldError
from review.kernel.ids import new_id
from review.kernel.sentences import say

MAX_NAME_LENGTH = 200
LONGEST_TOKEN = timedelta(days=365)
NOBODY = UUID(int=0)  # the operator is no account


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is handed over: `secret` is shown this once and not kept."""

    id: UUID
    prefix: str
    name: str
    secret: str
    expires_at: datetime | None


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a key is to be: its name, its scopes (None for all that the role carries), and when it ends."""

    name: str
    scopes: tuple[str, ...] | None = None
    expires_at: datetime | None = None


async def authenticate_key(hot: Hot, secret: str) -> Principal:
    """Tell who a bearer key stands for; one statement, no cache, so revocation takes effect at once.

    Raises:
        NotAuthenticated: unknown, expired, revoked, or its person disabled or no longer in the project (401).
    """
    prefix = prefix_of(secret)
    row = await queries.find_key(hot, prefix) if prefix else None
    digest = hash_secret(secret)
    if row is None or not hmac.compare_digest(row["secret_sha256"], digest) or not row["usable"]:
        message = say(
            "The key is unknown, expired or revoked. Send `Authorization: Bearer <key>` with a key of this project."
        )
        raise NotAuthenticated(message)
    person = row["user_id"] is not None
    return Principal(
        project_id=row["project_id"],
        project=row["slug"],
        kind="user" if person else "key",
        id=row["user_id"] if person else row["key_id"],
        name=row["user_name"] if person else row["key_name"],
        email=row["email"] if person else "",
        role=row["role"],
        permissions=permissions_of(row["role"], row["permissions"], row["scopes"]),
        config_version=row["config_version"],
        key_id=row["key_id"],
        stops=tuple(row["stops"]),
        models_stamp=row["models_stamp"],
        rollout=_rollout_of(row),
    )


async def get_operator(hot: Hot, project: str) -> Principal:
    """Give the operator, whom the command line stands for, as a caller who submits items to a project.

    Raises:
        ProjectNotFound: there is none (404).
    """
    row = await queries.find_operator(hot, project)
    if row is None:
        message = say("There is no project %(slug)s. `review apply FILE` makes one.", slug=repr(project))
        raise ProjectNotFound(message)
    return Principal(
        project_id=row["project_id"],
        project=row["slug"],
        kind=OPERATOR.kind,
        id=NOBODY,
        name=OPERATOR.name,
        email="",
        role="",
        permissions=ALL,
        config_version=row["config_version"],
        stops=tuple(row["stops"]),
        models_stamp=row["models_stamp"],
        rollout=_rollout_of(row),
    )


def _rollout_of(row: Any) -> LiveRollout | None:
    if row["rollout_id"] is None:
        return None
    parts = ("id", "version", "share", "tag")
    return LiveRollout(**{name: row[f"rollout_{name}"] for name in parts})


async def stands(hot: Hot, project_id: UUID, key_id: UUID) -> bool:
    """Tell whether a key is neither revoked nor expired by now."""
    return await queries.key_stands(hot, project_id, key_id)


async def create_key(tx: AsyncSession, *, project: str, name: str, role: str, actor: Actor) -> str:
    """Make a service key as the operator and give its secret, which is not kept and cannot be shown again."""
    owner = await get_project(tx, project)
    return (await make_key(tx, owner, Wish(name=name), role=role, actor=actor)).secret


async def make_key(
    tx: AsyncSession, owner: Project, wish: Wish, *, role: str, actor: Actor, held: Collection[Permission] = ALL
) -> NewKey:
    """Make a service key. It is in no pool, so `pools:all` is always among its scopes.

    `held` is what the caller carries: nobody hands out what they do not carry themselves.

    Raises:
        IdentityInvalid: the name, role, scopes or end cannot be used (422); NotPermitted (403).
    """
    await people_queries.lock_project(tx, owner.id)  # so that the role is not removed meanwhile
    found = await roles.get_role(tx, owner.id, role, for_person=False)
    if Permission.ALL_POOLS not in found.permissions:
        message = say(
            "The role %(role)s sees only pools one is in, and a key is in none. The key was not made.", role=repr(role)
        )
        raise IdentityInvalid(message, errors=(FieldError("role", say("does not carry pools:all")),))
    if wish.scopes is not None:
        wish = msgspec.structs.replace(wish, scopes=(*wish.scopes, Permission.ALL_POOLS.value))
    roles.check_grant(check_scopes(wish, found), held, say("The key"))
    return await store_key(tx, owner.id, wish, role=found.name, user_id=None, actor=actor)


async def create_token(
    tx: AsyncSession,
    *,
    project: str,
    email: str,
    name: str,
    actor: Actor,
    scopes: tuple[str, ...] | None = None,
    lifetime: timedelta | None = None,
    longest: timedelta = LONGEST_TOKEN,
) -> str:
    """Make a personal token as the operator and give its secret, which is not kept and cannot be shown again.

    Raises:
        IdentityInvalid: nobody with this e-mail is in the project, or the scopes or the end cannot be used (422).
    """
    owner = await get_project(tx, project)
    user = await queries.find_user(tx, normalise_email(email))
    role = None if user is None else await queries.find_role(tx, owner.id, user.id)
    if user is None or role is None:
        message = say(
            "Nobody with the e-mail %(email)s is in project %(project)s; create them with `review users create`.",
            email=repr(email),
            project=repr(project),
        )
        raise IdentityInvalid(message)
    ends = None if lifetime is None else await now_of(tx) + lifetime
    wish = Wish(name=name, scopes=scopes, expires_at=ends)
    return (await make_token(tx, owner.id, wish, user_id=user.id, role=role, actor=actor, longest=longest)).secret


async def make_token(
    tx: AsyncSession,
    project_id: UUID,
    wish: Wish,
    *,
    user_id: UUID,
    role: str,
    actor: Actor,
    held: Collection[Permission] | None = None,
    longest: timedelta = LONGEST_TOKEN,
) -> NewKey:
    """Make a personal token, which lives as long as allowed where no end is named.

    `held` is what the caller carries, where that may be less than the role.

    Raises:
        IdentityInvalid: the name, scopes or end cannot be used (422); NotPermitted (403).
    """
    found = await roles.get_role(tx, project_id, role, for_person=True)
    latest = await now_of(tx) + longest
    ends = wish.expires_at or latest
    if ends > latest:
        message = say(
            "A token may live %(days)s days at the longest. It was not made; name an earlier end.", days=longest.days
        )
        raise IdentityInvalid(
            message, errors=(FieldError("expires_at", say("is over %(days)s days away", days=longest.days)),)
        )
    wish = msgspec.structs.replace(wish, expires_at=ends)
    roles.check_grant(check_scopes(wish, found), found.permissions if held is None else held, say("The token"))
    return await store_key(tx, project_id, wish, role=found.name, user_id=user_id, actor=actor)


def check_scopes(wish: Wish, role: RoleView) -> frozenset[Permission]:
    """Give what a key or token of the role would carry.

    Raises:
        IdentityInvalid: a scope is none, or not the role's, or cannot be used without `pools:all` (422).
    """
    if wish.scopes is None:
        return role.permissions
    faults: list[FieldError] = []
    known = {permission.value for permission in Permission}
    for at, scope in enumerate(wish.scopes):
        if scope not in known:
            faults.append(FieldError(f"scopes[{at}]", say("is no permission")))
        elif Permission(scope) not in role.permissions:
            faults.append(FieldError(f"scopes[{at}]", say("is not carried by the role %(name)s", name=role.name)))
    carried = frozenset(Permission(scope) for scope in wish.scopes if scope in known)
    beyond = [wish.scopes.index(each.value) for each in beyond_reach(carried)]
    faults += [FieldError(f"scopes[{at}]", say("cannot be used without pools:all")) for at in sorted(beyond)]
    if faults or not carried:
        faults = faults or [FieldError("scopes", say("is empty; leave it out for all that the role carries"))]
        message = say("The scopes cannot be used; nothing was made. Mend what is named below.")
        raise IdentityInvalid(message, errors=tuple(faults))
    return carried


async def store_key(
    tx: AsyncSession,
    project_id: UUID,
    wish: Wish,
    *,
    role: str,
    user_id: UUID | None,
    actor: Actor,
    rotated_from: UUID | None = None,
) -> NewKey:
    """Store a key whose role and scopes were checked, and give it with its secret.

    Raises:
        IdentityInvalid: it has no name, or its end has passed (422).
    """
    if not 1 <= len(wish.name.strip()) <= MAX_NAME_LENGTH:
        message = say("The key was not made: it needs a name, by which the audit will call it.")
        raise IdentityInvalid(
            message,
            errors=(FieldError("name", say("must have 1 to %(most)s characters", most=MAX_NAME_LENGTH)),),
        )
    if wish.expires_at is not None and wish.expires_at <= await now_of(tx):
        message = say("The key was not made: it would have ended already.")
        raise IdentityInvalid(message, errors=(FieldError("expires_at", say("has passed")),))
    made = new_key()
    scopes = None if wish.scopes is None else sorted(set(wish.scopes))
    key = ApiKey(
        project_id=project_id,
        id=new_id(),
        prefix=made.prefix,
        secret_sha256=made.sha256,
        name=wish.name,
        role=role,
        user_id=user_id,
        scopes=scopes,
        created_by=actor.name,
        expires_at=wish.expires_at,
        rotated_from=rotated_from,
    )
    tx.add(key)
    details = {"name": wish.name, "prefix": made.prefix, "role": role, "personal": user_id is not None}
    details |= {"scopes": scopes, "expires_at": None if wish.expires_at is None else wish.expires_at.isoformat()}
    if rotated_from is None:
        audit.record(tx, project_id, actor, Action.KEY_CREATED, details=details)
    await tx.flush()
    return NewKey(id=key.id, prefix=made.prefix, name=wish.name, secret=made.secret, expires_at=wish.expires_at)


async def now_of(tx: AsyncSession) -> datetime:
    """Give the database's time."""
    now: datetime = (await tx.execute(select(func.now()))).scalar_one()
    return now
