"""Reading a condition before it is evaluated: which fields it asks for, and what it may not do.

The engine finds unknown names only when an item comes along, has no cost limit, and knows nothing of item types;
whoever applies a rule wants to hear of all that at once, with the place.
"""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import TypeAlias

import msgspec

from review.kernel.catalogue import N_
from review.kernel.sentences import Sentence, say
from review.routing.tokens import Kind, Token, text_of

# The names an expression may begin a path with, and the fields of each.
Roots: TypeAlias = Mapping[str, tuple[str, ...]]

FIELDS = (
    *("type", "confidence", "impact", "input", "output", "model", "signals", "tags", "metadata", "alternatives"),
    "subject",
)
MODEL_FIELDS = ("name", "version", "prompt_version")
REVIEW_FIELDS = ("verdict", "output", "reasons", "comment")
ITEM: Roots = {"item": FIELDS}
JUDGEMENT: Roots = {"item": FIELDS, "review": REVIEW_FIELDS}
MACROS = frozenset({"all", "exists", "exists_one", "filter"})
FUNCTIONS = frozenset({"double", "duration", "dyn", "has", "size", "string", "timestamp", "type"})
METHODS = frozenset(
    {
        *("contains", "endsWith", "matches", "size", "startsWith"),
        *("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"),
        *("getHours", "getMinutes", "getSeconds"),
    }
)
WORDS = frozenset({"true", "false", "null", "in"})
TYPE_NAMES = frozenset({"bool", "double", "string", "list", "map", "null_type"})
INSTEAD = {
    "map": say("`map` is not available in conditions; `exists`, `all` and `filter` say the same"),
    "int": say("`int` is not available: every number is a double; write `double(…)`"),
    "uint": say("`uint` is not available: every number is a double; write `double(…)`"),
}
_UNKNOWN = {
    "item": N_("`%(name)s` is no field of an item"),
    "review": N_("`%(name)s` is no field of a review"),
    "lists": N_("`%(name)s` is no list"),
    "scores": N_("`%(name)s` is no score"),
}
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


