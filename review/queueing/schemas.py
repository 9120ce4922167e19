"""What a reviewer is handed, and what the queue looks like."""

from datetime import datetime
from uuid import UUID

import msgspec

from review.items.schemas import ItemDetail


class AnswerView(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody judged before, shown to whoever settles or confirms it; `output` is null unless corrected."""

    reviewer: str
    verdict: str
    output: msgspec.Raw
    reasons: list[str]
    comment: str
    submitted_at: datetime


class ClaimedAssignment(msgspec.Struct, frozen=True, kw_only=True):
    """A seat in hand: every later act must carry `fence`, and comes before `lease_expires_at`.

    `verdicts` are those that the people of its pool may give. `answers` are the reviews before it, null where the
    seat does not show them.
    """

    id: UUID
    case_id: UUID
    kind: str
    pool: str
    fence: int
    lease_expires_at: datetime
    item: ItemDetail
    verdicts: tuple[str, ...] = ("approve", "correct", "reject")
    answers: list[AnswerView] | None = None


class PoolSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A pool's queue at a glance; `waiting` stops counting at `COUNT_CAP`, and `is_capped` says that it did."""

    pool: str
    title: str
    waiting: int
    is_capped: bool
    due_soon: int
    oldest_created_at: datetime | None
    held_by_me: int


class HeldLine(msgspec.Struct, frozen=True, kw_only=True):
    """A seat the caller holds now."""

    assignment_id: UUID
    item_id: UUID
    pool: str
    type: str
    external_id: str | None
    fence: int
    lease_expires_at: datetime
