"""What a format of a snapshot is: how a record becomes bytes, what stands around them, and what may be asked of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from review.datasets.formats.arrow import Schema
from review.datasets.formats.decoding import Record
from review.datasets.selections.rules import Path

NDJSON: Final = "application/x-ndjson"
JSON: Final = "application/json"

NO_TEXT: Final = "no text at its place in the input"
NO_LABEL: Final = "no label at its place"


class Lacks(Exception):
    """A record has not what the format is made of; `reason` says what."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Where a format finds what it is made of; what is blank follows from the dataset's definition and the record.

    `text_at` and `prompt_at` are paths in the input, `label_at`, `answer_at` and `spans_at` in the label, and
    `pair_at` in the record: `input.answers`.
    """

    text_at: Path = ""
    label_at: Path = ""
    prompt_at: Path = ""
    answer_at: Path = ""
    spans_at: Path = ""
    pair_at: Path = ""
    style: Literal["", "bio", "spacy", "messages", "text"] = ""
    system: Annotated[str, Meta(max_length=4_000)] = ""
    template: Annotated[str, Meta(max_length=4_000)] = ""
    user_id: Annotated[str, Meta(pattern=r"^([0-9a-fA-F-]{36})?$")] = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a format is made for: what was asked, the columns of the files, and the output schemas of item types."""

    options: Options
    columns: Schema
    outputs: Mapping[tuple[str, int], Any]


@dataclass(frozen=True, slots=True)
class Rendering:
    """A format made ready: `render` gives a record's bytes, or raises `Lacks`; the rest stands around and between."""

    render: Callable[[Record], bytes]
    suffix: str = "jsonl"
    media_type: str = NDJSON
    begin: bytes = b""
    between: bytes = b""
    end: bytes = b""
    with_nulls: bool = False
