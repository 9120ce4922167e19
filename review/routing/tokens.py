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

    @property
    def end(self) -> int:
        """Give the offset behind the token."""
        return self.offset + len(self.text)


# Source: the lexical grammar of the Common Expression Language specification. In a raw string a backslash is only
# a backslash, so those come first.
_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*)
  | (?P<text>[bB]?[rR](?:'''.*?'''|\"\"\".*?\"\"\"|'[^'\n]*'|"[^"\n]*")
            |[bB]?(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"
                    |'(?:\\.|[^\\'\n])*'|"(?:\\.|[^\\"\n])*"))
  | (?P<number>0[xX][0-9a-fA-F]+[uU]?|(?:[0-9]+\.[0-9]+|\.[0-9]+|[0-9]+)(?:[eE][+-]?[0-9]+)?[uU]?)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<mark>&&|\|\||[<>=!]=|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN_TEXT = re.compile(r"""^(['"])([^'"\\\n]*)\1$""")


def scan(expression: str) -> Iterator[Token]:
    """Give the tokens of an expression; what is no token comes as a mark and is left for the engine to refuse."""
    for match in _TOKEN.finditer(expression):
        if match.lastgroup is not None and match.lastgroup != "space":
            yield Token(Kind(match.lastgroup), match.group(), match.start())


def text_of(token: Token) -> str | None:
    """Give what a string literal says, or None if it has escapes or a prefix, or is no string."""
    match = _PLAIN_TEXT.match(token.text) if token.kind is Kind.TEXT else None
    return match[2] if match else None
