"""What an import is asked for, what it reads, and what came of it."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


class Layout(StrEnum):
    """The forms of files that are read."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    HF = "hf"
    LABEL_STUDIO = "label_studio"


class How(StrEnum):
    """What becomes of a row: an item that is decided already, or one that is submitted for review."""

    DECIDED = "decided"
    QUEUE = "queue"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One import: `mapping` says for each part of an item where in a row it stands, `name` what it is called.

    `gold` says that every row is, whose answers nobody is to learn from as what people found out.
    """

    name: str
    type: str
    how: How
    mapping: Mapping[str, str]
    gold: bool = False


class Row(msgspec.Struct, frozen=True):
    """One row as it was read: its line or number, its fields, and how far the reading has come.

    `is_text` says that every field is text, whatever it means; `is_sparse` that null may stand for absent.
    """

    line: int
    fields: dict[str, Any]
    reached: int
    size: int
    is_text: bool = False
    is_sparse: bool = False


class Unread(msgspec.Struct, frozen=True):
    """What could not be read as a row, and why."""

    line: int
    reason: str
    text: str
    reached: int


class Source(msgspec.Struct, frozen=True):
    """A file that is being read: its rows, how far there is to go, and its columns where it names them ahead."""

    rows: Iterator[Row | Unread]
    total: int
    columns: frozenset[str] | None = None


class Fault(msgspec.Struct, frozen=True):
    """A row that was left out; `line` is its line in a text file, otherwise its number."""

    line: int
    reason: str
    row: Any


class Progress(msgspec.Struct, frozen=True):
    """How far an import has come: `done` of `total` is of the file, the rest counts rows; `line` is the last one's."""

    done: int = 0
    total: int = 0
    imported: int = 0
    repeated: int = 0
    left_out: int = 0
    line: int = 0


class Outcome(msgspec.Struct, frozen=True):
    """What came of an import: `unseen` are the fields of its mapping that no row had."""

    imported: int
    repeated: int
    left_out: int
    unseen: tuple[str, ...] = ()


class ImportView(msgspec.Struct, frozen=True, kw_only=True):
    """An import of an uploaded file: `state` is waiting, running, done, failed or stopped.

    `done` of `total` is how far its file is read, in bytes of a text and rows of a table. Rows are `imported`, there
    already (`repeated`), or `left_out`, of which the first 10,000 are `kept` to be downloaded. `unseen` names fields of
    the mapping that no row had; `gold` says that all of them have answers that were known beforehand.
    """

    number: int
    name: str
    type: str
    how: How = msgspec.field(name="as")
    format: Layout
    mapping: Mapping[str, str]
    gold: bool
    bytes: int
    sha256: str
    state: str
    done: int
    total: int
    imported: int
    repeated: int
    left_out: int
    kept: int
    unseen: tuple[str, ...]
    error: str
    requested_by: str
    requested_at: datetime
    ended_at: datetime | None


class LeftOut(msgspec.Struct, frozen=True):
    """A row of an uploaded file that was left out, as it is kept: `row` is JSON."""

    line: int
    reason: str
    row: msgspec.Raw


Watcher = Callable[[Progress], None]
Reject = Callable[[Fault], None]
