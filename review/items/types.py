"""Item types: what inputs and outputs look like, checked by JSON Schema 2020-12 without ever touching the network."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import islice
from typing import Any, Literal, NoReturn

import jsonschema_rs
import msgspec

from review.kernel.errors import FieldError
from review.kernel.foreign import English
from review.kernel.sentences import Sentence, either, say
from review.kernel.shapes import is_list, is_object

MAX_FAULTS = 20
MAX_SHOWN = 80
MAX_SCHEMA_BYTES = 256 * 1024
# The engine lists every fault before it gives the first: a million took 9 s. Larger values are told only the first.
MAX_SURVEYED_VALUES = 5_000
DEFAULT_UNDO = timedelta(seconds=8)  # time to see what one has done, and little for whoever waits for it
VIEWS = (
    *("text", "markdown", "code", "json", "table", "chat", "choice", "image", "audio", "video", "pdf"),
    *("boxes", "spans", "pair", "diff", "extraction", "confidences", "evidence"),
)
# What `code:` may be followed by: aliases of Pygments, which a test holds them against.
LANGUAGES = (
    *("bash", "c", "clojure", "cpp", "csharp", "css", "diff", "docker", "elixir", "erlang", "go", "graphql", "haskell"),
    *("html", "ini", "java", "javascript", "json", "kotlin", "lua", "make", "nginx", "perl", "php", "powershell"),
    *("protobuf", "python", "r", "ruby", "rust", "scala", "scss", "sql", "swift", "terraform", "toml", "typescript"),
    *("xml", "yaml"),
)


SENSITIVE = ("off", "text", "media", "all")


class SchemaInvalid(Exception):
    """A schema that is none; `path` is where in the schema."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path


class ExposureLimit(msgspec.Struct, frozen=True):
    """How many items one person is handed in a rolling hour and a rolling day; None is without limit."""

    per_hour: int | None = None
    per_day: int | None = None


class ItemType(msgspec.Struct, frozen=True, kw_only=True):
    """One version of an item type, with its validators compiled.

    Versions count from 1 by content: a definition that was there before keeps the number it had then. `needs_lead` is
    the condition under which a judgement waits for the people of `lead_pool`, `two_person` says that nobody decides
    alone, `shows_answers` that adjudicators see what was judged before them, and `relations` are the paths at which an
    item names the people it concerns. `undo` is how long a verdict given on a page may be taken back before it counts.
    `sensitive` says which of its content is veiled, `exposure` how much of it one person is handed. `fallback` is what
    decides it while a stop says so; None leaves that to people. `retention` is how long its payload is kept after its
    end, None for good. `personal` are the paths that only those see who need to (`items.personal` has the notation).
    """

    name: str
    version: int
    title: str
    input_schema: dict[str, Any] | bool
    output_schema: dict[str, Any] | bool
    reasons: tuple[str, ...] = ()
    guidelines: str = ""
    view: Mapping[str, str] = {}
    needs_lead: str = ""
    lead_pool: str = ""
    two_person: bool = False
    shows_answers: bool = False
    relations: tuple[str, ...] = ()
    undo: timedelta = DEFAULT_UNDO
    sensitive: str = "off"
    exposure: ExposureLimit | None = None
    fallback: Literal["approve", "reject"] | None = None
    retention: timedelta | None = None
    personal: tuple[str, ...] = ()
    input_validator: Any
    output_validator: Any

    @property
    def is_sensitive(self) -> bool:
        """Whether any of its content is veiled."""
        return self.sensitive != "off"

    def check_input(self, value: object) -> list[FieldError]:
        """List what does not fit the input schema, at most 20 faults; paths begin with `input`."""
        return _check(self.input_validator, value, "input")

    def check_output(self, value: object) -> list[FieldError]:
        """List what does not fit the output schema, at most 20 faults; paths begin with `output`."""
        return _check(self.output_validator, value, "output")


def compile_schema(schema: object) -> Any:
    """Compile a JSON Schema of draft 2020-12; the formats it names are checked.

    Raises:
        SchemaInvalid: it is no schema, is larger than 256 KiB, or refers to something outside itself.
    """
    if not isinstance(schema, dict | bool):
        message = say("must be a JSON Schema: an object, or true or false")
        raise SchemaInvalid(message)
    if len(msgspec.json.encode(schema)) > MAX_SCHEMA_BYTES:
        message = say("is larger than %(most)s KiB", most=MAX_SCHEMA_BYTES // 1024)
        raise SchemaInvalid(message)
    outside: list[str] = []

    def refuse_to_fetch(uri: str) -> NoReturn:
        outside.append(uri)
        raise LookupError(uri)

    try:
        return jsonschema_rs.Draft202012Validator(
            schema,  # pyright: ignore[reportUnknownArgumentType]  a mapping with text keys, as documents have
            validate_formats=True,
            retriever=refuse_to_fetch,
            pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=100_000),
        )
    except jsonschema_rs.ValidationError as fault:
        if outside:
            message = say(
                "refers to %(address)s; schemas are never fetched, so copy it in under $defs",
                address=_shown(outside[0]),
            )
            raise SchemaInvalid(message) from fault
        raise SchemaInvalid(_schema_fault(fault), _path("", fault.instance_path)) from fault
    except (jsonschema_rs.ReferencingError, ValueError) as fault:
        raise SchemaInvalid(English(_short(str(fault)))) from fault


