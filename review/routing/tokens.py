"""Just enough of CEL's grammar to read a condition before the engine does: its tokens, with their places."""

import re
from collections.abc import Iterator
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What a token is."""

    TEXT = "text"
    NUMBER = "number"
    NAME = "name"
    MARK = "mark"


class Token(msgspec.Struct, frozen=True):
    """One token and its offset in the expression."""

    kind: Kind
    text: str
    offset: int


# Source: the lexical grammar of the Common Expression Language specification.
_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*)
  | (?P<text>(?:[bB]?[rR]|[rR]?[bB])?(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"
              |'(?:\\.|[^\\'\n])*'|"(?:\\.|[^\\"\n])*"))
  | (?P<number>0[xX][0-9a-fA-F]+[uU]?|(?:\d+\.\d+|\.\d+|\d+)(?:[eE][+-]?\d+)?[uU]?)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<mark>&&|\|\||[<>=!]=|.)
    """,
    re.VERBOSE | re.DOTALL,
)


def scan(expression: str) -> Iterator[Token]:
    """Give the tokens of an expression; what is no token of CEL comes as a mark and is left for the engine to refuse."""
    for match in _TOKEN.finditer(expression):
        if match.lastgroup is not None and match.lastgroup != "space":
            yield Token(Kind(match.lastgroup), match.group(), match.start())
