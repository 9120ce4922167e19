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


class Labels(msgspec.Struct, frozen=True, kw_only=True):
    """The most frequent classes of a snapshot, of so many records; its manifest has all of them."""

    number: int
    records: int
    classes: Mapping[str, int]


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot that an item is in, and as what: the class of its label, and the part it went to.

    `state` is ready or withdrawn. Of a decision that was revised, `revision` is the last one in it, and `records`
    tells how many are. `label_class` is null while the caller is still to judge the item, and with `split` once it was
    erased; either also where it follows from more than the item's own record, as of near duplicates or a hash.
    """

    dataset: str
    number: int
    state: str
    split: str | None
    label_class: str | None
    revision: int
    records: int
    ended_at: datetime | None


class Holdings(msgspec.Struct, frozen=True, kw_only=True):
    """Snapshots that an item is in, the last made first, and the cursor that goes on.

    `unknown` counts snapshots that may hold it too: they were made by a version that kept no account of this.
    """

    data: list[Holding]
    next: str | None = None
    unknown: int = 0
