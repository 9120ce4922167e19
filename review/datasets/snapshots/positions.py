"""Which records of the feed a snapshot holds, as one bit for each position; no I/O.

A record's place in the feed never changes, so a bit says for good that it is in the snapshot: about an eighth of a byte
for each record that was looked at, where a row of a table would take a hundred.
"""

from collections.abc import Iterator
from typing import Final

SPAN: Final = 8_192  # positions in a row: 1 KiB, which PostgreSQL keeps beside the other columns


class Positions:
    """The positions of a snapshot in the making."""

    def __init__(self) -> None:
        self._spans: dict[int, bytearray] = {}

    def add(self, position: int) -> None:
        """Say that the record at this position is in it."""
        span, at = divmod(position, SPAN)
        bits = self._spans.get(span)
        if bits is None:
            bits = self._spans[span] = bytearray(SPAN // 8)
        bits[at >> 3] |= 1 << (at & 7)  # as PostgreSQL's get_bit() counts

    def rows(self) -> Iterator[tuple[int, bytes]]:
        """Give the spans that hold something, each with its bits."""
        for span, bits in sorted(self._spans.items()):
            yield span, bytes(bits)
