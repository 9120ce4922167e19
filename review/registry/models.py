"""The tables of the register."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class ModelRegister(Base):
    """How far a project's items are counted, and since when it asks for clearing.

    `position` is the next audit entry to look at. Of versions that came before `told_from` nobody is told.
    """

    __tablename__ = "model_registers"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default="0")
    told_from: Mapped[datetime | None] = mapped_column(Instant)
    clearing_since: Mapped[datetime | None] = mapped_column(Instant)


class ModelVersion(Base):
    """A model, its version and its prompt's version as items name them; what they do not say is empty.

    `state` is `seen` where clearing was not asked for when it came, `waiting`, `cleared` or `revoked`. One that was
    cleared ahead has no `first_seen_at` yet.
    """

    __tablename__ = "model_versions"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    version: Mapped[str]
    prompt_version: Mapped[str]
    first_seen_at: Mapped[datetime | None] = mapped_column(Instant)
    last_seen_at: Mapped[datetime | None] = mapped_column(Instant)
    items: Mapped[int] = mapped_column(BigInteger, server_default="0")
    state: Mapped[str]
    reason: Mapped[str] = mapped_column(server_default="")
    changed_by: Mapped[str] = mapped_column(server_default="")
    changed_at: Mapped[datetime | None] = mapped_column(Instant)
