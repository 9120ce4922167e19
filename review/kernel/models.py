"""The kernel's tables: events waiting to be told, and timers waiting to fire."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, TIMESTAMP, BigInteger, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base

Instant = TIMESTAMP(timezone=True)


class Event(Base):
    """A fact, written in the same transaction as the change it tells.

    Relaying gives it `position`, its place in the project's feed in commit order, and `body`, the JSON that every
    receiver gets; neither changes afterwards.
    """

    __tablename__ = "events"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    item_id: Mapped[UUID | None]
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    position: Mapped[int | None] = mapped_column(BigInteger)
    body: Mapped[str | None]


class Timer(Base):
    """What happens next, and when; a stale generation makes it harmless."""

    __tablename__ = "timers"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True)
    fire_at: Mapped[datetime] = mapped_column(Instant)
