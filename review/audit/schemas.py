"""What the audit shows, and what its proofs say."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec


class ActorView(msgspec.Struct, frozen=True):
    """Whoever acted; the name is empty once it was erased."""

    kind: str
    id: UUID | None
    name: str


class EntryView(msgspec.Struct, frozen=True, kw_only=True):
    """One entry; `position` is its place in the log, null for the moment until it has one."""

    id: UUID
    position: int | None
    at: datetime
    action: str
    actor: ActorView
    origin: str
    item_id: UUID | None
    config_version: int | None
    details: msgspec.Raw
    erased_at: datetime | None = None


class EntryPage(msgspec.Struct, frozen=True):
    """A page of entries, the newest first, and the cursor of the page after it.

    A page may have fewer entries than were asked for, or none, and still a cursor: it looks through so many at most.
    """

    data: Sequence[EntryView]
    next: str | None


class CheckpointView(msgspec.Struct, frozen=True, kw_only=True):
    """The newest signed tree head; `checkpoint` is the signed note that witnesses keep."""

    size: int
    root: str
    signed_at: datetime
    checkpoint: str


class Proven(msgspec.Struct, frozen=True, kw_only=True):
    """An entry's line as the export writes it, and the hashes that lead from it to the checkpoint's root, in hex.

    The line is a text within the JSON, so that the bytes which were hashed survive any reader.
    """

    index: int
    entry: str
    proof: Sequence[str]


class ItemProof(msgspec.Struct, frozen=True, kw_only=True):
    """An item's first 200 entries up to a checkpoint, each with its proof.

    `more` counts those that are not in it: newer than the checkpoint, or beyond the first 200.
    """

    checkpoint: CheckpointView
    data: Sequence[Proven]
    more: int


class Consistency(msgspec.Struct, frozen=True, kw_only=True):
    """The proof that the log at one size is the beginning of the log at another, in hex."""

    first: int = msgspec.field(name="from")
    second: int = msgspec.field(name="to")
    first_root: str = msgspec.field(name="from_root")
    second_root: str = msgspec.field(name="to_root")
    proof: Sequence[str]
