"""The table of feeds."""

from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base


class EventFeed(Base):
    """How far a project's events have been given places, and the configuration its endpoints were read from."""

    __tablename__ = "event_feeds"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    last_position: Mapped[int] = mapped_column(BigInteger, server_default="0")
    endpoints_version: Mapped[int] = mapped_column(server_default="0")
