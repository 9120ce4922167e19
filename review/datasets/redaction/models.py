"""The table of keys by which values are hashed on their way out."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class RedactionKey(Base):
    """A project's key for hashes, sealed; made when the first is wanted, and never shown."""

    __tablename__ = "redaction_keys"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    sealed: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
