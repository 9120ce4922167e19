"""Code in the colours of its language: the language is named by whoever shows it, and never guessed."""

from collections.abc import Iterator
from functools import cache
from itertools import groupby
from typing import Any, Final

from markupsafe import Markup
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name  # pyright: ignore[reportUnknownVariableType]  # Pygments ships no types
from pygments.token import Token

from review.items.types import LANGUAGES
from review.web.content.text import visible

# A lexer's patterns may take the square of a line's length, and cannot be stopped within one.
MOST_CHARACTERS = 60_000
LONGEST_LINE = 2_000
_CLASSES: Final[tuple[tuple[Any, str], ...]] = (
    (Token.Comment, "tc"),
    (Token.Keyword, "tk"),
    (Token.Operator.Word, "tk"),
    (Token.Name.Tag, "tk"),
    (Token.Literal.String, "ts"),
    (Token.Literal.Number, "tn"),
    (Token.Name.Function, "tf"),
    (Token.Name.Class, "tf"),
    (Token.Name.Decorator, "tf"),
    (Token.Name.Attribute, "tn"),
    (Token.Generic.Deleted, "td"),
    (Token.Generic.Inserted, "ti"),
    (Token.Generic.Heading, "tf"),
)


def coloured(text: str, language: str) -> Markup:
    """Show code, in colours where its language is known and it is of a size that a lexer gets through in no time."""
    if language not in LANGUAGES or not is_lexable(text):
        return visible(text)
    lexer = _lexer(language)
    parts: list[Markup] = []
    for name, run in groupby(_tokens(lexer, text), key=lambda token: token[0]):
        shown = visible("".join(piece for _, piece in run))
        parts.append(Markup('<span class="{}">{}</span>').format(name, shown) if name else shown)
    return Markup("").join(parts)


def is_lexable(text: str) -> bool:
    """Whether a text is short enough, and so are its lines."""
    if len(text) > MOST_CHARACTERS:
        return False
    return all(len(line) <= LONGEST_LINE for line in text.split("\n"))


@cache
def _lexer(language: str) -> Lexer:
    return get_lexer_by_name(language, stripnl=False, ensurenl=False)


def _tokens(lexer: Lexer, text: str) -> Iterator[tuple[str, str]]:
    """Give the pieces unprocessed: get_tokens makes line ends of lone carriage returns, which shall be seen."""
    for _, kind, piece in lexer.get_tokens_unprocessed(text.replace("\r\n", "\n")):
        yield _class_of(kind), piece


@cache
def _class_of(kind: Any) -> str:
    return next((name for group, name in _CLASSES if kind in group), "")
