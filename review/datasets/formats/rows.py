"""All columns of a snapshot, as JSON Lines and as CSV whose cells no spreadsheet runs (`formats.csv` has the rules)."""

from collections.abc import Iterator
from typing import Final

from review.datasets.formats.arrow import Field, pa
from review.datasets.formats.csv import guard, guard_nested, write
from review.datasets.formats.decoding import Record, dump, is_json
from review.datasets.formats.rendering import Rendering, Wanted

CSV: Final = "text/csv; charset=utf-8; header=present"


def make_jsonl(_wanted: Wanted) -> Rendering:
    """Make JSON Lines ready."""
    return Rendering(lambda record: dump(record) + b"\n")


def make_csv(wanted: Wanted) -> Rendering:
    """Make CSV ready: `route` gives a cell for each of its parts, other nested values are compact JSON."""
    columns: list[Field] = list(wanted.columns)
    header = [name for column in columns for name in _names(column)]

    def render(record: Record) -> bytes:
        return write([[cell for column in columns for cell in _cells(column, record[column.name])]])

    return Rendering(render, "csv", CSV, begin=write([header]))


def _parts(column: Field) -> list[str]:
    """Give the parts that get a cell each: those of the route alone, whose names no record changes."""
    return [part.name for part in column.type] if column.name == "route" and pa.types.is_struct(column.type) else []


def _names(column: Field) -> list[str]:
    return [f"{column.name}.{part}" for part in _parts(column)] or [column.name]


def _cells(column: Field, value: object) -> Iterator[str]:
    parts = _parts(column)
    if parts:
        found: Record = value if isinstance(value, dict) else {}
        yield from (_cell(found.get(part), is_nested=False) for part in parts)
    else:
        yield _cell(value, is_nested=is_json(column))


def _cell(value: object, *, is_nested: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return guard(dump(value).decode() if is_nested else value)
    return guard_nested(dump(value).decode())
