"""How often people agreed with a model that was so sure, and how sure one may be of that; no I/O.

Counts stand by item type, model, its version and band of confidence. An item that came to people by a sample stands for
those that were not drawn, so it weighs the inverse of its inclusion probability. What people only looked at because
they already held it for wrong, an override of what a rule or the time decided, would tilt the share and is not counted.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import msgspec

BANDS = 10
FEWEST = 20  # judged items, in effect, below which a share is not said
_Z = 1.959963984540054  # 95 %
_LEAST_SHARE = 0.0001
_MILLI = Decimal("0.001")


class Cell(NamedTuple):
    """What a count stands under."""

    type: str
    model: str
    model_version: str
    band: int


class Tally(msgspec.Struct, frozen=True):
    """A count: items judged and approved, their weights, and the squares of those."""

    judged: int = 0
    approved: int = 0
    weight: Decimal = Decimal(0)
    approved_weight: Decimal = Decimal(0)
    squares: Decimal = Decimal(0)

    def plus(self, other: "Tally", sign: int = 1) -> "Tally":
        """Add another count to this one, or take it away."""
        return Tally(
            self.judged + sign * other.judged,
            self.approved + sign * other.approved,
            self.weight + sign * other.weight,
            self.approved_weight + sign * other.approved_weight,
            self.squares + sign * other.squares,
        )


class Lesson(msgspec.Struct, frozen=True, kw_only=True):
    """One judged outcome of an item, as far as counting goes; `band` is None where the model did not say how sure."""

    item_id: UUID
    revision: int
    type: str
    model: str
    model_version: str
    band: int | None
    approved: bool
    weight: Decimal
    is_counted: bool = False

    @property
    def cell(self) -> Cell | None:
        """Give where it counts; None where it does not."""
        if not self.is_counted or self.band is None or not self.model:
            return None
        return Cell(self.type, self.model, self.model_version, self.band)

    @property
    def tally(self) -> Tally:
        """Give what it adds."""
        weight = self.weight
        return Tally(1, int(self.approved), weight, weight if self.approved else Decimal(0), weight * weight)


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """What a band's count comes to: the weighed share of approvals, and the bounds it lies between 19 times of 20.

    `is_weighed` says that the share is not simply `approved` of `judged`, because items weigh differently.
    """

    band: int
    judged: int
    approved: int
    share: float
    low: float
    high: float
    is_enough: bool
    is_weighed: bool


def band_of(confidence: float | None) -> int | None:
    """Give the tenth that a confidence falls into; 1 belongs to the last."""
    return None if confidence is None else min(BANDS - 1, max(0, int(confidence * BANDS)))


def weight_of(inclusion_probability: float) -> Decimal:
    """Give how many items one stands for that came to people with this chance."""
    return Decimal(1 / min(1.0, max(_LEAST_SHARE, inclusion_probability))).quantize(_MILLI)


def learn(known: Mapping[UUID, Lesson], told: Iterable[Lesson]) -> tuple[dict[UUID, Lesson], dict[Cell, Tally]]:
    """Take in outcomes in the order in which they were told: what stands of each item, and what the counts change by.

    A revision takes the place of what counted before it. One that comes first, of an item that no person had judged, is
    kept and not counted.
    """
    standing: dict[UUID, Lesson] = {}
    changes: defaultdict[Cell, Tally] = defaultdict(Tally)
    for each in told:
        before = standing.get(each.item_id) or known.get(each.item_id)
        if before is not None and before.revision >= each.revision:
            continue
        counted = each.revision == 1 if before is None else before.is_counted
        after = msgspec.structs.replace(each, is_counted=counted)
        for lesson, sign in ((before, -1), (after, 1)):
            if lesson is not None and lesson.cell is not None:
                changes[lesson.cell] = changes[lesson.cell].plus(lesson.tally, sign)
        standing[each.item_id] = after
    return standing, {cell: change for cell, change in changes.items() if change != Tally()}


def share_of(band: int, tally: Tally) -> Share | None:
    """Say what a count comes to; None where nothing was judged."""
    if tally.judged <= 0 or tally.squares <= 0:
        return None
    share = float(tally.approved_weight / tally.weight)
    effective = float(tally.weight * tally.weight / tally.squares)
    low, high = wilson(share, effective)
    is_weighed = abs(share - tally.approved / tally.judged) >= 0.005
    return Share(
        band=band,
        judged=tally.judged,
        approved=tally.approved,
        share=share,
        low=low,
        high=high,
        is_enough=effective >= FEWEST,
        is_weighed=is_weighed,
    )


def wilson(share: float, count: float) -> tuple[float, float]:
    """Give the bounds of a share out of so many that hold 19 times of 20 (Wilson's score interval)."""
    square = _Z * _Z
    centre = (share + square / (2 * count)) / (1 + square / count)
    half = _Z * math.sqrt(share * (1 - share) / count + square / (4 * count * count)) / (1 + square / count)
    return max(0.0, centre - half), min(1.0, centre + half)


def shares_of(tallies: Sequence[tuple[int, Tally]]) -> list[Share]:
    """Say what the counts of all bands come to, in their order."""
    found = [share_of(band, tally) for band, tally in sorted(tallies, key=lambda each: each[0])]
    return [each for each in found if each is not None]
