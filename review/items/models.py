"""The tables of items: narrow and hot, and the payload, written once."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class Item(Base):
    """One submitted AI output; `in_review` is not a state here but an open item whose assignment is held.

    Of `gold` its answer was known beforehand, so it is not learned from as what people found out.
    """

    __tablename__ = "items"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str]
    type_version: Mapped[int]
    external_id: Mapped[str | None]
    idempotency_key: Mapped[str | None]
    fingerprint: Mapped[bytes]
    state: Mapped[str]
    config_version: Mapped[int]
    ruleset_version: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    gold: Mapped[bool] = mapped_column(server_default="false", default=False)
    erased_at: Mapped[datetime | None] = mapped_column(Instant)
    erased_by: Mapped[str | None]


class ItemBody(Base):
    """What was submitted and how it was routed, exactly as it came; never changed, unless it is erased."""

    __tablename__ = "item_bodies"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    input: Mapped[Any] = mapped_column(JSON)
    output: Mapped[Any] = mapped_column(JSON)
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    route: Mapped[dict[str, Any]] = mapped_column(JSON)
    submitted_by: Mapped[dict[str, Any]] = mapped_column(JSON)
