"""Item types: what inputs and outputs look like, checked by JSON Schema 2020-12 without ever touching the network."""

from collections.abc import Mapping
from typing import Any, NoReturn

import jsonschema_rs
import msgspec

from review.kernel.errors import FieldError

MAX_FAULTS = 20
MAX_MESSAGE = 300
VIEWS = ("text", "markdown", "code", "json", "image", "table", "chat", "choice")


class SchemaInvalid(Exception):
    """A schema that is none; `path` is where in the schema."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


class ItemType(msgspec.Struct, frozen=True, kw_only=True):
    """One version of an item type, with its validators compiled."""

    name: str
    version: int
    title: str
    input_schema: dict[str, Any] | bool
    output_schema: dict[str, Any] | bool
    reasons: tuple[str, ...] = ()
    guidelines: str = ""
    view: Mapping[str, str] = {}
    input_validator: Any
    output_validator: Any

    def check_input(self, value: object) -> list[FieldError]:
        """List what does not fit the input schema, at most 20 faults; paths begin with `input`."""
        return _check(self.input_validator, value, "input")

    def check_output(self, value: object) -> list[FieldError]:
        """List what does not fit the output schema, at most 20 faults; paths begin with `output`."""
        return _check(self.output_validator, value, "output")


def compile_schema(schema: object) -> Any:
    """Compile a JSON Schema of draft 2020-12.

    Raises:
        SchemaInvalid: it is no schema, or refers to something outside itself.
    """
    if not isinstance(schema, dict | bool):
        raise SchemaInvalid("", "must be a JSON Schema: an object, or true or false")
    try:
        return jsonschema_rs.Draft202012Validator(schema, validate_formats=True, retriever=_refuse_to_fetch)
    except jsonschema_rs.ValidationError as fault:
        raise SchemaInvalid(_path("", fault.instance_path), _short(fault.message)) from fault
    except (jsonschema_rs.ReferencingError, ValueError) as fault:
        raise SchemaInvalid("", _short(str(fault))) from fault


def _refuse_to_fetch(uri: str) -> NoReturn:
    message = f"{uri} lies outside the schema; copy it in under $defs"
    raise LookupError(message)


def _check(validator: Any, value: object, root: str) -> list[FieldError]:
    if validator.is_valid(value):
        return []
    faults: list[FieldError] = []
    for fault in validator.iter_errors(value):
        faults.append(FieldError(_path(root, fault.instance_path), _short(fault.message)))
        if len(faults) == MAX_FAULTS:
            break
    return faults


def _path(root: str, steps: list[str | int]) -> str:
    path = root
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path.removeprefix(".")


def _short(message: str) -> str:
    first = message.split("\n", 1)[0]
    return first if len(first) <= MAX_MESSAGE else f"{first[: MAX_MESSAGE // 2]} … {first[-MAX_MESSAGE // 2 :]}"
