"""Lists and scores: what a project's conditions call by name, in `lists.NAME` and `scores.NAME`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeAlias

import msgspec

from review.kernel.sentences import say
from review.routing.reading import ConditionInvalid
from review.routing.tokens import Kind, Token

# What a list holds; hashed, so that a look-up takes the same time in a list of ten and of a million.
Entries: TypeAlias = AbstractSet[str | float]

_OPENING, _CLOSING = {"(": ")", "[": "]", "{": "}"}, {")": "(", "]": "[", "}": "{"}
# What may stand before the left side of `in` without binding tighter than `in` does.
_BEFORE = frozenset({"", "(", "[", ",", "&&", "||", "?", ":", "{"})
IN_BRACKETS = say(
    "what is looked up must be one field or stand in brackets, as in `!(item.input.country in lists.NAME)`"
)


class NotLoaded(LookupError):
    """A list was looked in whose entries are not at hand."""


class Unloaded(AbstractSet[str | float]):
    """Stands for a list whose entries are not at hand: whatever looks in it fails, and nothing is let through by it."""

    def __contains__(self, value: object) -> bool:
        """Refuse to tell."""
        raise NotLoaded

    def __iter__(self) -> Iterator[str | float]:
        """Give nothing."""
        return iter(())

    def __len__(self) -> int:
        """Give zero."""
        return 0


UNLOADED = Unloaded()


class Names(msgspec.Struct, frozen=True):
    """The names of the lists, scores and calendars that a condition may use."""

    lists: tuple[str, ...] = ()
    scores: tuple[str, ...] = ()
    calendars: tuple[str, ...] = ()


NO_NAMES = Names()


def is_in(entries: Entries, value: object) -> bool | None:
    """Tell whether a list has a text or number; null for anything else, which no condition takes."""
    if isinstance(value, bool) or not isinstance(value, str | float):
        return None
    return value in entries


def entries_of(values: Iterable[str | float]) -> frozenset[str | float]:
    """Make a list's entries, every number a double as in conditions."""
    return frozenset(value if isinstance(value, str) else float(value) for value in values)


def look_ups(tokens: Sequence[Token], lists: Mapping[str, object] | Sequence[str]) -> dict[int, str]:
    """Give, by the place of each token, what the engine gets instead, so that `X in lists.NAME` becomes a call.

    Raises:
        ConditionInvalid: a list stands anywhere but behind `in`, or what is looked up is not one operand.
    """
    edits: dict[int, str] = {}
    for at, token in enumerate(tokens):
        if token.kind is not Kind.NAME or token.text != "lists" or _text(tokens, at - 1) == ".":
            continue
        if _text(tokens, at - 1) != "in" or _text(tokens, at + 2) not in lists or _text(tokens, at + 3) in {".", "["}:
            message = say("a list is written behind `in`, as in `item.input.country in lists.NAME`")
            raise ConditionInvalid(message, token.offset)
        start = _operand(tokens, at - 2)
        if start < 0 or _text(tokens, start - 1) not in _BEFORE:
            raise ConditionInvalid(IN_BRACKETS, tokens[max(start, 0)].offset)
        edits[start] = f"in_list_({edits.get(start, tokens[start].text)}"
        edits |= {at - 1: ",", at: "", at + 1: "", at + 2: f'"{_text(tokens, at + 2)}")'}
    return edits


def _operand(tokens: Sequence[Token], at: int) -> int:
    """Give where the operand begins that ends here: a name or literal with its fields, calls and indexes; or -1."""
    while at >= 0:
        token = tokens[at]
        if token.text in _CLOSING:
            at = _opening(tokens, at)
            before = tokens[at - 1] if at > 0 else None
            is_call = before is not None and before.kind is Kind.NAME and before.text != "in"
            if at > 0 and (is_call or _text(tokens, at - 1) in _CLOSING):
                at -= 1
                continue
            return at
        if token.kind is Kind.MARK:
            return -1
        if _text(tokens, at - 1) != ".":
            return at
        at -= 2
    return -1


def _opening(tokens: Sequence[Token], at: int) -> int:
    depth = 0
    while at >= 0:
        depth += (tokens[at].text in _CLOSING) - (tokens[at].text in _OPENING)
        if depth == 0:
            return at
        at -= 1
    return -1


def _text(tokens: Sequence[Token], at: int) -> str:
    return tokens[at].text if 0 <= at < len(tokens) else ""
