"""The tables of federated sign-in: who somebody is at a provider, sign-ins under way, and logout tokens seen."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class UserIdentity(Base):
    """Somebody as one issuer knows them, and whose account here that is; never found by e-mail."""

    __tablename__ = "user_identities"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)


class SignInAttempt(Base):
    """A sign-in that went to a provider and has not come back; taken once, by the browser that began it.

    State and browser are kept as SHA-256. `link_to` is the signed-in person who wants the identity for their account.
    """

    __tablename__ = "sign_in_attempts"

    state_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    browser_sha256: Mapped[bytes]
    provider: Mapped[str]
    nonce: Mapped[str]
    verifier: Mapped[str]
    target: Mapped[str]
    link_to: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    expires_at: Mapped[datetime] = mapped_column(Instant)


class LogoutToken(Base):
    """A logout token that was acted on, so that it is not acted on again."""

    __tablename__ = "logout_tokens"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    jti: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(Instant)
