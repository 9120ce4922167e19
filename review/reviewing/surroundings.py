"""What stands around an item in hand: what else is kept, how the day goes, and what was written and done before."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

import msgspec

from review.identity.rules import Principal
from review.kernel.db import Hot
from review.queueing.due import RunningClock
from review.queueing.pinning import KeptLine, Note
from review.queueing.schemas import ClaimedAssignment
from review.reviewing import surroundings_queries as queries
from review.reviewing.drafts import SavedDraft
from review.reviewing.pending import Waiting
from review.reviewing.sitting import DONE_CAP, REST, WAITING_CAP, Counted, Sitting


class HistoryRow(TypedDict):
    """One entry of an item's history, as `items.history_of` shows it."""

    at: datetime
    actor_name: str
    actor_kind: str
    actor_id: UUID | None
    action: str
    details: str


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller has besides the item in hand, and what belongs to that one.

    `clocks` are those of everything the caller holds, `waiting` their judgements that do not count. Where nothing is in
    hand there is no `note` left with it, no `draft` and no `history`.
    """

    kept: list[KeptLine]
    clocks: Mapping[UUID, RunningClock]
    waiting: list[Waiting]
    sitting: Sitting
    note: Note | None
    draft: SavedDraft | None
    history: list[HistoryRow]


async def look(
    hot: Hot,
    *,
    who: Principal,
    pool: str | None = None,
    since: datetime | None = None,
    claimed: ClaimedAssignment | None = None,
) -> Surroundings:
    """Look around an assignment in hand, or where there is none; the sitting is that in a pool since then."""
    seat = None if claimed is None else (claimed.id, claimed.item.id)
    caps = DONE_CAP + 1, WAITING_CAP + 1
    row = await queries.look(hot, who, since=since, caps=caps, rest=REST, pool=pool, seat=seat)
    counted, notes, drafts = _rows(row, "sitting", Counted), _rows(row, "note", Note), _rows(row, "draft", SavedDraft)
    return Surroundings(
        kept=_rows(row, "kept", KeptLine),
        clocks={each.item_id: each for each in _rows(row, "clocks", RunningClock)},
        waiting=_rows(row, "waiting", Waiting),
        sitting=counted[0].capped(),
        note=notes[0] if notes else None,
        draft=drafts[0] if drafts else None,
        history=_rows(row, "history", HistoryRow),
    )


def _rows(row: Any, part: str, kind: type[Any]) -> list[Any]:
    rows: list[Any] = msgspec.json.decode(row[part], type=list[kind])  # type: ignore[valid-type]  # known as it runs
    return rows
