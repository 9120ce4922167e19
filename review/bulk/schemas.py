"""What somebody asks for, what would become of each item, and what did."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from review.decisions.rules import Verdict
from review.reviewing.schemas import Reasons

MOST_ITEMS = 1_000
MAX_REASON = 2_000


class Kind(StrEnum):
    """What can be done to many items at once."""

    DECIDE = "decide"
    MOVE = "move"
    PRIORITISE = "prioritise"
    GIVE_BACK = "give_back"
    BRING_BACK = "bring_back"


class Asked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An act as it was asked for: alike for every item, with the one reason.

    `verdict`, `output`, `reasons` and `type` go with `decide`, `pool` with `move`, `priority` with `prioritise`. With a
    type, items of another are left out.
    """

    act: Kind
    reason: Annotated[str, Meta(max_length=MAX_REASON)] = ""
    verdict: Verdict | None = None
    output: Any | UnsetType = UNSET
    reasons: Reasons = ()
    type: Annotated[str, Meta(max_length=200)] = ""
    pool: Annotated[str, Meta(max_length=200)] = ""
    priority: Annotated[int, Meta(ge=0, le=100)] | None = None


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What an act would do as things stand.

    `done` counts what it would be done to, `maybe` those of them that a lead may have to confirm, which are then left
    out too, and `left_out` the others, by why.
    """

    done: int
    maybe: int
    left_out: dict[str, int]
    items: list["ItemResult"]


class ItemResult(msgspec.Struct, frozen=True, kw_only=True):
    """One item of an act, which is `waiting`, `done`, `left_out` or `undone`; `message` says in words what `why` is."""

    item_id: UUID
    external_id: str | None
    type: str | None = None
    state: str
    why: str | None = None
    message: str = ""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many items of an act stand where."""

    waiting: int = 0
    done: int = 0
    left_out: int = 0
    undone: int = 0

    @property
    def total(self) -> int:
        """How many there are."""
        return self.waiting + self.done + self.left_out + self.undone


class ActView(msgspec.Struct, frozen=True, kw_only=True):
    """An act and how far it has come: `waiting` until `counts_at`, then `running`, then `done`; or `undone`.

    It is `stopped` where somebody stopped the rest. What became of each item is not kept after `forgotten_at`.
    """

    id: UUID
    state: str
    asked: Asked
    asked_by: str
    requested_at: datetime
    counts_at: datetime
    ended_at: datetime | None
    stopped_at: datetime | None = None
    stopped_by: str | None = None
    forgotten_at: datetime | None = None
    counts: Counts


class Begun(msgspec.Struct, frozen=True):
    """An act that was asked for; `is_new` unless the same one had been before, under the same key."""

    act: ActView
    is_new: bool


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An act with what became of each of its items, in the order they were given."""

    act: ActView
    items: list[ItemResult]
