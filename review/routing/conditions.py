"""Conditions: CEL expressions over `item`, read strictly when they are applied and evaluated with one kind of number.

The engine compares an int with a double but refuses to add or multiply them, so every number of the item and every
integer literal of the condition becomes a double; `item.input.amount * 1.5` then works on 1200 and 1200.5 alike.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

import cel
import msgspec

from review.routing.tokens import Kind, Token, scan

FIELDS = (
    *("type", "confidence", "impact", "input", "output", "model", "signals", "tags", "metadata", "alternatives"),
)
MACROS = frozenset({"all", "exists", "exists_one", "map", "filter"})
FUNCTIONS = frozenset(
    {"bool", "contains", "double", "endsWith", "has", "int", "matches", "size", "startsWith", "string", "type"}
)
WORDS = frozenset({"true", "false", "null", "in"})
MAX_LENGTH = 4_096


class ConditionInvalid(Exception):
    """A condition that cannot be taken; `offset` is where in the expression."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class Condition(msgspec.Struct, frozen=True):
    """A compiled condition, and which fields of the item it reads."""

    source: str
    program: Any
    fields: frozenset[str]
    paths: tuple[tuple[tuple[str, ...], int], ...]
    literals: tuple[tuple[str, int], ...]

    def holds(self, context: Any) -> bool:
        """Evaluate the condition.

        Raises:
            EvaluationFailed: it cannot be evaluated on this item, or its value is not true or false.
        """
        try:
            value = self.program.execute(context)
        except Exception as fault:
            raise EvaluationFailed(_in_words(fault)) from fault
        if value is True or value is False:
            return value
        message = f"its value is {type(value).__name__}, not true or false"
        raise EvaluationFailed(message)


class EvaluationFailed(Exception):
    """A condition could not be evaluated on an item."""


@lru_cache(maxsize=4096)
def compile_condition(source: str) -> Condition:
    """Compile a condition.

    Raises:
        ConditionInvalid: it is no CEL, uses anything but `item` and its fields, or nests macros.
    """
    if len(source) > MAX_LENGTH:
        message = f"the condition is longer than {MAX_LENGTH} characters"
        raise ConditionInvalid(message, 0)
    tokens = list(scan(source))
    _refuse_nested_macros(tokens)
    paths = _paths(tokens)
    _refuse_unknown_names(tokens)
    try:
        program = cel.compile(_with_doubles(source, tokens))
    except ValueError as fault:
        raise ConditionInvalid(*_syntax_error(str(fault), source, tokens)) from fault
    fields = frozenset(path[0] for path, _ in paths)
    return Condition(source, program, fields, tuple(paths), tuple(_type_literals(tokens)))


def facts_of(item: Mapping[str, Any], fields: frozenset[str]) -> dict[str, Any]:
    """Give the named fields of an item with every number as a double; true and false stay what they are."""
    return {name: _doubled(item[name]) for name in fields}


def context_of(facts: dict[str, Any]) -> Any:
    """Hand an item to the engine once, for all its conditions."""
    return cel.Context({"item": facts})


def _doubled(value: Any) -> Any:
    kind = type(value)
    if kind is str or kind is float or value is None:
        return value
    if kind is int:
        return float(value)
    if kind is dict:
        return {key: _doubled(inner) for key, inner in value.items()}
    if kind is list:
        return [_doubled(inner) for inner in value]
    return value


def _with_doubles(source: str, tokens: Sequence[Token]) -> str:
    """Rewrite integer literals as doubles, but for those that index a list."""
    parts: list[str] = []
    end = 0
    for at, token in enumerate(tokens):
        if token.kind is not Kind.NUMBER or _is_index(tokens, at):
            continue
        parts += [source[end : token.offset], _double(token.text)]
        end = token.offset + len(token.text)
    return "".join([*parts, source[end:]])


def _double(literal: str) -> str:
    digits = literal.rstrip("uU")
    if digits[:2] in {"0x", "0X"}:
        return f"{int(digits, 16)}.0"
    return digits if any(mark in digits for mark in ".eE") else f"{digits}.0"


def _is_index(tokens: Sequence[Token], at: int) -> bool:
    if not 2 <= at < len(tokens) - 1 or tokens[at - 1].text != "[" or tokens[at + 1].text != "]":
        return False
    before = tokens[at - 2]
    return before.text in {")", "]"} or (before.kind is Kind.NAME and before.text not in WORDS)


