"""The tables of acts on many items."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, JSON, ForeignKey, ForeignKeyConstraint, SmallInteger, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class BulkAct(Base):
    """One act on many items: `given` is what was asked for, and nothing is done before `counts_at`.

    `permissions` are those the caller carried, and `key_id` the token they called with: an act never does more than
    they could have done then, nor more than they may when it is done. An act that somebody stopped is done as well;
    `tally` counts its items by where they stood, once they are forgotten.
    """

    __tablename__ = "bulk_acts"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="waiting")
    given: Mapped[Any] = mapped_column(JSON)
    acted_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    permissions: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    key_id: Mapped[UUID | None]
    origin: Mapped[str] = mapped_column(server_default="")
    idempotency_key: Mapped[str | None]
    fingerprint: Mapped[bytes]
    requested_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    counts_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    stopped_at: Mapped[datetime | None] = mapped_column(Instant)
    stopped_by: Mapped[str | None]
    forgotten_at: Mapped[datetime | None] = mapped_column(Instant)
    tally: Mapped[Any | None] = mapped_column(JSON)


class BulkItem(Base):
    """One item of an act: `why` and `said` tell why it was left out, `tries` how often doing it failed."""

    __tablename__ = "bulk_items"
    __table_args__ = (ForeignKeyConstraint(["project_id", "act_id"], ["bulk_acts.project_id", "bulk_acts.id"]),)

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    act_id: Mapped[UUID] = mapped_column(primary_key=True)
    n: Mapped[int]
    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(server_default="waiting")
    why: Mapped[str] = mapped_column(server_default="")
    said: Mapped[str] = mapped_column(server_default="")
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    settled_at: Mapped[datetime | None] = mapped_column(Instant)
