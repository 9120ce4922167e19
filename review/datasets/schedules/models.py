"""The table of schedules."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class DatasetSchedule(Base):
    """When a dataset takes snapshots by itself, how far what is new has been counted, and what came of it last.

    `fresh` records of the feed's positions above `base` up to `reached` are taken by the dataset's criteria.
    """

    __tablename__ = "dataset_schedules"
    __table_args__ = (ForeignKeyConstraint(["project_id", "dataset_id"], ["datasets.project_id", "datasets.id"]),)

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    dataset_id: Mapped[UUID] = mapped_column(primary_key=True)
    cron: Mapped[str] = mapped_column(server_default="")
    timezone: Mapped[str] = mapped_column(server_default="UTC")
    new_records: Mapped[int | None]
    paused: Mapped[bool] = mapped_column(server_default="false")
    next_at: Mapped[datetime | None] = mapped_column(Instant)
    looked_at: Mapped[datetime | None] = mapped_column(Instant)
    base: Mapped[int] = mapped_column(BigInteger, server_default="0")
    reached: Mapped[int] = mapped_column(BigInteger, server_default="0")
    fresh: Mapped[int] = mapped_column(BigInteger, server_default="0")
    last_at: Mapped[datetime | None] = mapped_column(Instant)
    last_outcome: Mapped[str] = mapped_column(server_default="")
    last_note: Mapped[str] = mapped_column(server_default="")
    last_number: Mapped[int | None]
    set_by: Mapped[str]
    set_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
