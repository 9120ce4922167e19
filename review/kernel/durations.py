"""Durations as people write them: 30s, 10m, 4h, 2d, 1h30m."""

import re
from datetime import timedelta

from review.kernel.sentences import say

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_FORM = re.compile(r"^(?:(?P<d>[0-9]{1,5})d)?(?:(?P<h>[0-9]{1,6})h)?(?:(?P<m>[0-9]{1,7})m)?(?:(?P<s>[0-9]{1,8})s)?$")


def parse_duration(text: str) -> timedelta:
    """Read a duration.

    Raises:
        ValueError: it is not one, or is zero; its argument is the sentence that says so.
    """
    match = _FORM.match(text.strip())
    parts = {_UNITS[unit]: int(count) for unit, count in match.groupdict().items() if count} if match else {}
    length = timedelta(**parts)
    if not length:
        message = say("%(text)s is no duration; write it like 30s, 10m, 4h, 2d or 1h30m", text=repr(text))
        raise ValueError(message)
    return length


def write_duration(length: timedelta) -> str:
    """Write a duration of full seconds as `parse_duration` reads it."""
    seconds = round(length.total_seconds())
    parts = (
        (seconds // 86_400, "d"),
        (seconds % 86_400 // 3_600, "h"),
        (seconds % 3_600 // 60, "m"),
        (seconds % 60, "s"),
    )
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"
