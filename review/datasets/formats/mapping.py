"""A user's template that makes a record into a text: a part of Jinja that cannot run away, checked before it runs.

There are texts, `{{ … }}`, `if` and `for`; names and paths of the snapshot's columns, comparisons, literals, and the
filters below; `mapping_rules` refuses the rest. Rounds of loops, and what filters and comparisons read and write, count
against a bound for each record, so a template ends soon whatever it says and whatever it is given. Work is counted and
not timed, so that a slow machine gives the same bytes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

from jinja2 import StrictUndefined, Template, TemplateError, UndefinedError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from review.datasets.formats.arrow import Schema
from review.datasets.formats.decoding import Record, dump
from review.datasets.formats.mapping_rules import LOOP, check, parsed, refused
from review.datasets.formats.rendering import Lacks, Rendering, Wanted
from review.kernel.sentences import say
from review.kernel.shapes import is_list, is_object

MOST_CHARACTERS: Final = 64 * 1024 * 1024  # read and written for one record; a field has up to 5 MB
MOST_STEPS: Final = 20_000
ELEMENT: Final = 100  # as many characters are read in the time that going to the next element takes

UNKNOWN: Final = "without a field that the template names"
TOO_MUCH: Final = "more work for the template than one record may make"
LINES: Final = "more than one line from the template"
UNFIT: Final = "with a value that the template cannot work with"

_STEP, _WEIGH = "step", "weigh"  # filters that are put around what loops go through, and what is compared


class _Spent(Exception):
    """A record has used up what it may."""


class _Bounds:
    """What the record at hand may still use."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self._steps, self._characters = MOST_STEPS, MOST_CHARACTERS

    def spend(self, characters: int = 0) -> None:
        self._steps -= 1
        self._characters -= characters
        if self._steps < 0 or self._characters < 0:
            raise _Spent

    def weigh(self, value: Any) -> None:
        """Spend as much as it takes to go through a value."""
        if isinstance(value, str):
            self.spend(len(value))
        elif isinstance(value, list | tuple):
            elements = cast("Sequence[Any]", value)
            self.spend(ELEMENT * len(elements))
            for each in elements:
                self.weigh(each)
        elif is_object(value):
            self.spend(ELEMENT * len(value) + sum(map(len, value)))
            for each in value.values():
                self.weigh(each)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Reads keys of objects and places of lists, and nothing else of a value."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if is_object(obj) and isinstance(argument, str) and argument in obj:
            return obj[argument]
        if is_list(obj) and isinstance(argument, int) and -len(obj) <= argument < len(obj):
            return obj[argument]
        if argument in LOOP and type(obj).__name__ == "LoopContext":
            return getattr(obj, argument)
        return self.undefined(obj=obj, name=str(argument))


def make(wanted: Wanted) -> Rendering:
    """Make the format ready: each record gives a line.

    Raises:
        RenderingInvalid: there is no template, it says what it may not, or it names what is not there (422).
    """
    write = compiled(wanted.options.template, wanted.columns)

    def render(record: Record) -> bytes:
        line = write(record).rstrip("\r\n")
        if "\n" in line or "\r" in line:
            raise Lacks(LINES)
        return line.encode("utf-8", "replace") + b"\n"

    return Rendering(render, "txt", "text/plain; charset=utf-8", with_nulls=True)


