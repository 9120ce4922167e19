"""All columns of a snapshot, as JSON Lines and as CSV whose cells no spreadsheet runs (`formats.csv` has the rules)."""

from typing import Any, Final

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
    columns = [(column.name, _parts(column), is_json(column)) for column in wanted.columns]
    header = [cell for name, parts, _ in columns for cell in ([f"{name}.{part}" for part in parts] or [name])]

    def render(record: Record) -> bytes:
        row: list[str] = []
        for name, parts, is_nested in columns:
            value: Any = record[name]
            if parts:
                within: Record = value or {}
                row += [_cell(within.get(part), is_nested=False) for part in parts]
            else:
                row.append(_cell(value, is_nested=is_nested))
        return write([row])

    return Rendering(render, "csv", CSV, begin=write([header]))


def _parts(column: Field) -> list[str]:
    """Give the parts that get a cell each: those of the route alone, whose names no record changes."""
    return [part.name for part in column.type] if column.name == "route" and pa.types.is_struct(column.type) else []


def _cell(value: object, *, is_nested: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return guard(dump(value).decode() if is_nested else value)
    return guard_nested(dump(value).decode())
