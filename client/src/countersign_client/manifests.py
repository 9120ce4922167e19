"""What the service answers about datasets and snapshots."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """A named selection of feedback; `last_snapshot` is the number of the newest one, 0 where there is none."""

    id: UUID
    name: str
    description: str
    definition: dict[str, Any]
    last_snapshot: int
    created_by: str
    created_at: datetime
    changed_by: str
    changed_at: datetime


class DatasetPage(msgspec.Struct, frozen=True):
    """Datasets by name, and the cursor that goes on."""

    data: list[Dataset]
    next: str | None = None


class LabelConflict(msgspec.Struct, frozen=True, kw_only=True):
    """Two records that say the same, or nearly, and have other labels; `similarity` is estimated."""

    item_id: UUID
    label_class: str
    text: str
    earlier_item_id: UUID
    earlier_label_class: str
    earlier_text: str
    similarity: float


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a definition takes of the newest `seen` records; all there are unless `is_part`.

    `conflicts` counts records that repeat an earlier one, or nearly, and have another label.
    """

    seen: int
    is_part: bool
    taken: int
    left_out: dict[str, int]
    classes: dict[str, int]
    parts: dict[str, int]
    models: dict[str, int]
    verdicts: dict[str, int]
    shares: dict[str, float]
    samples: list[dict[str, Any]]
    conflicts: int = 0
    conflict_samples: list[LabelConflict] = []


class SnapshotFile(msgspec.Struct, frozen=True, kw_only=True):
    """A Parquet file of a snapshot; `sha256` is of its bytes, in hex."""

    name: str
    split: str
    rows: int
    bytes: int
    sha256: str


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column of every file: its Arrow type, and what it says."""

    name: str
    type: str
    meaning: str


class Guidelines(msgspec.Struct, frozen=True, kw_only=True):
    """The guidelines of one version of an item type, and how many records were judged under them."""

    type: str
    version: int
    records: int
    sha256: str
    text: str


class Redacted(msgspec.Struct, frozen=True, kw_only=True):
    """What was done to a field of an item type's records: `how` is drop, hash, mask or keep."""

    type: str
    path: str
    how: str
    keep_last: int = 0
    because: str = "definition"


class Redaction(msgspec.Struct, frozen=True, kw_only=True):
    """Which fields did not leave as they are; snapshots with the same `key` have hashes that can be joined."""

    fields: list[Redacted] = []
    key: str | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """All that says what a snapshot is; `sha256` is over the names and digests of its files."""

    format_version: int
    project: str
    dataset: str
    number: int
    definition: dict[str, Any]
    cut_off: int
    looked_at: int
    records: int
    sha256: str
    files: list[SnapshotFile]
    columns: list[Column]
    json_columns: list[str]
    parts: dict[str, int]
    classes: dict[str, int]
    verdicts: dict[str, int]
    models: dict[str, int]
    rulesets: dict[str, int]
    left_out: dict[str, int]
    shares: dict[str, float]
    guidelines: list[Guidelines]
    code_version: str
    conflicts: int = 0
    redaction: Redaction = Redaction()


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot as far as it is; `state` is waiting, running, ready, stopped, failed or withdrawn."""

    id: UUID
    dataset: str
    number: int
    state: str
    progress: float
    records: int
    cut_off: int | None
    definition: dict[str, Any]
    error: str
    requested_by: str
    requested_at: datetime
    ended_at: datetime | None
    manifest: Manifest | None = None


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """When a dataset takes snapshots by itself, when the next one is due, and what came of the last time."""

    dataset: str
    cron: str
    timezone: str
    new_records: int | None
    paused: bool
    next_at: datetime | None
    fresh: int
    last_at: datetime | None
    last_outcome: str
    last_note: str
    last_number: int | None


class SnapshotPage(msgspec.Struct, frozen=True):
    """Snapshots without manifests, the last first, and the number that goes on."""

    data: list[Snapshot]
    next: int | None = None


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot that an item is in: the class of its label there, and the part it went to; None once it was erased."""

    dataset: str
    number: int
    state: str
    split: str | None
    label_class: str | None
    revision: int
    records: int
    ended_at: datetime | None


class HoldingPage(msgspec.Struct, frozen=True, kw_only=True):
    """Snapshots that an item is in, the last first, the cursor that goes on, and how many of which it is not known."""

    data: list[Holding]
    next: str | None = None
    unknown: int = 0


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What a format makes of the first records: how many it gives, and what it leaves out for which reason."""

    format: str
    looked_at: int
    of: int
    given: int
    left_out: dict[str, int]
    samples: list[str]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """How a snapshot differs from an earlier one: counts, and some items of each kind."""

    earlier: int
    later: int
    added: int
    withdrawn: int
    relabelled: int
    revised: int
    moved: int
    same: int
    examples: dict[str, list[str]]
