"""In which snapshots an item is, and as what: its place in the feed says where, its record and their definitions what.

What a snapshot recorded of an item follows from the record, which never changes, and from the snapshot's definition; so
only which records it holds is kept, a bit for each.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from review.datasets.redaction import service as redaction
from review.datasets.redaction.rules import SUBJECT, Redacting
from review.datasets.selections import rules, splits
from review.datasets.selections.choosing import record_of, redacted
from review.datasets.selections.courses import Course, Courses
from review.datasets.selections.rules import Circumstances, Definition, Record
from review.datasets.snapshots import holding_queries as queries
from review.datasets.snapshots.positions import Positions
from review.datasets.snapshots.schemas import Holding, Holdings, Labels
from review.identity.rules import Principal
from review.items import service as items
from review.items.personal import steps_of
from review.kernel.db import Hot
from review.kernel.paging import cursor_of

LAST: Final = UUID(int=2**128 - 1)


class Ledger:
    """What a snapshot in the making keeps of its records: which they are, and how their classes went over time."""

    def __init__(self, names: list[str]) -> None:
        self.positions = Positions()
        self.courses = Courses(names)

    def note(self, record: Record, around: Circumstances, name: str) -> None:
        """Note a record that is taken, and its class."""
        self.positions.add(around.position)
        self.courses.add(record.decided_at, name)


async def list_of_item(
    hot: Hot, *, who: Principal, item_id: UUID, before: UUID | None = None, limit: int = 50
) -> Holdings:
    """List the snapshots that an item is in, the last first; those made before the snapshot `before`.

    The item has to be one that the caller may see.
    """
    records = {row["position"]: row for row in await queries.list_records(hot, who.project_id, item_id)}
    if not records:
        return Holdings(data=[])
    rows = await queries.list_holding(hot, who.project_id, list(records), before or LAST, limit + 1)
    unknown = 0 if before else await queries.count_unknown(hot, who.project_id, min(records))
    is_told = item_id not in await items.list_unheard(hot, who=who)
    personal = await redaction.list_personal(hot, who.project_id) if rows else {}
    found = [_holding(row, records[row["position"]], personal, is_told=is_told) for row in rows[:limit]]
    more = cursor_of(rows[limit - 1]["snapshot_id"]) if len(rows) > limit else None
    return Holdings(data=found, next=more, unknown=unknown)


async def find_course(hot: Hot, *, project_id: UUID, snapshot_id: UUID) -> Course | None:
    """Find how a snapshot's classes went over time; None where it was made by a version that kept no account of it."""
    found = await queries.find_course(hot, project_id, snapshot_id)
    return None if found is None else msgspec.json.decode(found, type=Course)


async def list_labels(hot: Hot, *, project_id: UUID, dataset: str, limit: int) -> list[Labels]:
    """List the classes of a dataset's last snapshots that are ready, the first of them first."""
    rows = await queries.list_labels(hot, project_id, dataset.replace("\0", ""), limit)
    return [
        Labels(number=row["number"], records=row["records"], classes=msgspec.json.decode(row["classes"]))
        for row in reversed(rows)
    ]


def _holding(row: Any, kept: Any, personal: Mapping[str, Sequence[str]], *, is_told: bool) -> Holding:
    split = label_class = None
    if not kept["is_erased"]:
        definition = msgspec.json.decode(row["definition"], type=Definition)
        text = kept["record"].encode()
        split, label_class = _as_recorded(definition, text, kept["subject"], personal)
    same = ("dataset", "number", "state", "records", "ended_at")
    return Holding(
        **{name: row[name] for name in same},
        revision=kept["revision"],
        split=split,
        label_class=label_class if is_told else None,
    )


def _as_recorded(
    definition: Definition, text: bytes, subject: str | None, personal: Mapping[str, Sequence[str]]
) -> tuple[str | None, str | None]:
    """Give the part and the class of a record as a snapshot has them, each None where it does not follow from these.

    Hashes are by a key that is not for reading, and near duplicates are in the part of an earlier record.
    """
    redactor, splitting = Redacting(definition.redaction, personal, b""), definition.splitting
    _, record = redacted(redactor, text, record_of(text))
    hashed = {steps_of(each.path)[0] for each in definition.redaction if each.how == "hash"}
    part_is_unknown = splitting.by == "subject" and SUBJECT in personal.get(record.type, ())
    part_is_unknown |= splitting.by.partition(".")[0] in hashed
    part_is_unknown |= (
        definition.sampling.similarity_at_least is not None and definition.sampling.near == "keep_together"
    )
    group = splits.group_of(splitting, record, Circumstances(subject=subject))
    label = redactor.label_of(record.type, record.label)
    return (
        None if part_is_unknown else splits.part_of(splitting, group),
        None if "output" in hashed else rules.class_of(label, definition.sampling.label_at),
    )
