"""Questions put to the values of a document; every no becomes a fault with its place, and the reading goes on."""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from functools import cache
from typing import Any, cast
from zoneinfo import available_timezones

from review.configuration.document import Document
from review.configuration.errors import ConfigError
from review.kernel.durations import parse_duration
from review.kernel.sentences import Sentence, say, say_n

NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,62}\Z")
EMAIL = re.compile(r"^[^\s@]+@[^\s@]+\Z")
MAX_TEXT = 20_000
MAX_LISTED = 12

_NO_LATER: Mapping[str, str] = {}
_PERCENT = re.compile(r"^[0-9]{1,4}(\.[0-9]{1,3})?%\Z")
_ZERO = re.compile(r"^\s*(0+[dhms])+\s*\Z")


@cache
def known_zones() -> frozenset[str]:
    """Give the names of all time zones, read once per process; not those that mean whatever this machine is set to."""
    return frozenset(available_timezones()) - {"localtime", "Factory", "posixrules"}


def mapping_of(value: object) -> dict[str, Any] | None:
    """Give the value if it is a mapping; the keys of a document are texts."""
    return cast("Any", value) if isinstance(value, dict) else None


def list_of(value: object) -> list[Any] | None:
    """Give the value if it is a list."""
    return cast("Any", value) if isinstance(value, list) else None


class Checks:
    """The faults found in a document so far; each check gives a usable value even where it finds one."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.faults: list[ConfigError] = []

    def add(self, path: str, message: str) -> None:
        """Add a fault."""
        self.faults.append(self.document.fault(path, message))

    def add_within(self, path: str, text: str, offset: int, message: str) -> None:
        """Add a fault at an offset within the text that stands at a path."""
        self.faults.append(self.document.fault_within(path, text, offset, message))

    def keys(
        self,
        path: str,
        given: Mapping[str, Any],
        allowed: tuple[str, ...],
        *,
        required: tuple[str, ...] = (),
        later: Mapping[str, str] = _NO_LATER,
    ) -> None:
        """Check that only known keys are there, and all that must be; `later` are those of later versions."""
        for key in given:
            below = f"{path}.{key}".removeprefix(".")
            if key in later:
                self.add(below, say("is not supported yet in this version; %(later)s", later=later[key]))
            elif key not in allowed:
                self.add(below, _hinted(say("is unknown"), key, allowed))
        for key in required:
            if given.get(key) is None:
                self.add(path, say("`%(key)s` is missing", key=key))

    def mapping(self, path: str, value: object) -> dict[str, Any]:
        """Check that names stand for things here; nothing at all counts as an empty mapping."""
        found = {} if value is None else mapping_of(value)
        if found is None:
            self.add(path, say("must map names to what they stand for"))
        return found or {}

    def name(self, path: str, value: object) -> str:
        """Check a name."""
        if not isinstance(value, str) or not NAME.match(value):
            self.add(
                path, say("must be a name: up to 63 lower-case letters, digits, `-` and `_`, a letter or digit first")
            )
            return ""
        return value

    def known(self, path: str, value: object, names: Iterable[str], what: str) -> str:
        """Check that something is named that exists."""
        known = list(names)
        if not isinstance(value, str) or value not in known:
            said = (
                say("`%(value)s` is no %(what)s", value=value, what=what)
                if isinstance(value, str)
                else say("this is no %(what)s", what=what)
            )
            self.add(path, _hinted(said, str(value), known))
            return ""
        return value

    def text(self, path: str, value: object) -> str:
        """Check a text; nothing at all counts as an empty one."""
        if value is None:
            return ""
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            self.add(path, say("must be a text of at most %(most)s characters", most=MAX_TEXT))
            return ""
        return value

    def texts(self, path: str, value: object) -> tuple[str, ...]:
        """Check a list of different texts; nothing at all counts as an empty one."""
        found: list[str] = []
        values = list_of([] if value is None else value)
        if values is None:
            self.add(path, say("must be a list of texts"))
        for at, each in enumerate(values or []):
            if not isinstance(each, str) or not 0 < len(each) <= 200:
                self.add(
                    f"{path}[{at}]", say("must be a text of 1 to 200 characters; quote it if it looks like a number")
                )
            elif each in found:
                self.add(f"{path}[{at}]", say("`%(value)s` stands there twice", value=each))
            else:
                found.append(each)
        return tuple(found)

    def emails(self, path: str, value: object) -> tuple[str, ...]:
        """Check a list of e-mail addresses; gives them in the one spelling under which people are known."""
        found = self.texts(path, value)
        for at, email in enumerate(found):
            if not EMAIL.match(email.strip()):
                self.add(f"{path}[{at}]", say("`%(email)s` is no e-mail address", email=email))
        return found

    def duration(self, path: str, value: object) -> timedelta:
        """Check a duration."""
        text = value if isinstance(value, str) else str(value)
        try:
            return parse_duration(text)
        except ValueError as fault:
            self.add(path, say("must be longer than nothing") if _ZERO.match(text) else fault.args[0])
            return timedelta(minutes=1)

    def moment(self, path: str, value: object) -> float | timedelta | None:
        """Check a share, as in `80%`, or a duration; None where it is neither."""
        if isinstance(value, str) and _PERCENT.match(value):
            return float(value[:-1]) / 100
        try:
            return parse_duration(value if isinstance(value, str) else str(value))
        except ValueError:
            self.add(path, say("must be a share of the target, such as 80%%, or a duration, such as 30m"))
            return None

    def listed(self, path: str, value: object) -> list[tuple[str, Any]]:
        """Give the entries of a list, each with its path; one thing alone, or nothing, counts as a list too."""
        values = list_of(value)
        if values is None:
            return [] if value is None else [(path, value)]
        return [(f"{path}[{at}]", each) for at, each in enumerate(values)]

    def zone(self, path: str, value: object) -> str:
        """Check a time zone; gives UTC where it is none."""
        zones = known_zones()
        if not isinstance(value, str) or value not in zones:
            said = say("`%(value)s` is no time zone", value=value) if isinstance(value, str) else say("is no time zone")
            close = close_to(said, str(value), zones)
            self.add(path, close or say("%(said)s; write it like `Europe/Berlin` (IANA)", said=said))
            return "UTC"
        return value

    def integer(self, path: str, value: object, low: int, high: int) -> int:
        """Check a whole number."""
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.add(path, say("must be a whole number from %(low)s to %(high)s", low=low, high=high))
            return low
        return value

    def share(self, path: str, value: object) -> float:
        """Check a share of 1."""
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 1:
            self.add(path, say("must be a share above 0 and up to 1, such as 0.02"))
            return 1.0
        return float(value)


def close_to(said: Sentence, name: str, known: Iterable[str]) -> Sentence | None:
    """Ask behind a sentence whether the nearest of the known names was meant; None where none is near."""
    close = get_close_matches(name, known, n=1)
    return say("%(said)s; did you mean `%(name)s`?", said=said, name=close[0]) if close else None


def _hinted(said: Sentence, name: str, known: Iterable[str]) -> Sentence:
    names = list(known)
    close = close_to(said, name, names)
    if close is not None:
        return close
    shown: str = ", ".join(names[:MAX_LISTED]) or say("none")
    if len(names) > MAX_LISTED:
        shown = say("%(names)s and %(more)s more", names=shown, more=len(names) - MAX_LISTED)
    there_are = max(len(names), 1)
    return say_n("%(said)s; there is %(names)s", "%(said)s; there are %(names)s", there_are, said=said, names=shown)
