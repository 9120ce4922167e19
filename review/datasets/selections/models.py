"""The table of datasets."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class Dataset(Base):
    """A named definition of which feedback to take; `last_number` is that of its newest snapshot.

    A snapshot keeps the definition it was made by, so changing it here changes none.
    """

    __tablename__ = "datasets"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    definition: Mapped[Any] = mapped_column(JSON)
    last_number: Mapped[int] = mapped_column(server_default="0", default=0)
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    changed_by: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
