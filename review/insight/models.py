"""The tables of what was learned from the feedback; all of it can be learned again."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, JSON, BigInteger, ForeignKey, Integer, Numeric, SmallInteger
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class Precedent(Base):
    """A decided item as those that come later may find it; `brief` is the beginning of its input's words.

    `is_counted` says that its band of its model's calibration has it, with `weight`.
    """

    __tablename__ = "precedents"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str]
    revision: Mapped[int] = mapped_column(SmallInteger)
    verdict: Mapped[str]
    label: Mapped[Any | None] = mapped_column(JSON)
    decided_at: Mapped[datetime] = mapped_column(Instant)
    brief: Mapped[str]
    words: Mapped[str] = mapped_column(TSVECTOR)
    sketch: Mapped[list[int]] = mapped_column(ARRAY(Integer()))
    keys: Mapped[list[int]] = mapped_column(ARRAY(Integer()))
    model: Mapped[str]
    model_version: Mapped[str]
    band: Mapped[int | None] = mapped_column(SmallInteger)
    weight: Mapped[Decimal] = mapped_column(Numeric())
    is_counted: Mapped[bool]


class Calibration(Base):
    """How many items of a band of a model's confidence people judged, and approved."""

    __tablename__ = "calibrations"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    model_version: Mapped[str] = mapped_column(primary_key=True)
    band: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    judged: Mapped[int] = mapped_column(server_default="0")
    approved: Mapped[int] = mapped_column(server_default="0")
    weight: Mapped[Decimal] = mapped_column(Numeric(), server_default="0")
    approved_weight: Mapped[Decimal] = mapped_column(Numeric(), server_default="0")
    squares: Mapped[Decimal] = mapped_column(Numeric(), server_default="0")


class LessonPlace(Base):
    """How far into a project's feedback has been learned from."""

    __tablename__ = "lessons"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default="0")
