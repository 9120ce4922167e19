"""Reading back what was written in English, by the messages it was written from, to say it in another language.

Packages below the pages write sentences that are stored and that programs read: they stay English. A page knows the
messages, finds what stands in their gaps, and says the same by its catalogue.
"""

from collections.abc import Mapping
from typing import Final, Self

from review.kernel.foreign import Gap, pattern_of, said_in
from review.kernel.sentences import Sentence, say
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
        known = self._read(text)
        return None if known is None else gettext(known[0], **known[1])

    def sentence(self, text: str) -> Sentence | None:
        """Give a text as a sentence, which says of what stands in its gaps where that is English for good."""
        known = self._read(text)
        return None if known is None else say(known[0], **known[1])

    def _read(self, text: str) -> tuple[str, dict[str, str]] | None:
        for pattern, message in self._known if len(text) <= LONGEST else ():
            found = pattern.fullmatch(text)
            names = None if found is None else said_in(found.groupdict(), self._gaps)
            if names is not None:
                return message, names
        return None

    def tell(self, text: str) -> str:
        """Say a text in the language of the page; what is not known stays as it was written."""
        if language() == ENGLISH:
            return text
        return self.find(text) or text
