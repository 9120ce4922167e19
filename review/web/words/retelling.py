"""Reading back what was written in English, by the messages it was written from, to say it in another language.

Packages below the pages write sentences that are stored and that programs read: they stay English. A page knows the
messages, finds what stands in their gaps, and says the same by its catalogue.
"""

from collections.abc import Mapping
from typing import Final, Self

from review.kernel.foreign import Gap, pattern_of, said_in
from review.web.words.catalogue import ENGLISH, gettext, language

LONGEST: Final = 8_000  # of a text that is read; what is longer was written by people


class Book:
    """Messages that are known: the first that a text was written from is the one it is told by.

    A gap without an entry in `gaps` holds data, which is said as it stands.
    """

    def __init__(self, *messages: str, gaps: Mapping[str, Gap] | None = None) -> None:
        self._gaps = gaps or {}
        self._known = [(pattern_of(message, self._gaps), message) for message in messages]

    def __or__(self, other: Self) -> Self:
        """Make one book of two, the messages of this one first."""
        both = type(self)(gaps={**self._gaps, **other._gaps})
        both._known = [*self._known, *other._known]
        return both

    def find(self, text: str) -> str | None:
        """Say a text in the language of the page, or give None where it is none of these."""
        for pattern, message in self._known:
            found = pattern.fullmatch(text)
            names = None if found is None else said_in(found.groupdict(), self._gaps)
            if names is not None:
                return gettext(message, **names)
        return None

    def tell(self, text: str) -> str:
        """Say a text in the language of the page; what is not known stays as it was written."""
        if language() == ENGLISH or len(text) > LONGEST:
            return text
        return self.find(text) or text
