"""The table of questions to those who sent an item."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class ItemQuestion(Base):
    """A question that a reviewer asked of upstream, with the seat they left for it.

    `paused_at` names the pause that was made for it, null where the clock stood already or there is none. `returned_at`
    is when a seat took the place of the one left: the answer came, or at `wait_until` there was none.
    """

    __tablename__ = "item_questions"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID]
    case_id: Mapped[UUID]
    assignment_id: Mapped[UUID]
    text: Mapped[str]
    asked_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    asked_at: Mapped[datetime] = mapped_column(Instant, server_default=func.clock_timestamp())
    paused_at: Mapped[datetime | None] = mapped_column(Instant)
    wait_until: Mapped[datetime] = mapped_column(Instant)
    answer: Mapped[str | None]
    answered_by: Mapped[str | None]
    answered_at: Mapped[datetime | None] = mapped_column(Instant)
    returned_at: Mapped[datetime | None] = mapped_column(Instant)
