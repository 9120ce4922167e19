"""Which parts of a schema hold for a value, asked of the same engine that checks what is sent."""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from review.items.types import SchemaInvalid, compile_schema
from review.kernel.shapes import is_list, is_object
from review.web.forms.fields import Schema
from review.web.forms.merging import Condition, flatten, merge

MAX_DEPTH = 4
_REFERRING = ('"$ref"', '"$dynamicRef"')
_REFERENCE = re.compile(r'("\$ref": "#)(/|")')  # within a string of JSON, the quotes would be escaped


def fits(schema: object, root: object, value: object) -> bool | None:
    """Tell whether a value fits a part of the schema `root`; None where that cannot be told."""
    written = json.dumps(schema, sort_keys=True)
    if any(word in written for word in _REFERRING):
        whole = {word: told for word, told in root.items() if word != "$id"} if is_object(root) else {}
        written = json.dumps({"allOf": [schema], "$defs": {"whole": whole}}, sort_keys=True)
        written = _REFERENCE.sub(r"\1/$defs/whole\2", written)
    validator = _compiled(written)
    try:
        return None if validator is None else bool(validator.is_valid(value))
    except (ValueError, TypeError):
        return None


def effective(schema: Schema, conditions: tuple[Condition, ...], root: object, value: object, depth: int = 0) -> Schema:
    """Add to a schema what its conditions add for this value; what cannot be told adds nothing."""
    for each in conditions:
        held = fits(each.test, root, value)
        part = None if held is None else each.then if held else each.otherwise
        flat = flatten(part, root) if part is not None else None
        if flat is None:
            continue
        merged = merge(schema, flat.schema)
        if merged is not None:
            schema = merged
        if flat.conditions and depth < MAX_DEPTH:
            schema = effective(schema, flat.conditions, root, value, depth + 1)
    return schema


def asked_about(conditions: tuple[Condition, ...]) -> set[str]:
    """Name the fields that conditions look at."""
    tests = [each.test for each in conditions]
    for each in conditions:
        for part in (each.then, each.otherwise):
            tests += [part["if"]] if is_object(part) and "if" in part else []
    return {name for test in tests for name in _named(test)}


def _named(test: object, depth: int = 0) -> Iterator[str]:
    """Name what an `if` looks at, however it is put together."""
    if not is_object(test) or depth > MAX_DEPTH:
        return
    properties, needed = test.get("properties"), test.get("required")
    yield from properties if is_object(properties) else ()
    yield from (name for name in needed if isinstance(name, str)) if is_list(needed) else ()
    yield from _named(test.get("not"), depth + 1)
    for word in ("allOf", "anyOf", "oneOf"):
        both: Any = test.get(word)
        for each in both if is_list(both) else ():
            yield from _named(each, depth + 1)


@lru_cache(maxsize=128)
def _compiled(written: str) -> Any:
    try:
        return compile_schema(json.loads(written))
    except SchemaInvalid:
        return None
