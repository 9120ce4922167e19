"""Service keys and personal tokens: making them, and whom one stands for."""

import hmac
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action, Actor
from review.identity import queries
from review.identity.errors import IdentityInvalid, NotAuthenticated
from review.identity.models import ApiKey, Project
from review.identity.rules import Principal, Role, hash_secret, new_key, normalise_email, prefix_of
from review.identity.service import get_project
from review.kernel.db import Hot
from review.kernel.errors import FieldError
from review.kernel.ids import new_id

MAX_NAME_LENGTH = 200


async def authenticate_key(hot: Hot, secret: str) -> Principal:
    """Tell who a bearer key stands for; one statement, no cache, so revocation takes effect at once.

    Raises:
        NotAuthenticated: unknown, expired, revoked, or its person disabled or no longer in the project (401).
    """
    prefix = prefix_of(secret)
    row = await queries.find_key(hot, prefix) if prefix else None
    digest = hash_secret(secret)
    if row is None or not hmac.compare_digest(row["secret_sha256"], digest) or not row["usable"]:
        message = (
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
        role=Role(row["role"]),
        config_version=row["config_version"],
        stops=tuple(row["stops"]),
    )


async def create_key(tx: AsyncSession, *, project: str, name: str, role: Role, actor: Actor) -> str:
    """Make a service key and give its secret, which is not kept and cannot be shown again."""
    owner = await get_project(tx, project)
    return await _store_key(tx, owner, name=name, role=role, user_id=None, actor=actor)


async def create_token(tx: AsyncSession, *, project: str, email: str, name: str, actor: Actor) -> str:
    """Make a personal token and give its secret, which is not kept and cannot be shown again.

    Raises:
        IdentityInvalid: nobody with this e-mail is in the project (422).
    """
    owner = await get_project(tx, project)
    user = await queries.find_user(tx, normalise_email(email))
    role = None if user is None else await queries.find_role(tx, owner.id, user.id)
    if user is None or role is None:
        message = f"Nobody with the e-mail {email!r} is in project {project!r}; create them with `review users create`."
        raise IdentityInvalid(message)
    return await _store_key(tx, owner, name=name, role=Role(role), user_id=user.id, actor=actor)


async def _store_key(
    tx: AsyncSession, owner: Project, *, name: str, role: Role, user_id: UUID | None, actor: Actor
) -> str:
    if not 1 <= len(name.strip()) <= MAX_NAME_LENGTH:
        message = "The key was not made: it needs a name, by which the audit will call it."
        raise IdentityInvalid(message, errors=(FieldError("name", f"must have 1 to {MAX_NAME_LENGTH} characters"),))
    key = new_key()
    tx.add(
        ApiKey(
            project_id=owner.id,
            id=new_id(),
            prefix=key.prefix,
            secret_sha256=key.sha256,
            name=name,
            role=role.value,
            user_id=user_id,
        )
    )
    details = {"name": name, "prefix": key.prefix, "role": role.value, "personal": user_id is not None}
    audit.record(tx, owner.id, actor, Action.KEY_CREATED, details=details)
    await tx.flush()
    return key.secret
