"""The tables of erasures."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, SmallInteger, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class Erasure(Base):
    """What somebody asked to be erased, or what outlived its type's retention, done by workers under a `fence`.

    It names items by id and never the subject. `kept_at` is when it was written outside the database, from where it is
    done again after a restore.
    """

    __tablename__ = "erasures"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    reason: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="waiting")
    fence: Mapped[int] = mapped_column(server_default="0")
    lease_until: Mapped[datetime | None] = mapped_column(Instant)
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    snapshots: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str] = mapped_column(server_default="")
    requested_by: Mapped[str]
    requested_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    kept_at: Mapped[datetime | None] = mapped_column(Instant)


class ErasureItem(Base):
    """An item of an erasure: `erased_at` once its payload is gone, `checked_at` once nothing of it has come after."""

    __tablename__ = "erasure_items"
    __table_args__ = (ForeignKeyConstraint(["project_id", "erasure_id"], ["erasures.project_id", "erasures.id"]),)

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    erasure_id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    erased_at: Mapped[datetime | None] = mapped_column(Instant)
    checked_at: Mapped[datetime | None] = mapped_column(Instant)
