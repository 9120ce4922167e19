"""Extraction: a line of JSON with `input`, the JSON `schema` of answers and the `output` that counts, each as text."""

from typing import Any, Final

from review.datasets.formats.decoding import Record, dump
from review.datasets.formats.finding import answer_of
from review.datasets.formats.rendering import NO_LABEL, NO_TEXT, Lacks, Rendering, Wanted
from review.kernel.shapes import is_list, is_object

NO_SCHEMA: Final = "an item type whose schema is not known"


def make(wanted: Wanted) -> Rendering:
    """Make the format ready."""
    schemas = {key: dump(schema).decode() for key, schema in wanted.outputs.items() if is_object(schema)}

    def render(record: Record) -> bytes:
        given = answer_of(record["input"], wanted.options.text_at)
        kind = (record["type"], record["type_version"])
        if given is None:
            raise Lacks(NO_TEXT)
        if record["label"] is None:
            raise Lacks(NO_LABEL)
        if kind not in schemas:
            raise Lacks(NO_SCHEMA)
        line = {
            "input": given,
            "schema": schemas[kind],
            "output": dump(completed(record["label"], wanted.outputs[kind])).decode(),
            "weight": record["weight"],
            "id": record["id"],
            "split": record["split"],
        }
        return dump(line) + b"\n"

    return Rendering(render)


def completed(value: object, schema: object) -> object:
    """Give an output with null for what its schema requires: Parquet does not tell null from absent."""
    if not is_object(schema):
        return value
    if is_list(value):
        return [completed(each, schema.get("items")) for each in value]
    if not is_object(value):
        return value
    properties = schema.get("properties")
    known: dict[str, Any] = properties if is_object(properties) else {}
    required = schema.get("required")
    missing = [name for name in required if name not in value] if is_list(required) else []
    told = {name: completed(each, known.get(name)) for name, each in value.items()}
    return told | dict.fromkeys(missing)
