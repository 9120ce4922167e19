"""The table of audit entries."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class AuditEntry(Base):
    """One act: who, what, on what item, and its particulars. Rows are only ever added."""

    __tablename__ = "audit_entries"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str]
    action: Mapped[str]
    item_id: Mapped[UUID | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
