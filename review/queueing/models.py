"""The tables of human work."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, SmallInteger, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from review.kernel.db import Base
from review.kernel.models import Instant


class Case(Base):
    """The human work opened for an item, and its clock.

    The clock runs by the policy named here, as configuration `clock_version` has it (null: the item's own); the due
    times follow from that, `clock_started_at` and the pauses, and are kept to be read. `marks_passed` names the marks
    that have had their effect; `clock_generation` grows whenever the clock moves, so that older timers do nothing.
    """

    __tablename__ = "cases"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID]
    state: Mapped[str]
    pool: Mapped[str]
    priority: Mapped[int] = mapped_column(SmallInteger)
    reviews_required: Mapped[int] = mapped_column(SmallInteger)
    adjudicate_pool: Mapped[str | None]
    sla_policy: Mapped[str | None]
    due_at: Mapped[datetime | None] = mapped_column(Instant)
    breached_at: Mapped[datetime | None] = mapped_column(Instant)
    escalation_level: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    opened_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    clock_version: Mapped[int | None]
    clock_generation: Mapped[int] = mapped_column(server_default="0")
    clock_started_at: Mapped[datetime | None] = mapped_column(Instant)
    first_claim_due_at: Mapped[datetime | None] = mapped_column(Instant)
    warn_at: Mapped[datetime | None] = mapped_column(Instant)
    paused_at: Mapped[datetime | None] = mapped_column(Instant)
    marks_passed: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default="{}")
    acknowledged_at: Mapped[datetime | None] = mapped_column(Instant)
    acknowledged_by: Mapped[str | None]


class Assignment(Base):
    """One seat of a case; `due_at` is infinity where no clock runs, so that it sorts last.

    `barred` names those who may not have it, by e-mail or id; `sees_answers` says that its holder is shown what others
    have judged. While `aside_fence` is its fence, its holder keeps it without having it in hand; the claim of
    `ahead_fence` is one whose item was not seen yet, and under that of `given_fence` a judgement waits to count.
    """

    __tablename__ = "assignments"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID]
    item_id: Mapped[UUID]
    kind: Mapped[str]
    pool: Mapped[str]
    priority: Mapped[int] = mapped_column(SmallInteger)
    due_at: Mapped[datetime] = mapped_column(Instant, server_default="infinity")
    state: Mapped[str]
    holder_id: Mapped[UUID | None]
    fence: Mapped[int] = mapped_column(server_default="0")
    claimed_at: Mapped[datetime | None] = mapped_column(Instant)
    lease: Mapped[timedelta | None]
    lease_until: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    barred: Mapped[list[str] | None] = mapped_column(ARRAY(Text()))
    sees_answers: Mapped[bool] = mapped_column(server_default="false")
    aside_fence: Mapped[int | None]
    ahead_fence: Mapped[int | None]
    given_fence: Mapped[int | None]


class Aside(Base):
    """What was done with a claim besides judging: `kind` is `pinned`, `snoozed`, `reserved` or `sent`.

    It holds as long as the seat has this fence and is held by this person; without one it is a note to the pool.
    """

    __tablename__ = "asides"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    assignment_id: Mapped[UUID] = mapped_column(primary_key=True)
    fence: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    put_by: Mapped[str]
    note: Mapped[str] = mapped_column(server_default="")
    put_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())


class Exposure(Base):
    """An item that a person was shown lately, of a type that is sensitive or limited; `shown_at` is the last time."""

    __tablename__ = "exposures"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str]
    shown_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())


class CaseReviewer(Base):
    """A person's part in a case; its key is what keeps anybody from sitting in two seats of one case."""

    __tablename__ = "case_reviewers"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    assignment_id: Mapped[UUID]
    part: Mapped[str]


class ClockPause(Base):
    """A time during which a case's clock stood still, who stopped it, and why.

    `resume_at` is when it runs again by itself, if that was said; `resumed_at` is when it did, or somebody resumed it.
    """

    __tablename__ = "clock_pauses"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    paused_at: Mapped[datetime] = mapped_column(Instant, primary_key=True)
    resumed_at: Mapped[datetime | None] = mapped_column(Instant)
    resume_at: Mapped[datetime | None] = mapped_column(Instant)
    reason: Mapped[str]
    paused_by: Mapped[str]


class ItemComment(Base):
    """What somebody wrote about an item; taken back by its author (`removed_at`) or hidden by a lead.

    `author_kind` is `user`, or `key` for the service that sent the item.
    """

    __tablename__ = "item_comments"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID]
    author_kind: Mapped[str]
    author_id: Mapped[UUID]
    author: Mapped[str]
    text: Mapped[str]
    written_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    edited_at: Mapped[datetime | None] = mapped_column(Instant)
    removed_at: Mapped[datetime | None] = mapped_column(Instant)
    hidden_by: Mapped[str | None]


class ClockRecompute(Base):
    """How far the open clocks of a project have followed a configuration version.

    `passed` is the last case that the present walk over them has seen, `walks` counts those before it, and `left_over`
    the clocks that somebody else had in hand during this one. A walk that `is_forced` looks at clocks that run by this
    very version too.
    """

    __tablename__ = "clock_recomputes"

    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    passed: Mapped[UUID | None]
    moved: Mapped[int] = mapped_column(server_default="0")
    walks: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    left_over: Mapped[int] = mapped_column(server_default="0")
    is_forced: Mapped[bool] = mapped_column(server_default="false")
    started_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
    finished_at: Mapped[datetime | None] = mapped_column(Instant)


class ClockCalendars(Base):
    """What the calendars of a project's configuration came to when they were last worked out."""

    __tablename__ = "clock_calendars"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    version: Mapped[int]
    fingerprint: Mapped[bytes]


class QueueView(Base):
    """A filter that somebody keeps under a name: of one pool's list, or of all items where `pool` is null.

    `query` is the address's own; one that `is_shared` is everybody's tab in the project.
    """

    __tablename__ = "queue_views"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str]
    pool: Mapped[str | None]
    query: Mapped[str]
    is_shared: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[datetime] = mapped_column(Instant, server_default=func.now())
