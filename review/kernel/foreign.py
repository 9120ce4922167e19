"""What libraries say in English, known by the messages they say it with, so that it becomes a sentence of ours."""

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from review.kernel.catalogue import N_
from review.kernel.sentences import Sentence, say

_GAP: Final = re.compile(r"%\((\w+)\)s")

Gap: TypeAlias = tuple[str, Callable[[str], str | None]]  # what may stand there, and how it is said; None: not that


class English(str):
    """Words of a library that fit no message we know: English, whatever the language of the page they end on."""

    __slots__ = ()


def pattern_of(message: str, gaps: Mapping[str, Gap]) -> re.Pattern[str]:
    """Give what finds the texts that were written from a message; a gap that `gaps` does not have may hold anything."""
    parts = _GAP.split(message)  # text and the names of gaps, by turns
    written = [re.escape(part.replace("%%", "%")) for part in parts[::2]]
    held = [f"(?P<{name}>{gaps[name][0] if name in gaps else '.+?'})" for name in parts[1::2]]
    return re.compile("".join(text + gap for text, gap in zip(written, [*held, ""], strict=True)), re.DOTALL)


def said_in(found: Mapping[str, str], gaps: Mapping[str, Gap]) -> dict[str, str] | None:
    """Say what stands in the gaps of a text, or give None where one of them is not what belongs there."""
    names: dict[str, str] = {}
    for name, text in found.items():
        said = gaps[name][1](text) if name in gaps else text
        if said is None:
            return None
        names[name] = said
    return names


class Phrases:
    """The messages of a library; a text becomes a sentence by the first of them that it was written from."""

    def __init__(self, *messages: str, gaps: Mapping[str, Gap] | None = None) -> None:
        self._gaps = gaps or {}
        self._known = [(pattern_of(message, self._gaps), message) for message in messages]

    def find(self, text: str) -> Sentence | None:
        """Give a text as a sentence, or None where it is none of these."""
        for pattern, message in self._known:
            found = pattern.fullmatch(text)
            names = None if found is None else said_in(found.groupdict(), self._gaps)
            if names is not None:
                return say(message, **names)
        return None

    def of(self, text: str) -> str:
        """Give a text as a sentence, else as the English that it is."""
        return self.find(text) or English(text)


_NUMBER: Final[Gap] = (r"-?\d+", str)
_KIND: Final[Gap] = (r"[^`]+", str)
# What msgspec says of a value that does not fit a type; a test provokes each, and knows what else it can say.
MSGSPEC: Final = Phrases(
    N_("Expected `%(kinds)s`, got `%(kind)s`"),
    N_("Expected `%(kinds)s`"),
    N_("Missing required field `%(field)s`"),
    N_("Object missing required field `%(field)s`"),
    N_("Object contains unknown field `%(field)s`"),
    N_("Expected `%(kind)s` of length >= %(least)s"),
    N_("Expected `%(kind)s` of length <= %(most)s"),
    N_("Expected `%(kind)s` of length %(length)s, got %(count)s"),
    N_("Expected `%(kind)s` of at least length %(least)s, got %(count)s"),
    N_("Expected `%(kind)s` of at most length %(most)s, got %(count)s"),
    N_("Expected `%(kind)s` of length %(least)s to %(most)s, got %(count)s"),
    N_("Expected `%(kind)s` of length %(least)s to %(most)s"),
    N_("Expected `%(kind)s` of length %(length)s"),
    N_("Expected `str` matching regex %(pattern)s"),
    N_("Expected `%(kind)s` >= %(bound)s"),
    N_("Expected `%(kind)s` <= %(bound)s"),
    N_("Expected `%(kind)s` > %(bound)s"),
    N_("Expected `%(kind)s` < %(bound)s"),
    N_("Expected `%(kind)s` that's a multiple of %(number)s"),
    N_("Expected `%(kind)s` with a timezone component"),
    N_("Expected `%(kind)s` with no timezone component"),
    N_("Invalid enum value %(value)s"),
    N_("Invalid value %(value)s"),
    N_("Invalid UUID"),
    N_("Invalid decimal string"),
    N_("Invalid base64 encoded string"),
    N_("Invalid RFC3339 encoded date"),
    N_("Invalid RFC3339 encoded time"),
    N_("Invalid RFC3339 encoded datetime"),
    N_("Invalid ISO8601 duration"),
    N_("Only units 'D', 'H', 'M', and 'S' are supported when parsing ISO8601 durations"),
    N_("Invalid epoch timestamp"),
    N_("Integer value out of range"),
    N_("Number out of range"),
    N_("Timestamp is out of range"),
    N_("Duration is out of range"),
    gaps={"kinds": _KIND, "kind": _KIND} | dict.fromkeys(("least", "most", "length", "count"), _NUMBER),
)
# Python's own reader of JSON, which says where a text stops being JSON.
JSON: Final = Phrases(
    N_("Expecting value"),
    N_("Expecting property name enclosed in double quotes"),
    N_("Expecting ':' delimiter"),
    N_("Expecting ',' delimiter"),
    N_("Extra data"),
    N_("Unterminated string starting at"),
    N_("Invalid control character at"),
    N_("Invalid \\escape"),
    N_("Invalid \\uXXXX escape"),
    N_("Illegal trailing comma before end of object"),  # from Python 3.13
    N_("Illegal trailing comma before end of array"),
    N_("Unexpected UTF-8 BOM (decode using utf-8-sig)"),
)
