"""The people of a project."""

import asyncio
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action, Actor
from review.identity import passwords, queries
from review.identity.errors import IdentityInvalid, UserExists
from review.identity.models import Membership, User
from review.identity.rules import Role, normalise_email
from review.identity.service import get_project
from review.kernel.errors import FieldError
from review.kernel.ids import new_id


async def create_user(
    tx: AsyncSession,
    *,
    project: str,
    email: str,
    role: Role,
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
    owner = await get_project(tx, project)
    address = normalise_email(email)
    _check_person(address, role, password)
    user = await queries.find_user(tx, address)
    if user is None:
        hashed = await asyncio.to_thread(passwords.hash_password, password) if password else None
        user = User(id=new_id(), email=address, name=name or address.partition("@")[0], password_hash=hashed)
        tx.add(user)
        await tx.flush()
    elif password is not None or await queries.find_role(tx, owner.id, user.id):
        message = (
            f"{address} is known already; nothing was changed. Leave the password out to add them to a new project."
        )
        raise UserExists(message)
    tx.add(Membership(project_id=owner.id, user_id=user.id, role=role.value))
    for pool in pools:
        await tx.execute(
            text("INSERT INTO pool_members VALUES (:project, :pool, :email, 'direct') ON CONFLICT DO NOTHING"),
            {"project": owner.id, "pool": pool, "email": address},
        )
    details = {"email": address, "role": role.value, "pools": list(pools)}
    audit.record(tx, owner.id, actor, Action.USER_CREATED, details=details)
    await tx.flush()
    return user.id


def _check_person(email: str, role: Role, password: str | None) -> None:
    faults: list[FieldError] = []
    local, _, domain = email.partition("@")
    if not local or not domain or any(c.isspace() for c in email) or "@" in domain:
        faults.append(FieldError("email", "is not an e-mail address"))
    if role is Role.SERVICE:
        faults.append(FieldError("role", "service is for keys; a person is admin, lead, reviewer, analyst or auditor"))
    if password is not None and not passwords.MIN_LENGTH <= len(password) <= passwords.MAX_LENGTH:
        faults.append(FieldError("password", f"must have {passwords.MIN_LENGTH} to {passwords.MAX_LENGTH} characters"))
    if faults:
        message = "The person was not created; nothing was stored. Mend what is named below."
        raise IdentityInvalid(message, errors=tuple(faults))
