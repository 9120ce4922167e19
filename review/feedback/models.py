"""The table of feedback and the place where each project's feed has got to."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, ForeignKey, SmallInteger, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class Feedback(Base):
    """A labelled record with its place in the project's feed; `position` is null until it has been sequenced.

    Where the item was erased, `withdrawn_at` says when, and nothing but ids is left of the record. A row of revision 0
    tells those who follow the feed so.
    """

    __tablename__ = "feedback"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int | None] = mapped_column(BigInteger)
    item_id: Mapped[UUID]
    revision: Mapped[int] = mapped_column(SmallInteger)
    type: Mapped[str]
    verdict: Mapped[str]
    source: Mapped[str]
    record: Mapped[dict[str, Any]] = mapped_column(JSON)
    decided_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)


class FeedbackFeed(Base):
    """The last position given out in a project; whoever gives the next one locks this row."""

    __tablename__ = "feedback_feeds"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    last_position: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