class ConditionInvalid(Exception):
    """A condition that cannot be taken; `offset` is where in the expression."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class Path(msgspec.Struct, frozen=True):
    """Fields below `item`, or below another root, outermost first, and the offset of the first of them."""

    fields: tuple[str, ...]
    offset: int
    root: str = "item"


class Literal(msgspec.Struct, frozen=True):
    """What a string literal says, and its offset."""

    text: str
    offset: int


class Reading(msgspec.Struct, frozen=True):
    """What a condition asks for; `types` are the strings that `item.type` is compared with."""

    paths: tuple[Path, ...]
    types: tuple[Literal, ...]
    has_macros: bool


class _Bracket(msgspec.Struct, frozen=True):
    """An open bracket; of a macro it has the variable that the macro binds."""

    mark: str
    variable: str | None = None


def read(tokens: Sequence[Token], roots: Roots = ITEM) -> Reading:
    """Read the tokens of an expression that the engine has parsed.

    Raises:
        ConditionInvalid: it uses anything but these roots and their fields, an unknown function, or a macro in a macro.
    """
    return _Reader(tokens, roots).run()


class _Reader:
    """One walk over the tokens, with the brackets that are open and the variables they bind."""

    def __init__(self, tokens: Sequence[Token], roots: Roots) -> None:
        self._tokens = tokens
        self._roots = roots
        self._open: list[_Bracket] = []
        self._paths: list[Path] = []
        self._types: list[Literal] = []
        self._has_macros = False

    def run(self) -> Reading:
        for at, token in enumerate(self._tokens):
            if token.kind is Kind.MARK:
                self._mark(at, token)
            elif token.kind is Kind.NAME and token.text not in WORDS:
                self._name(at, token)
            elif token.kind is Kind.NUMBER:
                self._number(at, token)
        return Reading(tuple(self._paths), tuple(self._types), self._has_macros)

    def _mark(self, at: int, token: Token) -> None:
        if token.text == "(" and self._is_member(at - 1) and self._text(at - 1) in MACROS:
            self._open.append(_Bracket("(", self._bind(at)))
        elif token.text in _OPENING:
            self._open.append(_Bracket(token.text))
        elif token.text in _CLOSING and self._open:
            self._open.pop()
        elif token.text == "%":
            message = say(
                "`%%` is not available: every number is a double, and the engine divides those without remainder"
            )
            raise ConditionInvalid(message, token.offset)

    def _bind(self, at: int) -> str:
        macro = self._tokens[at - 1]
        if any(bracket.variable is not None for bracket in self._open):
            message = say(
                "`%(macro)s` stands inside another macro; one level is the limit, as the engine has no other",
                macro=macro.text,
            )
            raise ConditionInvalid(message, macro.offset)
        variable = self._tokens[at + 1]
        if variable.kind is not Kind.NAME or variable.text in WORDS | set(self._roots) or self._text(at + 2) != ",":
            message = say(
                "`%(macro)s` needs a variable of its own and a condition, as in `%(macro)s(x, x == …)`",
                macro=macro.text,
            )
            raise ConditionInvalid(message, variable.offset)
        self._has_macros = True
        return variable.text

    def _number(self, at: int, token: Token) -> None:
        if self._text(at + 1) == ".":
            message = say("a number has no fields")
            raise ConditionInvalid(message, token.offset)
        if self._text(at + 1) == ":" and self._open and self._open[-1].mark == "{" and self._text(at - 1) in {"{", ","}:
            message = say("the keys of a map must be texts")
            raise ConditionInvalid(message, token.offset)

    def _name(self, at: int, token: Token) -> None:
        if self._text(at + 1) == "{":
            message = say("`%(name)s{…}` makes a message; conditions have none", name=token.text)
            raise ConditionInvalid(message, token.offset)
        member = self._is_member(at)
        if self._text(at + 1) == "(":
            self._called(token, METHODS | MACROS if member else FUNCTIONS)
        elif self._text(at - 1) == "." and not member:
            message = say("a name cannot begin with a dot")
            raise ConditionInvalid(message, self._tokens[at - 1].offset)
        elif not member and token.text in self._roots:
            self._root(at, token)
        elif not member and token.text not in TYPE_NAMES | {bracket.variable for bracket in self._open}:
            raise ConditionInvalid(_close(self._unknown(token.text), token.text, self._roots), token.offset)

    def _unknown(self, name: str) -> Sentence:
        first, *others = (f"`{root}`" for root in self._roots)
        spoken = first
        for root in others:
            spoken = say("%(some)s and %(last)s", some=spoken, last=root)
        return say("`%(name)s` is unknown; conditions speak of %(roots)s only", name=name, roots=spoken)

    def _called(self, token: Token, known: frozenset[str]) -> None:
        if token.text in known:
            return
        if token.text in INSTEAD:
            raise ConditionInvalid(INSTEAD[token.text], token.offset)
        if token.text in FUNCTIONS | METHODS:
            form = f"{token.text}(…)" if token.text in FUNCTIONS else f"item.input.text.{token.text}(…)"
            message = say("`%(name)s` is written `%(form)s`", name=token.text, form=form)
            raise ConditionInvalid(message, token.offset)
        message = say("`%(name)s` is no function", name=token.text)
        raise ConditionInvalid(_hint(message, token.text, known), token.offset)

    def _root(self, at: int, token: Token) -> None:
        fields, behind = self._path(at + 1)
        root, known = token.text, self._roots[token.text]
        if not fields:
            example = "confidence" if root == "item" else known[0]
            message = say(
                "`%(root)s` must be followed by one of its fields, as in `%(root)s.%(example)s`",
                root=root,
                example=example,
            )
            raise ConditionInvalid(message, token.offset)
        path = Path(tuple(fields), self._tokens[at + 2].offset, root)
        if fields[0] not in known:
            message = say(_UNKNOWN[root], name=fields[0])
            raise ConditionInvalid(_hint(message, fields[0], known), path.offset)
        if root == "item" and fields[0] == "model" and len(fields) > 1 and fields[1] not in MODEL_FIELDS:
            message = say("`%(name)s` is no field of a model", name=fields[1])
            raise ConditionInvalid(_hint(message, fields[1], MODEL_FIELDS), self._tokens[at + 4].offset)
        self._paths.append(path)
        if root == "item" and fields == ["type"]:
            self._types += self._compared(at, behind)

    def _path(self, at: int) -> tuple[list[str], int]:
        """Follow `.name` and `["name"]` from here; give the names and where they end."""
        fields: list[str] = []
        while True:
            if self._text(at) == "." and self._text(at + 2) != "(":
                fields.append(self._text(at + 1))
                at += 2
            elif fields and self._text(at) == "[" and self._text(at + 2) == "]":
                name = text_of(self._tokens[at + 1])
                if name is None:
                    return fields, at
                fields.append(name)
                at += 3
            else:
                return fields, at

    def _compared(self, at: int, behind: int) -> Iterable[Literal]:
        """List the strings that the path from `at` to before `behind` is compared with."""
        near: list[int] = []
        if self._text(behind) in {"==", "!="}:
            near.append(behind + 1)
        if self._text(at - 1) in {"==", "!="}:
            near.append(at - 2)
        if self._text(behind) == "in" and self._text(behind + 1) == "[":
            here = behind + 2
            while here < len(self._tokens) and self._text(here) != "]":
                near.append(here)
                here += 1
        for index in near:
            text = text_of(self._tokens[index]) if 0 <= index < len(self._tokens) else None
            if text is not None:
                yield Literal(text, self._tokens[index].offset)

    def _is_member(self, at: int) -> bool:
        """Tell whether the token is a field or method of what stands before it."""
        if at < 2 or self._tokens[at - 1].text != "." or self._tokens[at].kind is not Kind.NAME:
            return False
        owner = self._tokens[at - 2]
        return owner.kind in {Kind.TEXT, Kind.NAME} or owner.text in _CLOSING

    def _text(self, at: int) -> str:
        return self._tokens[at].text if 0 <= at < len(self._tokens) else ""


def _close(said: Sentence, name: str, known: Iterable[str]) -> Sentence:
    close = get_close_matches(name, sorted(known), n=1)
    return say("%(said)s; did you mean `%(name)s`?", said=said, name=close[0]) if close else said


def _hint(said: Sentence, name: str, known: Iterable[str]) -> Sentence:
    names = sorted(known)
    closer = _close(said, name, names)
    if closer is not said or len(names) < 2:
        return closer
    return say("%(said)s; there are %(names)s", said=said, names=", ".join(names))
