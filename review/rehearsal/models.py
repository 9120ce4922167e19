"""The table of backtests."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, SmallInteger, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class Backtest(Base):
    """Two configuration versions tried on the items of a span of time, by workers, batch by batch.

    `cursor` is the last item counted and `tally` what was counted up to it; both change in one statement, under the
    `fence` of the worker whose lease runs. `result` is set once, at the end.
    """

    __tablename__ = "backtests"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    from_version: Mapped[int]
    to_version: Mapped[int]
    since: Mapped[datetime] = mapped_column(Instant)
    until: Mapped[datetime] = mapped_column(Instant)
    given: Mapped[Any] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(server_default="waiting")
    fence: Mapped[int] = mapped_column(server_default="0")
    lease_until: Mapped[datetime | None] = mapped_column(Instant)
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    cursor: Mapped[UUID | None]
    done: Mapped[int] = mapped_column(server_default="0")
    estimated: Mapped[int | None]
    worked_seconds: Mapped[float] = mapped_column(server_default="0")
    tally: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    result: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    error: Mapped[str] = mapped_column(server_default="")
    requested_by: Mapped[str]
    requested_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
