"""What is asked and told of erasures."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

MAX_SUBJECT = 200
MAX_REASON = 2_000


class ErasureIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose data is erased, by `subject`, or which item's, by `item_id`, and why.

    The reason is kept and the subject is not, so the reason must not name them.
    """

    reason: Annotated[str, Meta(min_length=1, max_length=MAX_REASON)]
    subject: Annotated[str, Meta(min_length=1, max_length=MAX_SUBJECT)] | None = None
    item_id: UUID | None = None


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What an erasure would reach now: items, those that are open and would be withdrawn, those that left feedback."""

    items: int
    open: int
    judged: int


class ErasureView(msgspec.Struct, frozen=True, kw_only=True):
    """An erasure: `state` is waiting, running or done; `erased` of `items` are erased, `checked` looked at again.

    `kind` is subject, item or retention; whose data it was is not kept. `snapshots` counts those withdrawn for it.
    """

    id: UUID
    kind: str
    state: str
    reason: str
    items: int
    erased: int
    checked: int
    snapshots: int
    error: str
    requested_by: str
    requested_at: datetime
    ended_at: datetime | None


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """An erasure as a line of a file outside the database: enough to do it again, and nothing personal."""

    project: str
    id: UUID
    kind: str
    reason: str
    requested_by: str
    requested_at: datetime
    items: list[UUID]
