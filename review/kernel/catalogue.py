"""Which language is written in, a page's or a mail's, and the catalogue that has its words."""

import gettext as catalogues
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Final

from review.kernel.resources import words_dir

DOMAIN: Final = "countersign"
ENGLISH: Final = "en"  # the language of the templates themselves
# Languages that are read from right to left, and scripts, which say it where a tag names one: `az-arab`, `ur-latn`.
_FROM_THE_RIGHT: Final = frozenset(
    {"ar", "arc", "ckb", "dv", "fa", "he", "iw", "ks", "nqo", "ps", "sd", "syr", "ug", "ur", "yi"}
)
_SCRIPTS_FROM_THE_RIGHT: Final = frozenset({"adlm", "arab", "hebr", "nkoo", "rohg", "syrc", "thaa"})
_LETTERS_OF_A_SCRIPT = 4
MOST_WISHES = 20  # languages of one Accept-Language that are looked at; browsers send fewer than ten


class Languages:
    """The languages that have a compiled catalogue under a directory, each read once, when they are made."""

    def __init__(self, root: Path) -> None:
        found = root.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")
        self._by_tag = {_tag(path.parts[-3]): catalogues.translation(DOMAIN, root, [path.parts[-3]]) for path in found}

    def choose(self, wishes: str) -> str:
        """Give the tag of the language that `wishes`, an Accept-Language, likes best among those there are."""
        for wish in _by_liking(wishes):
            language = wish.partition("-")[0]
            for tag in (wish, language):
                if tag in self._by_tag or tag == ENGLISH:
                    return tag
        return ENGLISH

    def has(self, tag: str) -> bool:
        """Tell whether pages can be in a language."""
        return tag == ENGLISH or tag in self._by_tag

    def names(self) -> dict[str, str]:
        """Give the tags of all languages, English first, with what each calls itself."""
        tags = [ENGLISH, *sorted(self._by_tag.keys() - {ENGLISH})]
        return {tag: self._name(tag) for tag in tags}

    def _name(self, tag: str) -> str:
        name = self.of(tag).gettext(_ENGLISH_BY_NAME)
        return tag if name == _ENGLISH_BY_NAME and tag != ENGLISH else name

    def of(self, tag: str) -> catalogues.NullTranslations:
        """Give the words of a language; those of English stand in the templates."""
        return self._by_tag.get(tag, _AS_WRITTEN)


def N_(message: str) -> str:  # noqa: N802  # the name that collectors of words know
    """Mark a sentence of a constant for translation; whoever prints it reads it from the catalogue then."""
    return message


# Translators: the name of the language that you translate into, as its own speakers write it.
_ENGLISH_BY_NAME: Final = N_("English")
_AS_WRITTEN = catalogues.NullTranslations()
_installed = Languages(words_dir())
# Set once per request by its guard, because sentences are written deep inside macros that know no request.
_spoken: ContextVar[tuple[str, catalogues.NullTranslations]] = ContextVar("spoken", default=(ENGLISH, _AS_WRITTEN))


def speak(wishes: str, chosen: str = "") -> None:
    """Write what follows in this request in the chosen language, else in the one its Accept-Language likes best."""
    tag = chosen if _installed.has(chosen) else _installed.choose(wishes)
    _spoken.set((tag, _installed.of(tag)))


@contextmanager
def speaking(tag: str) -> Generator[None]:
    """Write in a language for a while, such as that of whom a mail is for; in English where it is not installed."""
    before = _spoken.set((tag, _installed.of(tag)) if _installed.has(tag) else (ENGLISH, _AS_WRITTEN))
    try:
        yield
    finally:
        _spoken.reset(before)


def installed() -> dict[str, str]:
    """Give the tags of the languages that pages speak, English first, with what each calls itself."""
    return _installed.names()


def language() -> str:
    """Give the tag of the language that this request's page speaks."""
    return _spoken.get()[0]


def direction(tag: str = "") -> str:
    """Say from which side a language is read, `ltr` or `rtl`; without a tag that of this request's page."""
    spoken_tag, *subtags = (tag or language()).lower().split("-")
    for subtag in subtags:
        if len(subtag) == _LETTERS_OF_A_SCRIPT and subtag.isalpha():
            return "rtl" if subtag in _SCRIPTS_FROM_THE_RIGHT else "ltr"
    return "rtl" if spoken_tag in _FROM_THE_RIGHT else "ltr"


def spoken() -> catalogues.NullTranslations:
    """Give the words of the language that this request's page speaks."""
    return _spoken.get()[1]


def gettext(message: str, /, **names: object) -> str:
    """Give a sentence in the language of this request's page, as plain text, with what its names stand for."""
    return _spoken.get()[1].gettext(message) % names


def ngettext(singular: str, plural: str, count: int, /, **names: object) -> str:
    """Give a sentence in the form that its language has for a number, which it may name as `num`."""
    return _spoken.get()[1].ngettext(singular, plural, count) % {"num": count, **names}


def one_of(messages: Mapping[str, str], code: str, otherwise: str = "") -> str:
    """Give the marked message under a code in the language of this request's page, else `otherwise` as it is."""
    message = messages.get(code)
    return gettext(message) if message else otherwise


def _tag(directory: str) -> str:
    return directory.replace("_", "-").lower()


def _by_liking(wishes: str) -> list[str]:
    liked: list[tuple[float, str]] = []
    for each in wishes.split(",")[:MOST_WISHES]:
        tag, _, weight = each.partition(";")
        _, _, number = weight.partition("=")
        try:
            liking = float(number) if weight else 1.0
        except ValueError:
            continue
        if tag.strip() and 0 < liking <= 1:
            liked.append((liking, tag.strip().lower()))
    return [tag for _, tag in sorted(liked, key=lambda pair: -pair[0])]
