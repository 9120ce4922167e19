"""The tables of notifications."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, SmallInteger, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class Notification(Base):
    """One thing to tell one recipient, an e-mail address or `channel:NAME`, not before `send_after`."""

    __tablename__ = "notifications"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    recipient: Mapped[str]
    kind: Mapped[str]
    event_id: Mapped[UUID]
    item_id: Mapped[UUID | None]
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str]
    send_after: Mapped[datetime] = mapped_column(Instant)
    lease_until: Mapped[datetime | None] = mapped_column(Instant)
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    sent_at: Mapped[datetime | None] = mapped_column(Instant)


class NotificationPreferences(Base):
    """What somebody wants to be told in a project, and when not."""

    __tablename__ = "notification_preferences"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    updated_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())


class ChannelState(Base):
    """How a channel fares: consecutive failures, and since when it is not used any more.

    `url_sha256` is of the URL that failed, as the configuration writes it; another one starts afresh.
    """

    __tablename__ = "channel_states"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    url_sha256: Mapped[bytes | None]
    failures: Mapped[int] = mapped_column(server_default="0")
    disabled_at: Mapped[datetime | None] = mapped_column(Instant)
    reason: Mapped[str | None]
