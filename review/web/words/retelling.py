"""Reading back what was written in English, by the messages it was written from, to say it in another language.

Packages below the pages write sentences that are stored and that programs read: they stay English. A page knows the
messages, finds what stands in their gaps, and says the same by its catalogue.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, Self

from review.web.words.catalogue import ENGLISH, gettext, language

LONGEST: Final = 8_000  # of a text that is read; what is longer was written by people
_GAP: Final = re.compile(r"%\((\w+)\)s")

Gap = tuple[str, Callable[[str], str | None]]  # what may stand in a gap, and how it is said; None where it is not that


class Book:
    """Messages that are known: the first that a text was written from is the one it is told by.

    A gap without an entry in `gaps` holds data, which is said as it stands.
    """

    def __init__(self, *messages: str, gaps: Mapping[str, Gap] | None = None) -> None:
        self._gaps = gaps or {}
        self._known = [(self._pattern(message), message) for message in messages]

    def __or__(self, other: Self) -> Self:
        """Make one book of two, the messages of this one first."""
        both = type(self)(gaps={**self._gaps, **other._gaps})
        both._known = [*self._known, *other._known]
        return both

    def find(self, text: str) -> str | None:
        """Say a text in the language of the page, or give None where it is none of these."""
        for pattern, message in self._known:
            found = pattern.fullmatch(text)
            names = None if found is None else self._names(found.groupdict())
            if names is not None:
                return gettext(message, **names)
        return None

    def tell(self, text: str) -> str:
        """Say a text in the language of the page; what is not known stays as it was written."""
        if language() == ENGLISH or len(text) > LONGEST:
            return text
        return self.find(text) or text

    def _pattern(self, message: str) -> re.Pattern[str]:
        parts = _GAP.split(message)  # text and the names of gaps, by turns
        written = [re.escape(part.replace("%%", "%")) for part in parts[::2]]
        gaps = [f"(?P<{name}>{self._gaps[name][0] if name in self._gaps else '.+?'})" for name in parts[1::2]]
        return re.compile("".join(text + gap for text, gap in zip(written, [*gaps, ""], strict=True)), re.DOTALL)

    def _names(self, found: Mapping[str, str]) -> dict[str, str] | None:
        names: dict[str, str] = {}
        for name, text in found.items():
            said = self._gaps[name][1](text) if name in self._gaps else text
            if said is None:
                return None
            names[name] = said
        return names
