"""The tables of reviews, and of overrides that wait for a second person."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, JSON, ForeignKey, SmallInteger, Text, func
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


class BulkAct(Base):
    """One act on many items: what is to be done, by whom, and from when on it is.

    `scopes` are the permissions it was asked for with, so that it never does more than the token could.
    """

    __tablename__ = "bulk_acts"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    state: Mapped[str]
    given: Mapped[dict[str, Any]] = mapped_column(JSON)
    acted_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    origin: Mapped[str] = mapped_column(server_default="")
    requested_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    counts_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


class BulkItem(Base):
    """One item of such an act, in the order chosen, and what became of it in words."""

    __tablename__ = "bulk_items"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    act_id: Mapped[UUID] = mapped_column(primary_key=True)
    n: Mapped[int]
    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[str]
    said: Mapped[str] = mapped_column(server_default="")
    settled_at: Mapped[datetime | None] = mapped_column(Instant)
