"""Lists of objects, or of lists, as tables; columns of nothing but numbers are told, so that they stand in line."""

import json
from dataclasses import dataclass

from markupsafe import Markup

from review.kernel.shapes import is_list, is_number, is_object
from review.web.content.text import visible

FIRST_ROWS = 200
ROWS_OF_A_PART = 1_000
MAX_COLUMNS = 40
MAX_CELL = 2_000
CELLS_OF_A_PART = 1_000_000  # characters


@dataclass(frozen=True, slots=True)
class Table:
    """Some rows of a table; `hidden` counts the columns that are left out, `end` is the row behind the last one."""

    columns: tuple[Markup, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[Markup, ...], ...]
    hidden: int
    end: int
    count: int


def lay(value: object, start: int = 0, most: int = FIRST_ROWS) -> Table | None:
    """Lay out rows of a value from one on; None where it is no table. An object is one of fields and values."""
    if is_object(value):
        value = [{"field": name, "value": inner} for name, inner in value.items()]
    if not is_list(value) or not value:
        return None
    listed = [_row(row) for row in value[start : start + most]]
    if not all(is_object(row) for row in listed):
        return None
    names = dict.fromkeys(name for row in listed if is_object(row) for name in row)
    columns = list(names)[:MAX_COLUMNS]
    rows: list[tuple[Markup, ...]] = []
    room = CELLS_OF_A_PART
    for row in listed:
        rows.append(tuple(_cell(row, name) for name in columns))
        room -= sum(len(cell) for cell in rows[-1])
        if room < 0:
            break
    return Table(
        columns=tuple(visible(name[:200]) for name in columns),
        numeric=tuple(_is_numeric(listed, name) for name in columns),
        rows=tuple(rows),
        hidden=len(names) - len(columns),
        end=start + len(rows),
        count=len(value),
    )


def _row(row: object) -> object:
    """Name the cells of a row that is a list by their place."""
    return {str(place): cell for place, cell in enumerate(row, 1)} if is_list(row) else row


def _is_numeric(rows: list[object], name: str) -> bool:
    cells = [row[name] for row in rows if is_object(row) and row.get(name) is not None]
    return bool(cells) and all(is_number(cell) for cell in cells)


def _cell(row: object, name: str) -> Markup:
    value = row.get(name) if is_object(row) else None
    if value is None:
        return Markup("")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return visible(text[:MAX_CELL] + (" …" if len(text) > MAX_CELL else ""))
