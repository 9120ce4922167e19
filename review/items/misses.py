"""Rules tried in vain: a stored route may keep how many were tried, and all of them are told; no I/O.

An item that passes a thousand rules would else store a thousand lines, all alike. `tried` of a route says that so many
first rules of its version were tried, and that of those that stand not in `evaluations` the condition did not hold.
"""

from collections.abc import Sequence
from itertools import accumulate

import msgspec

_COMPACT = '"tried":'  # in a text of JSON its quotes would be escaped
_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class _Kept(msgspec.Struct, frozen=True):
    rule: str


class Misses:
    """The rules of a version as a route tells of those that did not hold; any stretch of them is a slice of one text.

    Never changed, so it may be kept and shared.
    """

    __slots__ = ("_ends", "_names", "_places", "_text")

    def __init__(self, names: Sequence[str]) -> None:
        lines = [_encode({"rule": name, "matched": False}) + b"," for name in names]
        self._names = tuple(names)
        self._places: dict[str, int] | None = None
        self._ends = (0, *accumulate(len(line) for line in lines))
        self._text = memoryview(b"".join(lines))  # slices of a view copy nothing

    def told(self, route: str) -> bytes:
        """Give a stored route with a line for each rule that was tried, as those had it that stored all of them.

        A route of a version with fewer rules than it tried is not of this one, and stays as it is.
        """
        if not is_compact(route):
            return route.encode()
        found = _decode(route)
        tried: int = msgspec.json.decode(found.pop("tried"), type=int)
        if tried > len(self._names):
            return route.encode()
        lines = msgspec.json.decode(found["evaluations"], type=list[msgspec.Raw])
        return _encode(found | {"evaluations": msgspec.Raw(self._with(lines, tried))})

    def _with(self, lines: Sequence[msgspec.Raw], tried: int) -> bytes:
        """Write an array of the first rules, which were tried, with these lines in the places of theirs."""
        told: list[bytes | memoryview] = [b"["]
        start = 0
        for line in lines:
            at = self._place(msgspec.json.decode(line, type=_Kept).rule)
            told += [self._text[self._ends[start] : self._ends[at]], bytes(line), b","]
            start = at + 1
        rest = self._text[self._ends[start] : self._ends[tried]]
        told[len(told) - (not rest) :] = [rest[:-1], b"]"]  # no comma stands at the end
        return b"".join(told)

    def _place(self, name: str) -> int:
        if self._places is None:
            self._places = {each: at for at, each in enumerate(self._names)}
        return self._places[name]


def is_compact(route: str | None) -> bool:
    """Tell whether a stored route keeps how many rules were tried, and the lines of some of them only."""
    return route is not None and _COMPACT in route
