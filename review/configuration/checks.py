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
                self.add(below, f"is not supported yet in this version; {later[key]}")
            elif key not in allowed:
                self.add(below, f"is unknown{_hint(key, allowed)}")
        for key in required:
            if given.get(key) is None:
                self.add(path, f"`{key}` is missing")

    def mapping(self, path: str, value: object) -> dict[str, Any]:
        """Check that names stand for things here; nothing at all counts as an empty mapping."""
        found = {} if value is None else mapping_of(value)
        if found is None:
            self.add(path, "must map names to what they stand for")
        return found or {}

    def name(self, path: str, value: object) -> str:
        """Check a name."""
        if not isinstance(value, str) or not NAME.match(value):
            self.add(path, "must be a name: up to 63 lower-case letters, digits, `-` and `_`, a letter or digit first")
            return ""
        return value

    def known(self, path: str, value: object, names: Iterable[str], what: str) -> str:
        """Check that something is named that exists."""
        known = list(names)
        if not isinstance(value, str) or value not in known:
            shown = f"`{value}`" if isinstance(value, str) else "this"
            self.add(path, f"{shown} is no {what}{_hint(str(value), known)}")
            return ""
        return value

    def text(self, path: str, value: object) -> str:
        """Check a text; nothing at all counts as an empty one."""
        if value is None:
            return ""
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            self.add(path, f"must be a text of at most {MAX_TEXT} characters")
            return ""
        return value

    def texts(self, path: str, value: object) -> tuple[str, ...]:
        """Check a list of different texts; nothing at all counts as an empty one."""
        found: list[str] = []
        values = list_of([] if value is None else value)
        if values is None:
            self.add(path, "must be a list of texts")
        for at, each in enumerate(values or []):
            if not isinstance(each, str) or not 0 < len(each) <= 200:
                self.add(f"{path}[{at}]", "must be a text of 1 to 200 characters; quote it if it looks like a number")
            elif each in found:
                self.add(f"{path}[{at}]", f"`{each}` stands there twice")
            else:
                found.append(each)
        return tuple(found)

    def emails(self, path: str, value: object) -> tuple[str, ...]:
        """Check a list of e-mail addresses; gives them in the one spelling under which people are known."""
        found = self.texts(path, value)
        for at, email in enumerate(found):
            if not EMAIL.match(email.strip()):
                self.add(f"{path}[{at}]", f"`{email}` is no e-mail address")
        return found

    def duration(self, path: str, value: object) -> timedelta:
        """Check a duration."""
        text = value if isinstance(value, str) else str(value)
        try:
            return parse_duration(text)
        except ValueError as fault:
            self.add(path, "must be longer than nothing" if _ZERO.match(text) else str(fault))
            return timedelta(minutes=1)

    def moment(self, path: str, value: object) -> float | timedelta | None:
        """Check a share, as in `80%`, or a duration; None where it is neither."""
        if isinstance(value, str) and _PERCENT.match(value):
            return float(value[:-1]) / 100
        try:
            return parse_duration(value if isinstance(value, str) else str(value))
        except ValueError:
            self.add(path, "must be a share of the target, such as 80%, or a duration, such as 30m")
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
            shown = f"`{value}` is" if isinstance(value, str) else "is"
            close = get_close_matches(str(value), zones, n=1)
            hint = f"; did you mean `{close[0]}`?" if close else "; write it like `Europe/Berlin` (IANA)"
            self.add(path, f"{shown} no time zone{hint}")
            return "UTC"
        return value

    def integer(self, path: str, value: object, low: int, high: int) -> int:
        """Check a whole number."""
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.add(path, f"must be a whole number from {low} to {high}")
            return low
        return value

    def share(self, path: str, value: object) -> float:
        """Check a share of 1."""
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 1:
            self.add(path, "must be a share above 0 and up to 1, such as 0.02")
            return 1.0
        return float(value)


def _hint(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = get_close_matches(name, names, n=1)
    if close:
        return f"; did you mean `{close[0]}`?"
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return f"; there {'is' if len(names) < 2 else 'are'} {', '.join(names[:MAX_LISTED]) or 'none'}{more}"
