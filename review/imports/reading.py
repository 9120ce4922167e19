"""Reading files of labelled data a row at a time, in bounded memory."""

import csv
import json
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn, TextIO

import msgspec

from review.datasets.formats import columns
from review.datasets.formats import csv as csv_format
from review.datasets.formats.arrow import ArrowInvalid, Field, Schema, pa, parquet
from review.imports import label_studio
from review.imports.errors import ImportInvalid
from review.imports.rules import reason_of, value_at
from review.imports.schemas import Layout, Row, Source, Unread
from review.kernel import strict_json
from review.kernel.errors import FieldError, ReviewError
from review.kernel.shapes import is_list, is_object

MAX_ROW_BYTES = 10 * 1024 * 1024  # as much as a request may hold by default (REVIEW_MAX_BODY_BYTES)
PIECE_BYTES = 1024 * 1024
BATCH_ROWS = 100
ENCODING: Any = b"countersign.encoding"
FEATURES: Any = b"huggingface"
KEPT_OF_UNREAD = 2_000
_NO_HEADER: list[str] = []
SUFFIXES = {
    **dict.fromkeys((".jsonl", ".ndjson"), Layout.JSONL),
    ".csv": Layout.CSV,
    ".parquet": Layout.PARQUET,
    ".json": Layout.LABEL_STUDIO,
}
_OURS = frozenset({"item_id", "model_output", "label", "verdict", "route.inclusion_probability"})


def layout_of(path: Path) -> Layout:
    """Tell the layout of a file by its name; a folder is one of Hugging Face.

    Raises:
        ImportInvalid: its name does not tell (422).
    """
    if path.is_dir():
        return Layout.HF
    if (layout := SUFFIXES.get(path.suffix.lower())) is None:
        _refuse(path, f"does not tell by its name what it is; say --format {'|'.join(Layout)}")
    return layout


def open_source(path: Path, layout: Layout) -> Source:
    """Open a file or a folder for one reading, from the first row to the last.

    Raises:
        ImportInvalid: it cannot be read, or is not of this layout (422).
    """
    try:
        source = _OPEN[layout](path)
        return msgspec.structs.replace(source, rows=_to_the_end(path, source.rows))
    except (OSError, ArrowInvalid) as fault:
        _refuse(path, f"cannot be read: {getattr(fault, 'strerror', None) or fault}", fault)


def _to_the_end(path: Path, rows: Iterator[Row | Unread]) -> Iterator[Row | Unread]:
    try:
        yield from rows
    except (OSError, ArrowInvalid) as fault:
        message = (
            f"{path} cannot be read any further: {fault}. What was imported stays; mend the file and run it again: "
            "what is there already is passed over."
        )
        raise ImportInvalid(message, errors=(FieldError("file", "cannot be read any further"),)) from fault


def _jsonl(path: Path) -> Source:
    return Source(_lines(path), path.stat().st_size)


def _lines(path: Path) -> Iterator[Row | Unread]:
    number = reached = 0
    with path.open("rb") as file:
        while line := file.readline(MAX_ROW_BYTES + 1):
            number, reached = number + 1, reached + len(line)
            if len(line) > MAX_ROW_BYTES:
                while line and not line.endswith(b"\n"):
                    line = file.readline(MAX_ROW_BYTES)
                    reached += len(line)
                yield Unread(number, f"is longer than {MAX_ROW_BYTES:,} bytes", "", reached)
            elif text := line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip():
                yield _row_of_json(number, text, reached)


def _row_of_json(number: int, text: bytes, reached: int, shape: Callable[[Any], Any] | None = None) -> Row | Unread:
    try:
        value = strict_json.decode(text)
    except ReviewError as fault:
        return Unread(number, reason_of(fault), text[:KEPT_OF_UNREAD].decode(errors="replace"), reached)
    if not is_object(value):
        return Unread(number, "is no JSON object", text[:KEPT_OF_UNREAD].decode(errors="replace"), reached)
    return Row(number, shape(value) if shape else value, reached, len(text))


def _csv(path: Path) -> Source:
    csv.field_size_limit(MAX_ROW_BYTES)
    try:
        with _opened(path) as file:
            header: list[str] = next(csv.reader(file, strict=True), _NO_HEADER)
    except csv.Error as fault:
        _refuse(path, f"is no CSV: line 1: {fault}", fault)
    if not header or len(set(header)) < len(header):
        _refuse(path, "has no header that names each column once")
    return Source(_cells(path, header), path.stat().st_size, frozenset(header))


def _opened(path: Path) -> TextIO:
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _cells(path: Path, header: Sequence[str]) -> Iterator[Row | Unread]:
    is_ours = frozenset(header) >= _OURS
    with _opened(path) as file:
        reader = csv.reader(file, strict=True)
        next(reader)
        while True:
            first = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as fault:
                yield Unread(first, f"is no CSV: {fault}", "", file.buffer.tell())
                continue
            if cells is None:
                return
            reached, size = file.buffer.tell(), sum(map(len, cells))
            if not cells:
                continue
            if len(cells) != len(header):
                said = f"has {len(cells)} cells, and the header names {len(header)}"
                yield Unread(first, said, ",".join(cells)[:KEPT_OF_UNREAD], reached)
                continue
            fields = dict(zip(header, cells, strict=True))
            try:
                yield Row(first, exported(fields) if is_ours else fields, reached, size, is_text=not is_ours)
            except ReviewError as fault:
                yield Unread(first, reason_of(fault), ",".join(cells)[:KEPT_OF_UNREAD], reached)


