"""The tables of reviews, judgements that do not count yet, drafts, and overrides that wait for a second person."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, SmallInteger, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class Review(Base):
    """One reviewer's submitted judgement; rows are only ever added."""

    __tablename__ = "reviews"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID]
    item_id: Mapped[UUID]
    assignment_id: Mapped[UUID]
    kind: Mapped[str]
    reviewer_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    verdict: Mapped[str]
    output: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    reasons: Mapped[list[str]] = mapped_column(JSON)
    comment: Mapped[str]
    held_seconds: Mapped[float]
    submitted_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())


class PendingJudgement(Base):
    """A judgement that its reviewer may still take back, until it is counted: under its fence the seat is theirs alone.

    `given_by` is the principal as they were, `filled` the form as it was sent, for it to be shown again. What could not
    be counted stays with the reason until its reviewer has seen that.
    """

    __tablename__ = "pending_judgements"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    assignment_id: Mapped[UUID] = mapped_column(primary_key=True)
    fence: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[UUID]
    item_id: Mapped[UUID]
    reviewer_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    given_by: Mapped[Any] = mapped_column(JSON)
    judgement: Mapped[Any] = mapped_column(JSON)
    filled: Mapped[Any] = mapped_column(JSON)
    held_seconds: Mapped[float]
    submitted_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    counts_at: Mapped[datetime] = mapped_column(Instant)
    dropped_at: Mapped[datetime | None] = mapped_column(Instant)
    dropped_because: Mapped[str | None]


class OverrideProposal(Base):
    """An override of an item that needs two people: what one lead has proposed, and what became of it.

    `revision` is that of the decision it was proposed against, 0 where there was none. At most one is pending per item.
    """

    __tablename__ = "override_proposals"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID]
    revision: Mapped[int] = mapped_column(SmallInteger)
    verdict: Mapped[str]
    output: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    reasons: Mapped[list[str]] = mapped_column(JSON)
    comment: Mapped[str]
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    proposed_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    state: Mapped[str]
    settled_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    settled_at: Mapped[datetime | None] = mapped_column(Instant)


class Draft(Base):
    """What somebody has typed about an item and not sent: the form's names and values. It is theirs alone."""

    __tablename__ = "drafts"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    fields: Mapped[list[Any]] = mapped_column(JSON)
    saved_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
