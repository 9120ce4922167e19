"""Records of a Parquet file of a snapshot as they were frozen, in slices of bounded size; the reverse of `fitting`.

JSON text is decoded where the file marks it, and moments are written as Countersign writes them. Null and absent are
the same in Parquet: within nested values neither is given, unless `with_nulls` asks for every key that the file knows.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from review.datasets.formats.arrow import DataType, Field, Schema, pa, parquet
from review.datasets.formats.fitting import JSON_TEXT

SLICE_BYTES: Final = 4 * 1024 * 1024
SLICE_ROWS: Final = 1_000
_HALVES: Final = re.compile("[\ud800-\udfff]")

Record: TypeAlias = dict[str, Any]
Decode: TypeAlias = Callable[[Any], Any]


def read(path: Path, *, with_nulls: bool = False) -> Iterator[list[Record]]:
    """Give the records of a file in order, a slice at a time."""
    with parquet.ParquetFile(path) as file:
        decoders = {each.name: found for each in file.schema_arrow if (found := _decoder(each, with_nulls=with_nulls))}
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, use_threads=False)
            rows = min(SLICE_ROWS, max(1, SLICE_BYTES * table.num_rows // max(1, table.nbytes)))
            for at in range(0, table.num_rows, rows):
                yield [_decoded(row, decoders) for row in table.slice(at, rows).to_pylist()]


def schema_of(path: Path) -> Schema:
    """Give the columns of a file with their types."""
    return parquet.read_schema(path)


def is_json(field: Field) -> bool:
    """Say whether a column, or a part of one, is kept as JSON text."""
    marks: Mapping[bytes, bytes] = field.metadata or {}
    return all(marks.get(key.encode()) == value.encode() for key, value in JSON_TEXT.items())


def dump(value: object) -> bytes:
    """Write a value as compact JSON; half of a surrogate pair survives as an escape."""
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, OverflowError):  # or an integer of more than 64 bits
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return _HALVES.sub(lambda half: f"\\u{ord(half[0]):04x}", text).encode()


def _decoded(row: Record, decoders: Mapping[str, Decode]) -> Record:
    for name, decode in decoders.items():
        row[name] = decode(row[name])
    return row


def _decoder(field: Field, *, with_nulls: bool) -> Decode | None:
    """Give what turns a value of the file back, or None where it is as it was."""
    if is_json(field):
        return _from_text
    kind: DataType = field.type
    if pa.types.is_timestamp(kind):
        return _moment
    if pa.types.is_list(kind):
        each = _decoder(kind.value_field, with_nulls=with_nulls)
        return None if each is None else partial(_elements, each)
    if pa.types.is_struct(kind):
        parts = {inner.name: _decoder(inner, with_nulls=with_nulls) for inner in kind}
        return partial(_fields, parts, with_nulls)
    return None


def _from_text(value: str | None) -> Any:
    return None if value is None else json.loads(value)


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat().replace("+00:00", "Z")


def _elements(each: Decode, value: list[Any] | None) -> list[Any] | None:
    return None if value is None else [each(item) for item in value]


def _fields(parts: Mapping[str, Decode | None], with_nulls: bool, value: Record | None) -> Record | None:  # noqa: FBT001  partial gives it by place
    if value is None:
        return None
    return {
        name: each if decode is None else decode(each)
        for name, decode in parts.items()
        if (each := value[name]) is not None or with_nulls
    }
