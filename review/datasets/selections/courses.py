"""How labels went over time: records counted by class and moment, in bounded space; no I/O.

Bins begin as quarters of an hour, because a day of any zone begins at one, and widen until they are few enough. How
wide they end follows from the records alone, not from their order.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

NARROWEST: Final = 900  # seconds
WIDTHS: Final = (NARROWEST, 3_600, 21_600, 86_400)  # each a multiple of the one before
MOST_BINS: Final = 5_000  # about 200 days by the hour, 13 years by the day
DRAWN: Final = 6  # classes that have a row of their own; the rest is one more


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """Counts by moment: each bin is its number since 1970, then a count for each name, then one for all other classes.

    `width` is that of a bin in seconds.
    """

    width: int
    names: Sequence[str]
    bins: Sequence[Sequence[int]]


class Courses:
    """A course in the making."""

    def __init__(self, names: Sequence[str], most_bins: int = MOST_BINS) -> None:
        self._most_bins = most_bins
        self._names = tuple(names)
        self._column = {name: at for at, name in enumerate(names)}
        self._width = NARROWEST
        self._bins: dict[int, list[int]] = {}

    def add(self, at: datetime, name: str) -> None:
        """Count one record."""
        number = int(at.timestamp()) // self._width
        counts = self._bins.get(number)
        if counts is None:
            counts = self._bins[number] = [0] * (len(self._names) + 1)
        counts[self._column.get(name, -1)] += 1
        while len(self._bins) > self._most_bins:
            self._widen()

    def course(self) -> Course:
        """Give what has been counted, in order of time."""
        bins = [(number, *counts) for number, counts in sorted(self._bins.items())]
        return Course(width=self._width, names=self._names, bins=bins)

    def _widen(self) -> None:
        wider = next((width for width in WIDTHS if width > self._width), 2 * self._width)
        times, self._width = wider // self._width, wider
        narrow, self._bins = self._bins, {}
        for number, counts in narrow.items():
            wide = self._bins.setdefault(number // times, [0] * len(counts))
            for at, count in enumerate(counts):
                wide[at] += count


def leading(classes: Mapping[str, int], most: int = DRAWN) -> list[str]:
    """Name the most frequent classes, the first of the alphabet where they tie."""
    return sorted(classes, key=lambda name: (-classes[name], name))[:most]
