"""Signing in, authenticating, and creating people, keys and tokens."""

import asyncio
import hmac
import secrets
from datetime import timedelta
from uuid import UUID

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import delete, func, text
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action, Actor
from review.identity import queries
from review.identity.errors import IdentityInvalid, NotAuthenticated, ProjectNotFound, SignInRefused, UserExists
from review.identity.models import ApiKey, BrowserSession, Membership, Project, User
from review.identity.rules import Principal, Role, hash_secret, new_key, normalise_email, prefix_of
from review.kernel.db import Hot
from review.kernel.errors import FieldError
from review.kernel.ids import new_id

MAX_NAME_LENGTH = 200
MIN_PASSWORD_LENGTH = 10
MAX_PASSWORD_LENGTH = 1024  # argon2 would hash a megabyte just as willingly

_hasher = PasswordHasher()  # RFC 9106's low-memory profile, the library's default
_NOBODY = _hasher.hash(secrets.token_hex())


class SignedIn(msgspec.Struct, frozen=True):
    """A new session: the cookie's value, and the token its forms must carry."""

    cookie: str
    csrf_token: str
    user_id: UUID


class Visitor(msgspec.Struct, frozen=True):
    """A signed-in person, not yet in any project."""

    user_id: UUID
    email: str
    name: str
    csrf_token: str


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
    )


async def find_visitor(hot: Hot, cookie: str) -> Visitor | None:
    """Tell who a session cookie belongs to, if the session is still good."""
    row = await queries.find_session(hot, hash_secret(cookie)) if cookie else None
    return None if row is None else Visitor(row["user_id"], row["email"], row["name"], row["csrf_token"])


async def enter_project(hot: Hot, visitor: Visitor, slug: str) -> Principal:
    """Give a signed-in person's standing in a project.

    Raises:
        ProjectNotFound: no such project, or not theirs (404; the two look alike).
    """
    row = await queries.find_membership(hot, slug, visitor.user_id)
    if row is None:
        message = f"There is no project {slug!r} that you are in."
        raise ProjectNotFound(message)
    return Principal(
        project_id=row["project_id"],
        project=row["slug"],
        kind="user",
        id=visitor.user_id,
        name=visitor.name,
        email=visitor.email,
        role=Role(row["role"]),
        config_version=row["config_version"],
    )


async def sign_in(tx: AsyncSession, *, email: str, password: str, user_agent: str, lifetime: timedelta) -> SignedIn:
    """Open a session with a new id. Takes as long for an unknown person as for a wrong password.

    Raises:
        SignInRefused: they do not belong together, or the account is disabled (401).
    """
    user = await queries.find_user(tx, normalise_email(email))
    stored = user.password_hash if user is not None and user.password_hash else _NOBODY
    matches = await asyncio.to_thread(_verify, stored, password[:MAX_PASSWORD_LENGTH])
    if user is None or not matches or user.disabled_at is not None:
        message = "The e-mail and password do not belong together. Nothing was changed; try again."
        raise SignInRefused(message)
    cookie, csrf_token = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    tx.add(
        BrowserSession(
            id=hash_secret(cookie),
            user_id=user.id,
            csrf_token=csrf_token,
            user_agent=user_agent[:200],
            expires_at=func.now() + lifetime,
        )
    )
    await tx.flush()
    return SignedIn(cookie, csrf_token, user.id)


async def sign_out(tx: AsyncSession, cookie: str) -> None:
    """End the session; ending one that is gone already is fine."""
    await tx.execute(delete(BrowserSession).where(BrowserSession.id == hash_secret(cookie)))


async def end_expired_sessions(tx: AsyncSession) -> int:
    """Delete sessions whose time has run out; gives how many there were."""
    expired = delete(BrowserSession).where(BrowserSession.expires_at <= func.now()).returning(BrowserSession.id)
    return len((await tx.scalars(expired)).all())


async def get_project(tx: AsyncSession, slug: str) -> Project:
    """Give a project by its name.

    Raises:
        ProjectNotFound: there is none (404).
    """
    project = await queries.find_project(tx, slug)
    if project is None:
        message = f"There is no project {slug!r}. `review apply FILE` makes one."
        raise ProjectNotFound(message)
    return project


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
        hashed = await asyncio.to_thread(_hasher.hash, password) if password else None
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


def _check_person(email: str, role: Role, password: str | None) -> None:
    faults: list[FieldError] = []
    local, _, domain = email.partition("@")
    if not local or not domain or any(c.isspace() for c in email) or "@" in domain:
        faults.append(FieldError("email", "is not an e-mail address"))
    if role is Role.SERVICE:
        faults.append(FieldError("role", "service is for keys; a person is admin, lead, reviewer, analyst or auditor"))
    if password is not None and not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        faults.append(FieldError("password", f"must have {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters"))
    if faults:
        message = "The person was not created; nothing was stored. Mend what is named below."
        raise IdentityInvalid(message, errors=tuple(faults))


def _verify(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerifyMismatchError, InvalidHashError):
        return False
