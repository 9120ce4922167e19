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


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a definition takes of the newest `seen` records; all there are unless `is_part`."""

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


class SnapshotPage(msgspec.Struct, frozen=True):
    """Snapshots without manifests, the last first, and the number that goes on."""

    data: list[Snapshot]
    next: int | None = None


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
