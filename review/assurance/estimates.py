"""How often what rules let through was wrong, by item type, model version, rule and band of confidence; no I/O.

What people corrected or rejected in the audit sample is an error. Where all items of a stratum were drawn with the same
chance the interval is exact (Clopper and Pearson); where chances differ each error weighs the inverse of its own
(Horvitz and Thompson), and the interval is sound but wider. An item that was drawn and not judged is taken to fare
like those that were.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from review.assurance import intervals
from review.kernel import binomial

FEWEST = 20  # judged items below which an interval says too little to act on


class Stratum(NamedTuple):
    """What an estimate is about: `band` is the place of its band among the bands, -1 where no confidence was sent."""

    type: str
    model: str
    version: str
    rule: str
    band: int


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Items of a stratum that had the same chance: how many there are, were drawn, were judged, and were wrong."""

    stratum: Stratum
    share: float
    items: int
    drawn: int
    judged: int
    errors: int


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What the audit sample says of a stratum: the error rate and its bounds; null where nothing was judged.

    `is_exact` says that the interval is Clopper and Pearson's; otherwise items had different chances.
    """

    type: str
    model: str
    version: str
    rule: str
    band: str
    items: int
    drawn: int
    judged: int
    errors: int
    rate: float | None
    low: float
    high: float
    is_exact: bool
    is_enough: bool


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Groups put together: `smallest` is the least chance among them, `errors` weighed by it over their own."""

    items: int = 0
    drawn: int = 0
    judged: int = 0
    wrong: int = 0
    smallest: float = 1.0
    errors: float = 0.0
    size: float = 0.0
    weight: float = 0.0
    wrong_weight: float = 0.0
    is_simple: bool = True

    @property
    def rate(self) -> float | None:
        """Give the weighed error rate (Hájek's)."""
        return self.wrong_weight / self.weight if self.weight else None

    def bounds(self, confidence: float) -> tuple[float, float]:
        """Give the bounds that the error rate lies between with this confidence."""
        if self.is_simple:
            return binomial.clopper_pearson(self.wrong, self.judged, confidence)
        return intervals.weighed_bounds(self.errors, self.size, confidence)

    def highest(self, rest: float) -> float:
        """Give the error rate that is exceeded with the chance `rest` at most."""
        if self.is_simple:
            return binomial.upper(self.wrong, self.judged, rest) if self.judged else 1.0
        return intervals.weighed_upper(self.errors, self.size, rest)

    def exceeds(self, bound: float) -> float:
        """Give how likely so few errors would be, at most, if the error rate were above the bound."""
        if self.is_simple:
            return binomial.binomial_tail(self.wrong, self.judged, bound) if self.judged else 1.0
        mean = bound * self.size
        return intervals.poisson_bound(self.errors, mean) if self.errors < mean else 1.0


def put_together(groups: Iterable[Group]) -> Seen:
    """Sum groups up; each counts for as much of its items as were judged of those drawn."""
    known = [each for each in groups if each.items > 0]
    if not known:
        return Seen()
    smallest = min(each.share for each in known)
    weight = sum(each.judged / each.share for each in known)
    drawn_weight = sum(each.drawn / each.share for each in known)
    items = sum(each.items for each in known)
    return Seen(
        items=items,
        drawn=sum(each.drawn for each in known),
        judged=sum(each.judged for each in known),
        wrong=sum(each.errors for each in known),
        smallest=smallest,
        errors=sum(each.errors * smallest / each.share for each in known),
        # Those that wait lend no evidence: the items that they stand for are left out.
        size=smallest * items * weight / drawn_weight if drawn_weight else 0.0,
        weight=weight,
        wrong_weight=sum(each.errors / each.share for each in known),
        is_simple=len({each.share for each in known}) == 1,
    )


def estimate(groups: Iterable[Group], bands: tuple[float, ...], confidence: float) -> list[Estimate]:
    """Estimate the error rate of every stratum, in order."""
    found: defaultdict[Stratum, list[Group]] = defaultdict(list)
    for each in groups:
        found[each.stratum].append(each)
    return [_estimate(stratum, found[stratum], bands, confidence) for stratum in sorted(found)]


def _estimate(stratum: Stratum, groups: list[Group], bands: tuple[float, ...], confidence: float) -> Estimate:
    seen = put_together(groups)
    low, high = seen.bounds(confidence)
    return Estimate(
        type=stratum.type,
        model=stratum.model,
        version=stratum.version,
        rule=stratum.rule,
        band=band_name(stratum.band, bands),
        items=seen.items,
        drawn=seen.drawn,
        judged=seen.judged,
        errors=seen.wrong,
        rate=seen.rate,
        low=low,
        high=high,
        is_exact=seen.is_simple,
        is_enough=seen.judged >= FEWEST,
    )


def band_name(band: int, bands: tuple[float, ...]) -> str:
    """Write a band as the confidences that it goes from and to; empty where none was sent."""
    if band < 0:
        return ""
    edges = (0.0, *bands, 1.0)
    return f"{edges[band]:g}–{edges[band + 1]:g}"
