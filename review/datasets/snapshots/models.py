"""The table of snapshots."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, ForeignKeyConstraint, SmallInteger, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class Snapshot(Base):
    """A numbered materialisation of a dataset, made by workers: `manifest` is set once, when all its files are there.

    `definition` is the dataset's when it was asked for, `cut_off` the last position of the feed that is looked at. The
    `fence` grows with each worker that takes it on; `done` of `cut_off` times two tells how far it has come. One that
    was withdrawn has a `tombstone` in place of its manifest. `stored` are the files that are where they are kept.
    `labels` are the most frequent classes and `course` how they went over time; `knows_records` tells that its
    positions are stored.
    """

    __tablename__ = "snapshots"
    __table_args__ = (ForeignKeyConstraint(["project_id", "dataset_id"], ["datasets.project_id", "datasets.id"]),)

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    dataset_id: Mapped[UUID]
    number: Mapped[int]
    definition: Mapped[Any] = mapped_column(JSON)
    cut_off: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(server_default="waiting")
    fence: Mapped[int] = mapped_column(server_default="0")
    lease_until: Mapped[datetime | None] = mapped_column(Instant)
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    done: Mapped[int] = mapped_column(BigInteger, server_default="0")
    records: Mapped[int] = mapped_column(BigInteger, server_default="0")
    manifest: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    error: Mapped[str] = mapped_column(server_default="")
    requested_by: Mapped[str]
    requested_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    tombstone: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    files_removed_at: Mapped[datetime | None] = mapped_column(Instant)
    stored: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    labels: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    course: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    knows_records: Mapped[bool] = mapped_column(server_default="false", default=False)


class SnapshotPositions(Base):
    """Which of 8,192 positions of the feed are of records that a snapshot holds: a bit for each."""

    __tablename__ = "snapshot_positions"
    __table_args__ = (ForeignKeyConstraint(["project_id", "snapshot_id"], ["snapshots.project_id", "snapshots.id"]),)

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    span: Mapped[int] = mapped_column(primary_key=True)
    snapshot_id: Mapped[UUID] = mapped_column(primary_key=True)
    bits: Mapped[bytes]
