"""Every text that a template prints is made visible without the template's doing, by where in the page it stands."""

import re
from collections.abc import Iterator
from typing import Final

from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

from review.web.pages.sentences import BEGIN, END, Sentence

SHOWN: Final = "shown"  # among the page's text: badges, and text from right to left isolated
TOLD: Final = "told"  # where only characters may stand: code points in angle brackets
AS_IT_IS: Final = ""  # what the page sends back or follows: it must stay what it was

_TOLD_ATTRIBUTES = frozenset({"title", "aria-label", "aria-description", "alt", "placeholder", "label"})
_PLACES = {"title": TOLD, "option": TOLD, "textarea": AS_IT_IS}
_TAG = re.compile(r"<(/?)([a-zA-Z][\w-]*)")
_ATTRIBUTE = re.compile(r'([\w:-]+)="[^"]*\Z')


class Everywhere(Extension):
    """Puts a filter behind each `{{ … }}`; markup passes through it as it is."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """Read the template's own HTML, and choose by it."""
        page, tokens = Place(), iter(stream)
        chosen, before, before_type = AS_IT_IS, "", ""
        for token in tokens:
            if (before_type, token.value) == ("block_begin", BEGIN):
                yield from _sentence(token, tokens, page)
            elif token.type == "variable_begin":
                chosen = page.filter()
                yield token
                if chosen:
                    yield Token(token.lineno, "lparen", "(")
            elif token.type == "variable_end":
                if chosen:
                    yield Token(token.lineno, "rparen", ")")
                    yield Token(token.lineno, "pipe", "|")
                    yield Token(token.lineno, "name", chosen)
                yield token
                page.read("…")
            else:
                if token.type == "data":
                    page.read(str(token.value))
                elif token.type == "name" and (before, token.value) == ("block", "title"):
                    page.enter("title")  # of the page's head, which stands in another template
                elif token.type == "name" and (before_type, token.value) == ("block_begin", "endblock"):
                    page.enter("")
                yield token
            before, before_type = token.value, token.type


class Place:
    """Where in the HTML a template has come to, as far as it matters to what is printed there.

    What a macro or a `set` block adds to a tag begins outside of one, so an open quote is looked for there too.
    """

    def __init__(self) -> None:
        self._in_tag = False
        self._element = ""
        self._since = ""  # what was read since the last `<` or the end of the last tag

    def read(self, html: str) -> None:
        """Go on over some of the template's HTML."""
        text = self._since + html
        place = 0
        while True:
            if self._in_tag:
                end = _end_of_tag(text, place)
                if end < 0:
                    break
                self._in_tag, place = False, end + 1
            else:
                tag = _TAG.search(text, place)
                if tag is None:
                    break
                self._element = "" if tag[1] else tag[2].lower()
                self._in_tag, place = True, tag.start()
                end = _end_of_tag(text, place)
                if end < 0:
                    break
        self._since = text[place:]

    def enter(self, element: str) -> None:
        """Go into an element whose tag another template has, or out of it."""
        self._element, self._since, self._in_tag = element, "", False

    def filter(self) -> str:
        """Name the filter for what is printed here."""
        attribute = _ATTRIBUTE.search(self._since)
        if attribute is not None:
            return TOLD if attribute[1].lower() in _TOLD_ATTRIBUTES else AS_IT_IS
        return AS_IT_IS if self._in_tag else _PLACES.get(self._element, SHOWN)


def _sentence(begin: Token, tokens: Iterator[Token], page: Place) -> Iterator[Token]:
    """Go on to the end of a sentence; the filters of what is printed in it travel on its tag."""
    sentence = Sentence()
    yield Token(begin.lineno, begin.type, sentence)
    before = begin
    for token in tokens:
        if before.type == "variable_begin":
            sentence.filters[token.value] = page.filter()
            page.read("…")
        elif token.type == "data":
            page.read(token.value)
        yield token
        if (before.type, token.value) == ("block_begin", END):
            return
        before = token


def _end_of_tag(text: str, place: int) -> int:
    """Find the `>` that closes a tag, which none within quotes does; -1 where it is still open."""
    quote = ""
    for at in range(place, len(text)):
        each = text[at]
        if quote:
            quote = "" if each == quote else quote
        elif each in "\"'":
            quote = each
        elif each == ">":
            return at
    return -1
