"""The tables of projects, people, sessions and keys."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, ForeignKey, Text, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class Project(Base):
    """The tenant: everything else belongs to one."""

    __tablename__ = "projects"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    config_version: Mapped[int] = mapped_column(server_default="0", default=0)
    models_stamp: Mapped[int] = mapped_column(server_default="0", default=0)
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())


class User(Base):
    """A person; what they may do in a project is their membership's role, and `preferences` how they like to work."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    password_hash: Mapped[str | None]
    disabled_at: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    preferences: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")


class ProjectRole(Base):
    """A role that a project's configuration adds to the built-in ones, as the active version has it."""

    __tablename__ = "project_roles"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    permissions: Mapped[list[str]] = mapped_column(ARRAY(Text))


class Membership(Base):
    """A person's role in a project; `source` is `direct`, or `oidc:NAME` where a provider's groups gave it."""

    __tablename__ = "memberships"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    role: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    source: Mapped[str] = mapped_column(server_default="direct")


class BrowserSession(Base):
    """A signed-in browser; `id` is the SHA-256 of the cookie's value.

    `method` is how they signed in; `provider` and `provider_session` name an identity provider and its own session,
    where one vouched for them.
    """

    __tablename__ = "sessions"

    id: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    csrf_token: Mapped[str]
    user_agent: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(Instant)
    last_seen_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    origin: Mapped[str] = mapped_column(server_default="")
    method: Mapped[str] = mapped_column(server_default="password")
    provider: Mapped[str | None]
    provider_session: Mapped[str | None]


class ApiKey(Base):
    """A service key, or a personal token where `user_id` is set; the secret itself is not kept.

    `scopes` narrow what the role carries; null leaves it whole. `rotated_from` is the key that this one took the place
    of.
    """

    __tablename__ = "api_keys"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    prefix: Mapped[str] = mapped_column(unique=True)
    secret_sha256: Mapped[bytes]
    name: Mapped[str]
    role: Mapped[str]
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)
    scopes: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    created_by: Mapped[str] = mapped_column(server_default="")
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)
    last_used_from: Mapped[str] = mapped_column(server_default="")
    rotated_from: Mapped[UUID | None]


class AttemptCounter(Base):
    """Failures in a row under one key, a hash of what is counted, and until when nobody may try under it."""

    __tablename__ = "attempt_counters"

    key: Mapped[bytes] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    blocked_until: Mapped[datetime | None] = mapped_column(Instant)


class KnownDevice(Base):
    """A browser that somebody has signed in with; `id` is the SHA-256 of what its cookie holds."""

    __tablename__ = "known_devices"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    id: Mapped[bytes] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    last_used_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())


class PasswordLink(Base):
    """A one-time way to a new password; `id` is the SHA-256 of what the link carries."""

    __tablename__ = "password_links"

    id: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(Instant)


class SecondFactor(Base):
    """The sealed secret that somebody's one-time codes come from; it counts once a code has confirmed it.

    `last_step` is the time step of the last code that was taken, none of which counts again.
    """

    __tablename__ = "second_factors"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    secret: Mapped[bytes]
    last_step: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant)


class RecoveryCode(Base):
    """A code for whoever has lost what makes their codes; `id` is its SHA-256."""

    __tablename__ = "recovery_codes"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    id: Mapped[bytes] = mapped_column(primary_key=True)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


class SignInStep(Base):
    """A sign-in whose password was right and that still needs a code; it opens nothing by itself."""

    __tablename__ = "sign_in_steps"

    id: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    kind: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(Instant)


class Passkey(Base):
    """A key pair whose private half somebody's device keeps; `id` is the credential's, and `sign_count` its last."""

    __tablename__ = "passkeys"

    id: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    public_key: Mapped[bytes]
    sign_count: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)


class PasskeyChallenge(Base):
    """What a passkey is asked to sign, once; `id` is the SHA-256 of the asking browser's cookie.

    `user_id` is whose passkey is being added; without one, somebody is signing in.
    """

    __tablename__ = "passkey_challenges"

    id: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    challenge: Mapped[bytes]
    expires_at: Mapped[datetime] = mapped_column(Instant)