def compiled(source: str, columns: Schema) -> Callable[[Record], str]:
    """Give the function that writes a record by a template, once all that the template names was found.

    Raises:
        RenderingInvalid: it says what it may not, or it names what is not there (422).
    """
    bounds = _Bounds()
    sandbox = _sandbox(bounds)
    tree = parsed(sandbox, source)
    check(tree, columns, sorted(set(sandbox.filters) - {_STEP, _WEIGH}))
    for loop in tree.find_all(nodes.For):
        loop.iter = nodes.Filter(loop.iter, _STEP, [], [], None, None)
    compares: list[nodes.Compare | nodes.Operand] = [*tree.find_all(nodes.Compare), *tree.find_all(nodes.Operand)]
    for compared in compares:
        compared.expr = nodes.Filter(compared.expr, _WEIGH, [], [], None, None)
    try:
        template = Template.from_code(sandbox, sandbox.compile(tree), {})
    except (TemplateError, SyntaxError, RecursionError) as fault:
        what = say("cannot be read: %(fault)s", fault=fault)
        raise refused(what) from fault

    def write(record: Record) -> str:
        bounds.begin()
        pieces: list[str] = []
        try:
            for piece in template.generate(record):
                bounds.spend(len(piece))
                pieces.append(piece)
        except UndefinedError as fault:
            raise Lacks(UNKNOWN) from fault
        except (_Spent, RecursionError) as fault:
            raise Lacks(TOO_MUCH) from fault
        except (TemplateError, TypeError, ValueError, LookupError, AttributeError, OverflowError) as fault:
            raise Lacks(UNFIT) from fault
        return "".join(pieces)

    return write


class _Filters:
    """What templates may do with values, against the bounds of the record at hand."""

    def __init__(self, bounds: _Bounds) -> None:
        self._bounds = bounds

    def all(self) -> dict[str, Callable[..., Any]]:
        whole: dict[str, Callable[..., Any]] = {**_WHOLE, "join": self._joined, "replace": self._replaced}
        filters = {name: self._bounded(do) for name, do in whole.items()}
        return {**filters, **_FREE, "string": self._string, _STEP: self._stepped, _WEIGH: self._weighed}

    def written(self, value: Any) -> Any:
        """Give what is printed of a value: nothing for null, JSON for what has parts."""
        if value is None:
            return ""
        return _json(self._weighed(value)) if isinstance(value, bool | dict | list | tuple) else value

    def _string(self, value: Any) -> str:
        return str(self.written(value))

    def _weighed(self, value: Any) -> Any:
        self._bounds.weigh(value)
        return value

    def _stepped(self, values: Iterable[Any] | None) -> Iterator[Any]:
        for value in () if values is None else values:
            self._bounds.spend()
            yield value

    def _joined(self, values: Iterable[Any], by: str = "") -> str:
        pieces = [self._string(each) for each in values]
        self._bounds.spend(sum(map(len, pieces)) + len(by) * len(pieces))
        return by.join(pieces)

    def _replaced(self, value: str, old: str, new: str) -> str:
        self._bounds.spend(value.count(old) * len(new) if old else 0)
        return value.replace(old, new) if old else value

    def _bounded(self, do: Callable[..., Any]) -> Callable[..., Any]:
        def spent(value: Any, *given: Any, **named: Any) -> Any:
            return do(self._weighed(value), *given, **named)

        return spent


def _sandbox(bounds: _Bounds) -> _Sandbox:
    filters = _Filters(bounds)
    sandbox = _Sandbox(
        undefined=StrictUndefined, finalize=filters.written, trim_blocks=True, lstrip_blocks=True, optimized=False
    )
    sandbox.globals.clear()
    known: Any = filters.all()  # Any, as Jinja's type is a union of its own filters
    sandbox.filters = known
    return sandbox


def _json(value: Any) -> str:
    if isinstance(value, StrictUndefined):
        str(value)  # says that it is undefined
    return dump(value).decode()


def _first(values: Any) -> Any:
    return values[0]


def _last(values: Any) -> Any:
    return values[-1]


def _round(value: float, places: int = 0) -> float:
    return round(value, max(0, min(places, 15)))


def _default(value: Any, other: Any = "") -> Any:
    return other if value is None or isinstance(value, StrictUndefined) else value


_WHOLE: Final[Mapping[str, Callable[..., Any]]] = {
    "tojson": _json,
    "trim": str.strip,
    "lower": str.lower,
    "upper": str.upper,
    "round": _round,
}
_FREE: Final[Mapping[str, Callable[..., Any]]] = {"default": _default, "length": len, "first": _first, "last": _last}
