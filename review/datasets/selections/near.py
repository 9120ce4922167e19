"""Finding texts that are nearly the same, in memory that does not grow with their length; no I/O.

How alike two texts are is the share of their shingles that they have in common (Jaccard), estimated by one permutation
hashing with densified bins. Every constant is fixed here, so that each machine and each year finds the same; why there
is no library in its place is in ADR 0057.
"""

import re
from array import array
from hashlib import shake_256
from math import ceil
from typing import Final
from zlib import crc32

SHINGLE: Final = 5  # characters: long enough that few are in every text, short enough for a ticket of one line
BINS: Final = 128  # one byte each; the estimate is off by 0.035 at most in two cases of three
ROWS: Final = 8  # bytes of a band: its key is 64 bits
MOST_OF_A_KEY: Final = 32  # boilerplate gives many texts one key; the earliest of them stand for all
EMPTY: Final = 1 << 32

_CHARACTER = 4  # bytes, in UTF-32
_MIX = 0x9E3779B1  # odd, so that no two checksums become one
_MASK = EMPTY - 1
_BIN_SHIFT = 25  # what is left of 32 bits once seven of them say the bin
_CHANCE = 1 / 256  # with which two bytes are equal though the shingles differ
_FIRST_SLOTS = 1 << 10
_BLANKS = re.compile(r"\W+")


def plain(text: str) -> str:
    """Give a text without what differs in case, spaces and punctuation alone."""
    # A text of signs alone would be like every other such text.
    return _BLANKS.sub(" ", text.casefold()).strip() or text


def _orders() -> list[list[int]]:
    """Give for each bin in which order an empty one looks at the others, fixed for ever."""
    orders: list[list[int]] = []
    for each in range(BINS):
        drawn = shake_256(b"countersign near %d" % each).digest(8 * BINS)
        orders.append(list(dict.fromkeys([*(byte % BINS for byte in drawn), *range(BINS)])))
    return orders


_ORDERS: Final = _orders()


def signature_of(text: str) -> bytes:
    """Give the signature of a plain text: a byte for each bin, equal in two texts about as often as shingles are."""
    encoded = text.encode("utf-32-le", "surrogatepass")
    width, bins = SHINGLE * _CHARACTER, [EMPTY] * BINS
    for at in range(0, max(len(encoded) - width, 0) + 1, _CHARACTER):
        mixed = crc32(encoded[at : at + width]) * _MIX & _MASK
        if mixed < bins[mixed >> _BIN_SHIFT]:  # noqa: PLR1730  a call of min would take as long as the rest
            bins[mixed >> _BIN_SHIFT] = mixed
    filled = list(bins)
    for empty in [each for each, least in enumerate(bins) if least == EMPTY]:
        for other in _ORDERS[empty]:
            if bins[other] != EMPTY:
                filled[empty] = bins[other]
                break
    return bytes([least & 0xFF for least in filled])


def likeness(one: bytes, other: bytes) -> float:
    """Estimate from two signatures how alike the texts are, between 0 and 1."""
    return max(0.0, (_matches(int.from_bytes(one), other) / BINS - _CHANCE) / (1 - _CHANCE))


def _matches(one: int, other: bytes) -> int:
    return (one ^ int.from_bytes(other)).to_bytes(BINS).count(0)


class Neighbours:
    """The signatures of texts in the order they came, and a table for each band that leads to those which share it.

    It takes 128 bytes of a text and eight to sixteen for each band, of which there are sixteen, or eight from a
    likeness of 0.9 on: a quarter of a gigabyte for a million texts.
    """

    def __init__(self, likeness_at_least: float) -> None:
        bands = 16 if likeness_at_least < 0.9 else 8  # so of pairs as alike as 0.8, or 0.9, it sees 95 % or 98
        self._least = ceil(BINS * (likeness_at_least * (1 - _CHANCE) + _CHANCE) - 1e-9)
        self._signatures = bytearray()
        self._tables = [array("I", bytes(4 * _FIRST_SLOTS)) for _ in range(bands)]
        self._held = [0] * bands
        self.size = 0

    def meet(self, signature: bytes, *, keep_alike: bool = False) -> int | None:
        """Find the place of the earliest text that is as alike as asked, and keep a text that is like none.

        With `keep_alike` it is kept in any case, so that later ones may be found to be like it.
        """
        found: set[int] = set()
        free = [self._look(band, signature, found) for band in range(len(self._tables))]
        number = int.from_bytes(signature)
        place = next((each for each in sorted(found) if _matches(number, self.signature(each)) >= self._least), None)
        if place is None or keep_alike:
            self._keep(signature, free)
        return place

    def signature(self, place: int) -> bytes:
        """Give the signature of the text that was kept as the so-many-th, counted from 0."""
        return bytes(self._signatures[place * BINS : (place + 1) * BINS])

    def _look(self, band: int, signature: bytes, found: set[int]) -> int | None:
        """Add the places that have the same key in a band; gives the slot for the next, if there is to be one."""
        table, signatures, offset, same = self._tables[band], self._signatures, band * ROWS, 0
        key, mask = signature[offset : offset + ROWS], len(table) - 1
        slot = hash(key) & mask  # differs from run to run, and nothing that is found depends on it
        while entry := table[slot]:  # places count from 1 here, as 0 is a slot that is free
            start = (entry - 1) * BINS + offset
            if signatures.startswith(key, start):
                found.add(entry - 1)
                same += 1
            slot = (slot + 1) & mask
        return slot if same < MOST_OF_A_KEY else None

    def _keep(self, signature: bytes, free: list[int | None]) -> None:
        self._signatures += signature
        self.size += 1
        for band, slot in enumerate(free):
            if slot is not None:
                self._tables[band][slot] = self.size
                self._held[band] += 1
                if self._held[band] * 2 > len(self._tables[band]):
                    self._grow(band)

    def _grow(self, band: int) -> None:
        old, offset = self._tables[band], band * ROWS
        table = self._tables[band] = array("I", bytes(8 * len(old)))
        signatures, mask = self._signatures, len(table) - 1
        for entry in old:
            if entry:
                start = (entry - 1) * BINS + offset
                slot = hash(bytes(signatures[start : start + ROWS])) & mask
                while table[slot]:
                    slot = (slot + 1) & mask
                table[slot] = entry
