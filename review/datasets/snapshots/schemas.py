"""What is shown of snapshots."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from review.datasets.selections.rules import Definition
from review.datasets.snapshots.rules import Manifest, Tombstone


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a tracker (`mlflow` or `wandb`) was told of a snapshot: `state` is waiting, done or failed.

    `url` leads to its run there.
    """

    place: str
    state: str
    tries: int
    error: str
    url: str
    told_at: datetime | None


class SnapshotView(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot: `state` is waiting, running, ready, stopped, failed or withdrawn; `progress` goes from 0 to 1.

    `definition` is the dataset's as it was when the snapshot was asked for. `manifest` is there once it is ready, when
    one is asked for. One that held items which were erased is withdrawn, and has a tombstone instead.
    `registrations` are there where trackers are told of snapshots.
    """

    id: UUID
    dataset: str
    number: int
    state: str
    progress: float
    records: int
    cut_off: int | None
    definition: Definition
    error: str
    requested_by: str
    requested_at: datetime
    ended_at: datetime | None
    manifest: Manifest | None = None
    tombstone: Tombstone | None = None
    registrations: Sequence[Registration] = ()


class Announced(msgspec.Struct, frozen=True, kw_only=True):
    """What the event says of a snapshot that is ready."""

    dataset: str
    number: int
    records: int
    sha256: str
    files: int


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What a format makes of the first records: how many it gives, and what it leaves out for which reason.

    `looked_at` of `of` records were tried. `samples` are the first that it gives, the longest cut.
    """

    format: str
    looked_at: int
    of: int
    given: int
    left_out: Mapping[str, int]
    samples: Sequence[str]
