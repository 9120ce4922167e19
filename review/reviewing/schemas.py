"""What a reviewer or lead sends, and what comes back."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from review.decisions.rules import Verdict
from review.items.schemas import ItemView

Comment = Annotated[str, Meta(max_length=10_000)]
Reasons = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=200)], ...], Meta(max_length=50)]


class JudgementIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A verdict; `output` comes with `correct` and with nothing else."""

    verdict: Verdict
    output: Any | UnsetType = UNSET
    reasons: Reasons = ()
    comment: Comment = ""


class ReviewView(msgspec.Struct, frozen=True, kw_only=True):
    """A review as it was recorded; `held_seconds` is the time between claim and submission."""

    id: UUID
    assignment_id: UUID
    verdict: Verdict
    output: Any
    reasons: tuple[str, ...]
    comment: str
    held_seconds: float
    submitted_at: datetime


class ProposalView(msgspec.Struct, frozen=True, kw_only=True):
    """An override that waits for a second person; `revision` is that of the decision it would replace, 0 for none."""

    id: UUID
    item_id: UUID
    verdict: Verdict
    output: Any
    reasons: tuple[str, ...]
    comment: str
    proposed_by: str
    proposed_at: datetime
    revision: int


class Submitted(msgspec.Struct, frozen=True):
    """A recorded review, and the item as it stands after it."""

    review: ReviewView
    item: ItemView
