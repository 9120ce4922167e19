"""Sentences for people, written in English where something happens, that can be said again in another language."""

from collections.abc import Callable
from decimal import Decimal
from gettext import NullTranslations
from typing import Self


class Sentence(str):
    """An English sentence that knows what it was put together from.

    To programs, logs and the command line it is its English. Whoever shows it to somebody else says it again with
    their language's words. Errors keep one apart from their message, which stays a plain text (`review.kernel.errors`).
    """

    __slots__ = ("_count", "_many", "_names", "_one")
    _one: str  # as the catalogue knows it: the only form, or that for one thing
    _many: str | None
    _count: int
    _names: dict[str, object]

    def __new__(cls, one: str, many: str | None, count: int, names: dict[str, object]) -> Self:
        """Put a sentence together, of the form that the count asks for where there are two."""
        sentence = super().__new__(cls, (one if many is None or count == 1 else many) % names)
        sentence._one, sentence._many, sentence._count, sentence._names = one, many, count, names
        return sentence

    def by(self, words: NullTranslations, shown: Callable[[str], str] = str) -> str:
        """Say the sentence, and those that it names, with the words of a language; `shown` writes each of its parts."""
        names = {name: _part(each, words, shown) for name, each in self._names.items()}
        one, many = self._one, self._many
        return shown(words.gettext(one) if many is None else words.ngettext(one, many, self._count)) % names


def _part(each: object, words: NullTranslations, shown: Callable[[str], str]) -> object:
    if isinstance(each, Sentence):
        return each.by(words, shown)
    return shown(each) if isinstance(each, str) else each


def say(message: str, /, **names: object) -> Sentence:
    """Make a sentence of a message and what the names in it (`%(pool)s`) stand for; `%%` is a percent sign."""
    return Sentence(message, None, 1, names)


def say_n(one: str, many: str, count: int, /, **names: object) -> Sentence:
    """Make a sentence in the form that a number asks for; the message may name the number as `num`."""
    return Sentence(one, many, count, {"num": count, **names})


def number(value: float | Decimal, form: str = ",") -> str:
    """Write a number by one of Python's formats: `1,234.5`, which is a sentence where it has signs to translate."""
    whole, point, decimals = format(value, form).partition(".")
    said, *groups = whole.split(",")
    for group in groups:
        said = say("%(thousands)s,%(rest)s", thousands=said, rest=group)
    return say("%(whole)s.%(decimals)s", whole=said, decimals=decimals) if point else said


def either(*names: str) -> str:
    """Name several of which any will do: `a or b or c`."""
    said = names[0] if names else ""
    for name in names[1:]:
        said = say("%(this)s or %(that)s", this=said, that=name)
    return said
