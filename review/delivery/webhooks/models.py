"""The tables of webhooks."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, JSON, ForeignKey, SmallInteger, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class WebhookEndpoint(Base):
    """Where a project's events are sent; the row is also its schedule: nothing is sent before `wake_at`."""

    __tablename__ = "webhook_endpoints"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    url: Mapped[str]
    events: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    max_in_flight: Mapped[int] = mapped_column(SmallInteger, server_default="10")
    state: Mapped[str]
    reason: Mapped[str | None]
    failures: Mapped[int] = mapped_column(server_default="0")
    resting_until: Mapped[datetime | None] = mapped_column(Instant)
    resting_because: Mapped[str | None]
    wake_at: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())


class WebhookSecret(Base):
    """A secret that deliveries are signed with, until it expires; shown once."""

    __tablename__ = "webhook_secrets"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    endpoint_id: Mapped[UUID]
    kind: Mapped[str]
    sealed: Mapped[bytes]
    public_key: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    shown_at: Mapped[datetime | None] = mapped_column(Instant)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)


class Delivery(Base):
    """One event owed to one endpoint; `tries` counts since it was last started, `attempts` since ever."""

    __tablename__ = "deliveries"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    endpoint_id: Mapped[UUID]
    event_id: Mapped[UUID]
    item_id: Mapped[UUID | None]
    state: Mapped[str]
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    attempts: Mapped[int] = mapped_column(server_default="0")
    fence: Mapped[int] = mapped_column(server_default="0")
    next_attempt_at: Mapped[datetime | None] = mapped_column(Instant)
    lease_until: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    reason: Mapped[str | None]


class DeliveryAttempt(Base):
    """One attempt to hand an event to an endpoint: what was sent, what came back, how long it took."""

    __tablename__ = "delivery_attempts"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    delivery_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    started_at: Mapped[datetime] = mapped_column(Instant)
    seconds: Mapped[float]
    status: Mapped[int | None] = mapped_column(SmallInteger)
    request_headers: Mapped[dict[str, Any]] = mapped_column(JSON)
    response_headers: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    response_body: Mapped[str | None]
    error: Mapped[str | None]