def exported(cells: dict[str, str]) -> dict[str, Any]:
    """Undo what a CSV export does to values: guards against spreadsheets, JSON in cells, and the empty cell for null.

    Raises:
        MalformedRequest: a nested cell is no JSON any more (400).
    """
    read: dict[str, Any] = {}
    for name, cell in cells.items():
        if cell == "":
            read[name] = None
        elif name in columns.NESTED or name in columns.NUMBERS:
            read[name] = strict_json.decode(csv_format.unguard_inside(cell).encode(errors="surrogateescape"))
        else:
            read[name] = csv_format.unguard(cell)
    return read


def _parquet(path: Path) -> Source:
    return _tables([path])


def _tables(paths: Sequence[Path]) -> Source:
    files = [parquet.ParquetFile(path) for path in paths]
    first, *others = (frozenset[str](file.schema_arrow.names) for file in files)
    total = sum(file.metadata.num_rows for file in files)
    batches = chain.from_iterable(file.iter_batches(batch_size=BATCH_ROWS) for file in files)
    return Source(_rows(batches), total, first.intersection(*others))


def _rows(batches: Iterator[Any]) -> Iterator[Row | Unread]:
    number = 0
    for batch in batches:
        classes = _classes(batch.schema)
        for values in batch.to_pylist():
            number += 1
            fields = {field.name: _restored(values[field.name], field) for field in batch.schema}
            for name, labels in classes.items():
                if isinstance(at := fields.get(name), int):
                    fields[name] = labels[at] if 0 <= at < len(labels) else None
            plain = _plain(msgspec.to_builtins(fields))
            yield Row(number, plain, number, batch.nbytes // max(1, batch.num_rows), is_sparse=True)


def _restored(value: Any, field: Field) -> Any:
    """Read what an export of ours keeps as JSON text."""
    if value is None:
        return None
    if is_object(field.metadata) and field.metadata.get(ENCODING) == b"json":
        return json.loads(value)
    if hasattr(field.type, "value_field") and is_list(value):
        return [_restored(each, field.type.value_field) for each in value]
    if pa.types.is_struct(field.type):
        return {inner.name: _restored(value[inner.name], inner) for inner in field.type}
    return value


def _classes(schema: Schema) -> dict[str, list[str]]:
    """Give the names of classes that a Hugging Face dataset keeps as numbers."""
    told: Any = schema.metadata.get(FEATURES) if is_object(schema.metadata) else None
    try:
        features = value_at(json.loads(told or b"{}"), "info.features")
    except ValueError:
        return {}
    known = features.items() if is_object(features) else ()
    return {name: each["names"] for name, each in known if is_object(each) and is_list(each.get("names"))}


def _plain(value: Any) -> Any:
    """Give null for what is not a number, which stands for missing in many tables."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if is_object(value):
        return {str(name): _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if is_list(value) else value


def _folder(path: Path) -> Source:
    """Read a Hugging Face folder: its Parquet files, or else its JSON Lines, in the order of their names."""
    if not path.is_dir():
        _refuse(path, "is no folder")
    found = sorted(path.rglob("*.parquet"))
    if found:
        return _tables(found)
    if lines := sorted(path.rglob("*.jsonl")):
        return Source(chain.from_iterable(_lines(each) for each in lines), 0)
    is_arrow = any(path.rglob("*.arrow"))
    instead = "Arrow files, as save_to_disk writes them; write Parquet with to_parquet instead"
    return _refuse(path, f"holds {instead if is_arrow else 'no Parquet and no JSON Lines'}")


def _array(path: Path) -> Source:
    with path.open("rb") as file:
        if not file.read(KEPT_OF_UNREAD).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"["):
            _refuse(path, "is no JSON array of tasks, which Label Studio's export JSON is")
    return Source(_tasks(path), path.stat().st_size)


def _tasks(path: Path) -> Iterator[Row | Unread]:
    number = 0
    with path.open("rb") as file:
        try:
            parts = label_studio.tasks_in(iter(partial(file.read, PIECE_BYTES), b""), MAX_ROW_BYTES)
            for number, (task, reached) in enumerate(parts, 1):
                if task is None:
                    yield Unread(number, f"is longer than {MAX_ROW_BYTES:,} bytes", "", reached)
                else:
                    yield _row_of_json(number, task, reached, label_studio.row_of)
        except label_studio.BrokenOff as fault:
            message = f"its array has no end after task {number}"
            raise OSError(message) from fault


_OPEN: dict[Layout, Callable[[Path], Source]] = {
    Layout.JSONL: _jsonl,
    Layout.CSV: _csv,
    Layout.PARQUET: _parquet,
    Layout.HF: _folder,
    Layout.LABEL_STUDIO: _array,
}


def _refuse(path: Path, message: str, fault: BaseException | None = None) -> NoReturn:
    said = f"{path} {message}. Nothing was imported."
    raise ImportInvalid(said, errors=(FieldError("file", message),)) from fault