def _refuse_nested_macros(tokens: Sequence[Token]) -> None:
    """Refuse a macro within a macro: the engine has no cost limit, and four nested over 60 elements took 1.7 s."""
    depth = 0
    inside: int | None = None
    for at, token in enumerate(tokens):
        if token.text == "(" and token.kind is Kind.MARK:
            depth += 1
            if _is_macro(tokens, at):
                if inside is not None:
                    message = f"`{tokens[at - 1].text}` stands inside another macro; one level is the limit"
                    raise ConditionInvalid(message, tokens[at - 1].offset)
                inside = depth
        elif token.text == ")" and token.kind is Kind.MARK:
            if inside == depth:
                inside = None
            depth -= 1


def _is_macro(tokens: Sequence[Token], at: int) -> bool:
    return at >= 2 and tokens[at - 1].text in MACROS and tokens[at - 2].text == "."


def _paths(tokens: Sequence[Token]) -> list[tuple[tuple[str, ...], int]]:
    """List the dotted paths below `item`, each with the offset of its first field."""
    found: list[tuple[tuple[str, ...], int]] = []
    for at, token in enumerate(tokens):
        if token.text != "item" or token.kind is not Kind.NAME or (at > 0 and tokens[at - 1].text == "."):
            continue
        path = _path_behind(tokens, at + 1)
        if not path:
            message = "`item` must be followed by one of its fields, as in `item.confidence`"
            raise ConditionInvalid(message, token.offset)
        if path[0].text not in FIELDS:
            raise ConditionInvalid(_unknown(path[0].text, "field of an item", FIELDS), path[0].offset)
        found.append((tuple(each.text for each in path), path[0].offset))
    return found


def _path_behind(tokens: Sequence[Token], at: int) -> list[Token]:
    path: list[Token] = []
    while at + 1 < len(tokens) and tokens[at].text == "." and tokens[at + 1].kind is Kind.NAME:
        called = at + 2 < len(tokens) and tokens[at + 2].text == "("
        if called:
            break
        path.append(tokens[at + 1])
        at += 2
    return path


def _refuse_unknown_names(tokens: Sequence[Token]) -> None:
    bound = {tokens[at + 1].text for at, token in enumerate(tokens[:-1]) if token.text == "(" and _is_macro(tokens, at)}
    for at, token in enumerate(tokens):
        if token.kind is not Kind.NAME:
            continue
        called = at + 1 < len(tokens) and tokens[at + 1].text == "("
        member = at > 0 and tokens[at - 1].text == "."
        if called:
            if token.text not in FUNCTIONS and not (member and token.text in MACROS):
                raise ConditionInvalid(_unknown(token.text, "function", sorted(FUNCTIONS | MACROS)), token.offset)
        elif not member and token.text not in WORDS | bound | {"item"}:
            message = f"`{token.text}` is unknown; conditions speak of `item` only"
            raise ConditionInvalid(message, token.offset)


def _type_literals(tokens: Sequence[Token]) -> list[tuple[str, int]]:
    """List the strings that `item.type` is compared with, each with its offset."""
    found: list[tuple[str, int]] = []
    for at in range(len(tokens) - 4):
        texts = [token.text for token in tokens[at : at + 5]]
        if texts[:3] == ["item", ".", "type"] and texts[3] in {"==", "!="} and tokens[at + 4].kind is Kind.TEXT:
            found.append((tokens[at + 4].text.strip("'\""), tokens[at + 4].offset))
        if texts[1] in {"==", "!="} and texts[2:] == ["item", ".", "type"] and tokens[at].kind is Kind.TEXT:
            found.append((tokens[at].text.strip("'\""), tokens[at].offset))
    return found


def _unknown(name: str, what: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"`{name}` is no {what}" + (f"; did you mean `{close[0]}`?" if close else f"; there are {', '.join(known)}")


def _syntax_error(sentence: str, source: str, tokens: Sequence[Token]) -> tuple[str, int]:
    """Turn the engine's report, which speaks of the rewritten text, into one sentence and a place in the original."""
    _, _, report = sentence.partition("ERROR: <input>:")
    place, _, rest = report.partition(": ")
    line, _, column = place.partition(":")
    message = "is no CEL: " + (rest.split("\n", 1)[0].removeprefix("Syntax error: ").partition(" expecting ")[0] or sentence)
    if not (line.isdigit() and column.isdigit()):
        return message, 0
    starts = [0]
    for part in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(part))
    offset = starts[min(int(line), len(starts)) - 1] + int(column) - 1
    grown = 0
    for at, token in enumerate(tokens):
        if token.offset + grown >= offset:
            break
        if token.kind is Kind.NUMBER and not _is_index(tokens, at):
            grown += len(_double(token.text)) - len(token.text)
    return message, max(0, min(offset - grown, len(source)))


def _in_words(fault: Exception) -> str:
    if isinstance(fault, KeyError):
        return f"the field {fault.args[0].strip(chr(39))!r} is missing"
    if isinstance(fault, TypeError):
        return "a value is empty or of another kind than the condition compares it with"
    return str(fault).partition(". ")[0][:300]
