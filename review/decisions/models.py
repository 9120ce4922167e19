"""The table of decisions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, SmallInteger, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class Decision(Base):
    """One revision of an item's outcome; the highest revision is the effective one, and its key is unique."""

    __tablename__ = "decisions"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    verdict: Mapped[str]
    output: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    source: Mapped[str]
    reasons: Mapped[list[str]] = mapped_column(JSON)
    comment: Mapped[str]
    decided_by: Mapped[str]
    reviews: Mapped[int] = mapped_column(SmallInteger)
    output_sha256: Mapped[str | None]
    decided_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
