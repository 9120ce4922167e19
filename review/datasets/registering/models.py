"""The table of registrations."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, SmallInteger, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class SnapshotRegistration(Base):
    """That a tracker is to be told of a snapshot: `state` is waiting, done or failed; `url` leads to its run there."""

    __tablename__ = "snapshot_registrations"
    __table_args__ = (ForeignKeyConstraint(["project_id", "snapshot_id"], ["snapshots.project_id", "snapshots.id"]),)

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    snapshot_id: Mapped[UUID] = mapped_column(primary_key=True)
    place: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(server_default="waiting")
    fence: Mapped[int] = mapped_column(server_default="0")
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    next_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    error: Mapped[str] = mapped_column(server_default="")
    url: Mapped[str] = mapped_column(server_default="")
    told_at: Mapped[datetime | None] = mapped_column(Instant)