def _check(validator: Any, value: object, root: str) -> list[FieldError]:
    if validator.is_valid(value):
        return []
    faults = islice(_faults(validator, value), MAX_FAULTS)
    return [FieldError(_path(root, fault.instance_path), _in_words(fault)) for fault in faults]


def _faults(validator: Any, value: object) -> Iterator[jsonschema_rs.ValidationError]:
    if _count(value, MAX_SURVEYED_VALUES) > 0:
        yield from validator.iter_errors(value)
        return
    try:
        validator.validate(value)
    except jsonschema_rs.ValidationError as fault:
        yield fault


def _count(value: object, budget: int) -> int:
    """Give what is left of a budget of values after counting these; stops as soon as nothing is."""
    budget -= 1
    if is_object(value):
        inner: Iterable[Any] = value.values()
    elif is_list(value):
        inner = value
    else:
        return budget
    for each in inner:
        if budget <= 0:
            return 0
        budget = _count(each, budget)
    return budget


def _path(root: str, steps: list[str | int]) -> str:
    path = root
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step[:MAX_SHOWN]}"
    return path.removeprefix(".")[:500]


_LIMITS: Mapping[str, Callable[[object], Sentence]] = {
    "maximum": lambda most: say("must be at most %(most)s", most=most),
    "minimum": lambda least: say("must be at least %(least)s", least=least),
    "exclusiveMaximum": lambda end: say("must be less than %(end)s", end=end),
    "exclusiveMinimum": lambda end: say("must be more than %(end)s", end=end),
    "maxLength": lambda most: say("must have at most %(most)s characters", most=most),
    "minLength": lambda least: say("must have at least %(least)s characters", least=least),
    "maxItems": lambda most: say("must have at most %(most)s elements", most=most),
    "minItems": lambda least: say("must have at least %(least)s elements", least=least),
    "maxProperties": lambda most: say("must have at most %(most)s fields", most=most),
    "minProperties": lambda least: say("must have at least %(least)s fields", least=least),
}
_ONE_FORM = say("must fit exactly one of the forms that are allowed")
_WORDS: Mapping[str, Callable[[Any], Sentence]] = {
    "required": lambda kind: say("the field %(name)s is missing", name=_shown(kind.property)),
    "type": lambda kind: say("must be of type %(types)s", types=either(*kind.types)),
    "enum": lambda kind: say("must be one of %(values)s", values=_listed(kind.options)),
    "const": lambda kind: say("must be %(value)s", value=_shown(kind.expected_value)),
    "format": lambda kind: say("does not have the format %(format)s", format=kind.format),
    "pattern": lambda kind: say("does not match the pattern %(pattern)s", pattern=_shown(kind.pattern)),
    "multipleOf": lambda kind: say("must be a multiple of %(number)s", number=kind.multiple_of),
    "uniqueItems": lambda _kind: say("has an element twice"),
    "additionalProperties": lambda kind: _foreign(kind.unexpected),
    "unevaluatedProperties": lambda kind: _foreign(kind.unexpected),
    "anyOf": lambda _kind: say("fits none of the forms that are allowed"),
    "oneOf": lambda _kind: _ONE_FORM,
    "oneOfNotValid": lambda _kind: _ONE_FORM,
    "oneOfMultipleValid": lambda _kind: _ONE_FORM,
    "not": lambda _kind: say("has a form that is not allowed"),
    "falseSchema": lambda _kind: say("is not allowed here"),
    "contains": lambda _kind: say("lacks an element that is required"),
    "propertyNames": lambda kind: say(
        "has a field whose name is not allowed: %(why)s", why=English(_short(str(kind.error.message)))
    ),
}


def _foreign(names: list[Any]) -> Sentence:
    return say("has fields that are not allowed: %(names)s", names=_listed(names))


def _in_words(fault: jsonschema_rs.ValidationError) -> str:
    """Say what is wrong without repeating the value, which may be megabytes long."""
    kind = fault.kind
    if kind.name in _LIMITS:
        return _LIMITS[kind.name](kind.as_dict().get("limit"))
    words = _WORDS.get(kind.name)
    return words(kind) if words is not None else English(_short(fault.message))


def _schema_fault(fault: jsonschema_rs.ValidationError) -> str:
    """Say what is wrong with a schema; what went wrong while it was put together has no place and no value."""
    if not fault.instance_path:
        return English(_short(fault.message))
    return say("%(value)s is not what the keyword takes: %(why)s", value=_shown(fault.instance), why=_in_words(fault))


def _listed(values: list[Any]) -> str:
    shown = ", ".join(_shown(value) for value in values[:MAX_FAULTS])
    more = len(values) - MAX_FAULTS
    return shown if more <= 0 else say("%(names)s and %(more)s more", names=shown, more=more)


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"`{text}`" if len(text) <= MAX_SHOWN else f"`{text[:MAX_SHOWN]}…`"


def _short(message: str) -> str:
    first = message.split("\n", 1)[0]
    return first if len(first) <= 3 * MAX_SHOWN else f"{first[: 2 * MAX_SHOWN]} … {first[-MAX_SHOWN:]}"
