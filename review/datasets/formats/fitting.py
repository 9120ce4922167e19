"""Reading lines of records into typed Arrow tables, and learning what does not fit yet."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias, cast

from review.datasets.formats import arrow, columns
from review.datasets.formats.arrow import ArrowInvalid, pa
from review.datasets.formats.shapes import (
    EXACT_IN_A_DOUBLE,
    Boolean,
    Instant,
    Integer,
    Json,
    Listing,
    Mapped,
    Real,
    Shape,
    Text,
    Unknown,
    mapped,
    merge,
    observe,
    settle,
)

JSON_TEXT = {"countersign.encoding": "json"}

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")

Rewrite: TypeAlias = Callable[[object], object]

_LEAF_TYPES: Mapping[type[Shape], arrow.DataType] = {
    Boolean: pa.bool_(),
    Integer: pa.int64(),
    Real: pa.float64(),
    Instant: pa.timestamp("us", "UTC"),
}

DECLARED: Mapping[str, Shape] = {
    **dict.fromkeys(columns.TEXT, Text()),
    **dict.fromkeys(columns.NESTED, Unknown()),
    "reasons": Listing(Text()),
    "tags": Listing(Text()),
    "type_version": Integer(),
    "confidence": Real(),
    "route": mapped({"rule": Text(), "ruleset_version": Integer(), "inclusion_probability": Real()}),
    "reviews": Integer(),
    "agreement": Real(),
    "decided_at": Instant(),
    "gold": Boolean(),
}


class DoesNotFit(Exception):
    """The lines hold something that the plan has no place for."""


@dataclass(frozen=True)
class Plan:
    """The shape of every column, and what follows from it: the Arrow schema, and which parts are rewritten as text."""

    shapes: Mapping[str, Shape]
    settled: Mapped
    schema: arrow.Schema
    rewrite: Rewrite | None

    @classmethod
    def of(cls, shapes: Mapping[str, Shape]) -> "Plan":
        """Work out the plan; columns of the contract come first and in its order."""
        names = [*columns.ORDER, *sorted(set(shapes) - set(columns.ORDER))]
        settled = Mapped(tuple((name, settle(shapes[name])) for name in names))
        schema = pa.schema([_field(name, shape) for name, shape in settled.fields])
        return cls(shapes, settled, schema, _rewriting(settled))


def first_plan() -> Plan:
    """Give the plan of the contract, before any record has been seen."""
    return Plan.of(DECLARED)


def fit(lines: bytes, plan: Plan) -> arrow.Table:
    """Read lines into a table of the plan's schema, with no value changed.

    Raises:
        DoesNotFit: a value, or a field, has no place in the plan.
    """
    readable = _rewritten(lines, plan.rewrite) if plan.rewrite else lines
    try:
        table = _read(readable, plan.schema)
    except ArrowInvalid as fault:
        raise DoesNotFit from fault
    for name, shape in plan.settled.fields:
        for chunk in table.column(name).chunks:
            _check(chunk, shape, lines, plan)
    return table


def learn(lines: bytes, plan: Plan) -> Plan:
    """Give the plan that fits these lines as well; the same plan if it already does."""
    shapes = dict(plan.shapes)
    for line in lines.splitlines():
        for name, value in json.loads(line).items():
            shapes[name] = merge(shapes.get(name, Unknown()), _observe_column(name, value))
    return plan if shapes == plan.shapes else Plan.of(shapes)


def _observe_column(name: str, value: object) -> Shape:
    if isinstance(DECLARED.get(name), Instant) and isinstance(value, str) and _INSTANT.fullmatch(value):
        return Instant()
    return observe(value)


def _read(lines: bytes, schema: arrow.Schema) -> arrow.Table:
    # One block and one thread: the caller reads several chunks at once, which scales where the reader's own threads
    # do not, and a line of any length fits into the block.
    options = arrow.json.ReadOptions(use_threads=False, block_size=len(lines) + 1)
    strict = arrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
    return arrow.json.read_json(pa.BufferReader(lines), read_options=options, parse_options=strict)


def _check(array: arrow.Array, shape: Shape, lines: bytes, plan: Plan) -> None:
    """Refuse what Arrow's reader lets pass: a string where JSON text is kept, a number that a double has rounded."""
    match shape:
        case Unknown() if array.null_count < len(array):
            raise DoesNotFit
        case Real() if _largest(array) >= EXACT_IN_A_DOUBLE and learn(lines, plan) is not plan:
            raise DoesNotFit
        case Listing(element):
            _check(array.values, element, lines, plan)
        case Mapped(fields) if fields:
            for index, (_, each) in enumerate(fields):
                _check(array.field(index), each, lines, plan)
        case _:
            pass


def _largest(array: arrow.Array) -> float:
    bounds: dict[str, float | None] = arrow.compute.min_max(array).as_py()
    return max(abs(bounds["min"] or 0.0), abs(bounds["max"] or 0.0))


def _field(name: str, shape: Shape) -> arrow.Field:
    return pa.field(name, _type(shape), metadata=JSON_TEXT if is_json_text(shape) else None)


def is_json_text(shape: Shape) -> bool:
    """Say whether a settled shape is kept as JSON text; an object without keys is, as Parquet has no such struct."""
    return isinstance(shape, Json | Unknown) or shape == Mapped(())


def _type(shape: Shape) -> arrow.DataType:
    match shape:
        case Listing(element):
            return pa.list_(_field("element", element))
        case Mapped(fields) if fields:
            return pa.struct([_field(name, each) for name, each in fields])
        case _:
            return _LEAF_TYPES.get(type(shape), pa.string())


def _rewritten(lines: bytes, rewrite: Rewrite) -> bytes:
    return "\n".join(_dump(rewrite(json.loads(line))) for line in lines.splitlines()).encode()


def _rewriting(shape: Shape) -> Rewrite | None:
    """Give the function that turns the JSON parts of a value into their text, or None where there are none."""
    match shape:
        case Json():
            return _as_json_text
        case Mapped(()):
            return _as_empty_object
        case Listing(element):
            each = _rewriting(element)
            return None if each is None else partial(_rewrite_elements, each)
        case Mapped(fields):
            parts = {name: part for name, of in fields if (part := _rewriting(of)) is not None}
            return partial(_rewrite_fields, parts) if parts else None
        case _:
            return None


def _rewrite_elements(each: Rewrite, value: object) -> object:
    if not isinstance(value, list):
        return value  # null, or what the reader will refuse
    return [each(item) for item in cast("list[object]", value)]


def _rewrite_fields(parts: Mapping[str, Rewrite], value: object) -> object:
    if not isinstance(value, dict):
        return value  # null, or what the reader will refuse
    return {key: parts[key](each) if key in parts else each for key, each in cast("dict[str, object]", value).items()}


def _as_json_text(value: object) -> str | None:
    return None if value is None else _dump(value)


def _as_empty_object(value: object) -> str | None:
    if value not in (None, {}):
        raise DoesNotFit
    return None if value is None else "{}"


def _dump(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair survives as an escape
        return json.dumps(value, separators=(",", ":"))
    return text
