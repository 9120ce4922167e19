"""Conditions: CEL expressions over `item`, read strictly when they are applied and evaluated with one kind of number.

The engine compares an int with a double but refuses to add or multiply them, so every number of the item and every
integer literal of the condition becomes a double; `item.input.amount * 1.5` then works on 1200 and 1200.5 alike.
`size` counts the characters of a text, as the specification has it (the engine's own counts bytes), as a double.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import cel
import msgspec

from review.kernel.sentences import say
from review.kernel.shapes import is_list, is_object
from review.routing.cost import MAX_MACRO_ELEMENTS, steps_of
from review.routing.engine import ENGINE, THE_END
from review.routing.equalities import NOTHING_HERE, Equality, equality_in, value_at
from review.routing.faults import in_words, kind_of
from review.routing.measuring import NOTHING, Ask, Asked, IsOpen, Measured, answers, asked_in
from review.routing.named import NO_NAMES, Entries, Names, is_in, look_ups
from review.routing.reading import ITEM, JUDGEMENT, ConditionInvalid, Reading, Roots, read
from review.routing.tokens import Kind, Token, scan

MAX_LENGTH = 4_096

# Which fields of an item are read, and which fields below each; None means all of it.
Needs: TypeAlias = Mapping[str, frozenset[str] | None]

_ABSENT: Mapping[str, object] = {"model": {}, "signals": {}, "metadata": {}, "tags": [], "alternatives": []}


class EvaluationFailed(Exception):
    """A condition could not be evaluated on an item."""


class Facts:
    """An item as conditions see it: converted once, for all of them, and for the engine once it is asked."""

    __slots__ = ("_called", "_context", "_failed", "_found", "_review", "_scored", "_values", "_widest", "answers")

    def __init__(
        self,
        values: dict[str, Any],
        review: dict[str, Any] | None = None,
        called: "Called | None" = None,
        answers: "Mapping[str, float | str | bool] | None" = None,
    ) -> None:
        self.answers = answers or {}
        self._values = values
        self._review = review
        self._found: dict[tuple[str, ...], object] = {}
        self._widest: int | None = None
        self._called = called
        self._failed: dict[str, str] = {}
        self._scored: dict[str, float] | None = None
        self._context: Any = None

    @property
    def context(self) -> Any:
        """Give the item as the engine has it."""
        if self._context is None:
            roots = {"item": self._values} | ({} if self._review is None else {"review": self._review})
            own = _OWN_FUNCTIONS if self._called is None else _OWN_FUNCTIONS | {"in_list_": self._called.has}
            self._context = cel.Context({**roots, _ANSWERS: self.answers} if self.answers else roots, own)
        return self._context

    @property
    def widest(self) -> int:
        """Give the length of the longest list or object among them."""
        if self._widest is None:
            given = [*self._values.values(), *([] if self._review is None else [list(self._review.values())])]
            self._widest = max((_width(value) for value in given), default=0)
        return self._widest

    def at(self, path: tuple[str, ...]) -> object:
        """Give what stands at a path below `item`, or `NOTHING_HERE`; looked up once for all conditions."""
        if path not in self._found:
            self._found[path] = value_at(self._values, path)
        return self._found[path]

    def score(self) -> Mapping[str, str]:
        """Have the scores counted, once for all conditions; gives those that cannot be, with the reason.

        Such a score is left out, so that a condition that needs it fails.
        """
        if self._scored is None and self._called is not None:
            self._scored = {}
            for name, parts in self._called.scores.items():
                try:
                    self._scored[name] = sum((part.add for part in parts if part.condition.holds(self)), 0.0)
                except EvaluationFailed as fault:
                    self._failed[name] = fault.args[0]
            self.context.add_variable("scores", self._scored)
        return self._failed

    def points(self, name: str) -> float | None:
        """Give what a score comes to; null if it cannot be counted."""
        self.score()
        return (self._scored or {}).get(name)


class Condition(msgspec.Struct, frozen=True):
    """A compiled condition, what it reads of an item, how many steps it costs at most, and what it asks beside.

    One that is the same for every item is a `constant`, and without its `equality` it is false.
    """

    source: str
    program: Any
    reading: Reading
    steps: int = 0
    scores: tuple[str, ...] = ()
    asks: tuple[Ask, ...] = ()
    equality: Equality | None = None
    constant: bool | None = None

    def holds(self, facts: Facts) -> bool:
        """Evaluate the condition.

        Raises:
            EvaluationFailed: it cannot be evaluated on this item, or its value is not true or false.
        """
        if self.constant is not None:
            return self.constant
        if self.equality is not None and (found := facts.at(self.equality.path)) is not NOTHING_HERE:
            is_there = found == self.equality.text
            if not (is_there and self.equality.and_more):
                return is_there
        if self.reading.has_macros and facts.widest > MAX_MACRO_ELEMENTS:
            message = say(
                "a list is longer than the %(most)s elements that a condition goes through", most=MAX_MACRO_ELEMENTS
            )
            raise EvaluationFailed(message)
        if self.scores:
            facts.score()
        try:
            value = self.program.execute(facts.context)
        except Exception as fault:
            raise EvaluationFailed(self._lacking(facts) or in_words(fault)) from fault
        if value is True or value is False:
            return value
        message = say("its value is %(kind)s, not true or false", kind=kind_of(value))
        raise EvaluationFailed(message)

    def _lacking(self, facts: Facts) -> str | None:
        """Name the first thing that it asks and that was not measured, or score that cannot be counted and why."""
        for ask in self.asks:
            if ask.name not in facts.answers:
                return say("%(ask)s was not measured", ask=ask.name)
        failed: Mapping[str, str] = facts.score() if self.scores else {}
        name = next((name for name in self.scores if name in failed), None)
        return None if name is None else say("the score %(score)s: %(why)s", score=name, why=failed[name])


class Part(msgspec.Struct, frozen=True):
    """A part of a score: what is added where its condition holds."""

    condition: Condition
    add: float


class Called(msgspec.Struct, frozen=True):
    """The lists, scores and calendars that conditions call by name, of one version of the rules."""

    lists: Mapping[str, Entries] = {}
    scores: Mapping[str, tuple[Part, ...]] = {}
    calendars: Mapping[str, IsOpen] = {}

    def has(self, value: object, name: str) -> bool | None:
        """Tell whether the list of this name has a value."""
        return is_in(self.lists[name], value)


def compile_condition(source: str, names: Names = NO_NAMES) -> Condition:
    """Compile a condition over an item, which may call these lists and scores by name.

    Raises:
        ConditionInvalid: it is no CEL, uses anything but those and `item` and its fields, or nests macros.
    """
    return _compile(source, about_review=False, names=names)


def compile_judgement_condition(source: str) -> Condition:
    """Compile a condition over an item and somebody's judgement of it, which is `review`.

    Raises:
        ConditionInvalid: as `compile_condition`.
    """
    return _compile(source, about_review=True, names=NO_NAMES)


@lru_cache(maxsize=4096)
def _compile(source: str, *, about_review: bool, names: Names) -> Condition:
    if len(source) > MAX_LENGTH:
        message = say("the condition is longer than %(most)s characters", most=MAX_LENGTH)
        raise ConditionInvalid(message, 0)
    tokens = list(scan(source))
    asked = () if about_review else asked_in(tokens, names.calendars)
    edits = _edits(tokens, names, asked)
    try:
        program = cel.compile(_rewritten(source, edits))
    except ValueError as fault:
        raise ConditionInvalid(*_syntax_error(str(fault), source, edits)) from fault
    reading = read(_without(tokens, asked), _roots(JUDGEMENT if about_review else ITEM, names))
    look_ups(tokens, names.lists)
    scores = tuple(dict.fromkeys(path.fields[0] for path in reading.paths if path.root == "scores"))
    asks = tuple(dict.fromkeys(each.ask for each in asked))
    equality = None if reading.has_macros else equality_in(tokens)  # too wide an item fails first
    condition = Condition(source, program, reading, steps_of(tokens), scores, asks, equality)
    _refuse_broken_patterns(tokens)
    if not condition.reading.paths and not asks:
        constant = _constant(condition)
        return condition if reading.has_macros else msgspec.structs.replace(condition, constant=constant)
    return condition


def _roots(roots: Roots, names: Names) -> Roots:
    called = {"lists": names.lists, "scores": names.scores}
    return {**roots, **{root: known for root, known in called.items() if known}}


def needs_of(conditions: Iterable[Condition]) -> Needs:
    """Tell what a set of conditions reads of an item, so that nothing else need be converted."""
    needs: dict[str, frozenset[str] | None] = {}
    for condition in conditions:
        for path in condition.reading.paths:
            if path.root != "item":
                continue
            field, below = path.fields[0], path.fields[1:2]
            already = needs.get(field, frozenset())
            needs[field] = already | set(below) if below and already is not None else None
    return needs


def asks_of(conditions: Iterable[Condition]) -> tuple[Ask, ...]:
    """Tell what a set of conditions asks beside the item, each thing once."""
    return tuple(dict.fromkeys(ask for condition in conditions for ask in condition.asks))


def facts_of(
    item: Mapping[str, Any],
    needs: Needs,
    review: Mapping[str, Any] | None = None,
    called: Called | None = None,
    *,
    asks: Sequence[Ask] = (),
    measured: Measured = NOTHING,
) -> Facts:
    """Give what is needed of an item with every number as a double; true and false stay what they are.

    A field that was not sent is null, or empty where it holds several things. `review` is a judgement, for conditions
    that speak of one. `measured` is what was measured of the item when it came, out of which `asks` are answered.
    """
    values: dict[str, Any] = {}
    for field, below in needs.items():
        value = item.get(field, _ABSENT.get(field))
        if below is not None and type(value) is dict:
            values[field] = {name: _doubled(value[name]) for name in below if name in value}
        else:
            values[field] = _doubled(value)
    found = answers(asks, measured, called.calendars if called is not None else {}) if asks else None
    return Facts(values, None if review is None else _doubled(dict(review)), called, found)


def _doubled(value: Any) -> Any:
    if isinstance(value, str | float | bool | None):
        return value
    if isinstance(value, int):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    if is_object(value):
        return {key: _doubled(inner) for key, inner in value.items()}
    return [_doubled(inner) for inner in value]


def _width(value: Any) -> int:
    inside = list(value.values()) if is_object(value) else value
    return max(len(inside), *(_width(inner) for inner in inside), 0) if is_list(inside) else 0


def _size(value: Any) -> float | None:
    """Count characters, elements or fields; null for anything else, which no comparison takes."""
    has_size = isinstance(value, str | bytes) or is_list(value) or is_object(value)
    return float(len(value)) if has_size else None


_OWN_FUNCTIONS = {"size_": _size}
_ANSWERS = "measured"  # no condition can name it: it is no root


class _Edit(msgspec.Struct, frozen=True):
    """A token that is handed to the engine as something else."""

    token: Token
    text: str


def _edits(tokens: Sequence[Token], names: Names, asked: Sequence[Asked]) -> list[_Edit]:
    """List what becomes something else: integer literals that do not index a list, calls of `size`, and look-ups.

    What is asked beside the item becomes a look at what was measured. What is wrong with a look-up is said later, once
    the engine has found its own faults.
    """
    try:
        looked_up = look_ups(tokens, names.lists)
    except ConditionInvalid:
        looked_up = {}
    measured = {each.start: f'{_ANSWERS}["{each.ask.name}"]' for each in asked}
    inside = {at for each in asked for at in range(each.start + 1, each.end)}
    edits: list[_Edit] = []
    for at, token in enumerate(tokens):
        text = "" if at in inside else measured.get(at, token.text)
        if token.kind is Kind.NUMBER and not _is_index(tokens, at):
            text = _double(token.text)
        elif token.text == "size" and at + 1 < len(tokens) and tokens[at + 1].text == "(":
            text = "size_"
        if at in looked_up:
            start = looked_up[at]
            text = start[: -len(token.text)] + text if start.startswith("in_list_(") else start
        if text != token.text:
            edits.append(_Edit(token, text))
    return edits


def _without(tokens: Sequence[Token], asked: Sequence[Asked]) -> list[Token]:
    """Put a word in the place of what is asked beside the item, which has been read already."""
    kept, end = list[Token](), 0
    for each in asked:
        kept += [*tokens[end : each.start], Token(Kind.NAME, "true", tokens[each.start].offset)]
        end = each.end
    return [*kept, *tokens[end:]]


def _rewritten(source: str, edits: Sequence[_Edit]) -> str:
    parts: list[str] = []
    end = 0
    for edit in edits:
        parts += [source[end : edit.token.offset], edit.text]
        end = edit.token.end
    return "".join([*parts, source[end:]])


def _double(literal: str) -> str:
    if literal[:2] in {"0x", "0X"}:
        return f"{int(literal.rstrip('uU'), 16)}.0"
    digits = literal.rstrip("uU")
    return digits if any(mark in digits for mark in ".eE") else f"{digits}.0"


def _is_index(tokens: Sequence[Token], at: int) -> bool:
    if not 2 <= at < len(tokens) - 1 or tokens[at - 1].text != "[" or tokens[at + 1].text != "]":
        return False
    before = tokens[at - 2]
    return before.text in {")", "]"} or (before.kind is Kind.NAME and before.text != "in")


def _syntax_error(sentence: str, source: str, edits: Sequence[_Edit]) -> tuple[str, int]:
    """Turn the engine's report, which speaks of the rewritten text, into one sentence and a place in the original."""
    if "Recursion limit" in sentence:
        return say("is no CEL: it nests too deep"), 0
    _, _, report = sentence.partition("ERROR: <input>:")
    place, _, rest = report.partition(": ")
    line, _, column = place.partition(":")
    told = rest.split("\n", 1)[0].removeprefix("Syntax error: ").partition(" expecting ")[0]
    message = say("is no CEL: %(why)s", why=ENGINE.of(told.replace("'<EOF>'", THE_END)))
    if not (line.isdigit() and column.isdigit()):
        return message, 0
    lines = _rewritten(source, edits).split("\n")
    offset = sum(len(each) + 1 for each in lines[: int(line) - 1]) + int(column) - 1
    grown = 0
    for edit in edits:
        if edit.token.offset + grown >= offset:
            break
        grown += len(edit.text) - len(edit.token.text)
    return message, max(0, min(offset - grown, len(source)))


def _refuse_broken_patterns(tokens: Sequence[Token]) -> None:
    """Try the regular expressions that stand in the condition; the engine would find out with the first item."""
    for at in range(len(tokens) - 3):
        name, opening, pattern, closing = tokens[at : at + 4]
        if (name.text, opening.text, closing.text) == ("matches", "(", ")") and pattern.kind is Kind.TEXT:
            try:
                cel.compile(f'"".matches({pattern.text})').execute({})
            except Exception as fault:
                message = say("%(pattern)s is no regular expression", pattern=pattern.text)
                raise ConditionInvalid(message, pattern.offset) from fault


def _constant(condition: Condition) -> bool:
    try:
        return condition.holds(Facts({}))
    except EvaluationFailed as fault:
        message = say("can never be evaluated: %(why)s", why=fault.args[0])
        raise ConditionInvalid(message, 0) from fault
