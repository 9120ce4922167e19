"""The table of stops."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class Stop(Base):
    """A time during which nothing of a subject was let through by rule; at most one stands of each.

    `subject` is the id of a key or person, or the name of a project, item type, model (`name` or `name@version`) or
    rule; `name` is what people call it. `way` says whether rejections go to people too; it ends by itself at
    `expires_at`.
    """

    __tablename__ = "stops"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    name: Mapped[str]
    reason: Mapped[str]
    way: Mapped[str] = mapped_column(server_default="approvals")
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    stopped_by: Mapped[str]
    stopped_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    resumed_by: Mapped[str | None]
    resumed_at: Mapped[datetime | None] = mapped_column(Instant)
