"""What an export may be asked for."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from review.datasets.errors import ExportFormatUnknown


class Format(StrEnum):
    """The file formats of an export."""

    PARQUET = "parquet"
    JSONL = "jsonl"
    CSV = "csv"

    @property
    def media_type(self) -> str:
        """The media type that HTTP announces."""
        return _MEDIA_TYPES[self]


_MEDIA_TYPES = {
    Format.PARQUET: "application/vnd.apache.parquet",
    Format.JSONL: "application/x-ndjson",
    Format.CSV: "text/csv; charset=utf-8; header=present",
}


def get_format(name: str) -> Format:
    """Give the format of this name.

    Raises:
        ExportFormatUnknown: there is none (422).
    """
    try:
        return Format(name)
    except ValueError as fault:
        raise ExportFormatUnknown(name) from fault


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which feedback to export: of one item type, or decided at a moment or later; by default all of it."""

    of_type: str | None = None
    since: datetime | None = None


class Progress(msgspec.Struct, frozen=True):
    """How far a reading of the feed has come: positions worked through of how many, and records found on the way.

    An export to Parquet may read twice, and then begins again at 0. `left_out` counts records by reason.
    """

    done: int
    total: int
    records: int
    left_out: Mapping[str, int] = msgspec.field(default_factory=dict[str, int])
