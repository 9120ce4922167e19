"""The tables of stops, and of what they hold."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class Stop(Base):
    """A time during which nothing of a subject was let through by rule; at most one stands of each.

    `subject` is the id of a key or person, or the name of a project, item type, model (`name` or `name@version`) or
    rule; `name` is what people call it. `way` says what becomes of it meanwhile (`review.intake.stops`); it ends by
    itself at `expires_at`. `afterwards` says who judges what it held: `people`, or the `rules` as they are then.
    """

    __tablename__ = "stops"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    name: Mapped[str]
    reason: Mapped[str]
    way: Mapped[str] = mapped_column(server_default="approvals")
    afterwards: Mapped[str] = mapped_column(server_default="people")
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    stopped_by: Mapped[str]
    stopped_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    resumed_by: Mapped[str | None]
    resumed_at: Mapped[datetime | None] = mapped_column(Instant)


class HeldItem(Base):
    """An open item that nobody is handed while a stop stands: it has a case and no seat yet.

    `paused_at` is when its clock was stopped for that, if it has one, and `barred` whom its seats will not be for. It
    is let go once its stop has ended, not before `next_try_at`.
    """

    __tablename__ = "held_items"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    stop_id: Mapped[UUID]
    paused_at: Mapped[datetime | None] = mapped_column(Instant)
    barred: Mapped[list[str] | None] = mapped_column(ARRAY(Text()))
    next_try_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
