"""Sentences of templates that are translated whole, and what is printed in them made visible like anywhere else."""

from functools import lru_cache
from gettext import NullTranslations
from typing import Final, Self

from jinja2 import nodes
from jinja2.ext import InternationalizationExtension
from jinja2.parser import Parser
from markupsafe import Markup

from review.kernel.foreign import English
from review.kernel.sentences import Sentence as Said
from review.web.content import visible
from review.web.words import catalogue

BEGIN: Final = "trans"
END: Final = "endtrans"


class Sentence(str):
    """The tag that begins a sentence, with the filter that each name in it is printed through.

    Jinja takes bare names alone inside of a sentence, so the filters travel on the tag and are put in afterwards.
    """

    __slots__ = ("filters",)
    filters: dict[str, str]

    def __new__(cls) -> Self:
        """Make the tag, with no names yet."""
        tag = super().__new__(cls, BEGIN)
        tag.filters = {}
        return tag


class Sentences(InternationalizationExtension):
    """Jinja's own `trans`, whose names go through the filters that their places in the page ask for."""

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        """Read one sentence."""
        tag = parser.stream.current.value
        made = super().parse(parser)
        if isinstance(tag, Sentence):
            for node in made if isinstance(made, list) else [made]:
                if isinstance(node, nodes.Output) and isinstance(node.nodes[0], nodes.Call):
                    _filter(node.nodes[0], tag.filters)
        return made


def gettext(message: str, /, **names: object) -> Markup:
    """Give a sentence that may have markup in the language of this request's page, with what its names stand for."""
    if not names:
        return _nameless(catalogue.spoken(), message)
    return Markup(catalogue.spoken().gettext(message)) % names  # noqa: S704  # a catalogue is as trusted as the templates; names are escaped


def ngettext(singular: str, plural: str, count: int, /, **names: object) -> Markup:
    """Give a sentence that may have markup in the form that its language has for a number."""
    return Markup(catalogue.spoken().ngettext(singular, plural, count)) % {"num": count, **names}  # noqa: S704  # as trusted as templates


def shown(text: str) -> Markup:
    """Make a text visible, in the language of this request's page; what a library said is marked as English."""
    return Markup(text.by(catalogue.spoken(), _part)) if isinstance(text, Said) else _part(text)  # noqa: S704  its parts are escaped


def _part(text: str) -> Markup:
    if isinstance(text, English) and catalogue.language() != catalogue.ENGLISH:
        return Markup('<span lang="en" dir="ltr">{}</span>').format(visible(text))
    return visible(text)


# Most of what a page says has no names, and a page says it a hundred times a second.
@lru_cache(maxsize=4096)
def _nameless(words: NullTranslations, message: str) -> Markup:
    return Markup(words.gettext(message)) % {}  # noqa: S704  # as trusted as the templates


def _filter(call: nodes.Call, filters: dict[str, str]) -> None:
    for given in call.kwargs:
        name = filters.get(given.key)
        if name:
            given.value = nodes.Filter(given.value, name, [], [], None, None, lineno=call.lineno)
