"""Exact intervals for a share seen in a sample (Clopper and Pearson, 1934); no I/O."""

import msgspec

from review.kernel.binomial import clopper_pearson

CONFIDENCE = 0.95


class Estimate(msgspec.Struct, frozen=True):
    """A share and the interval that holds the true one with 95 % confidence; `of` is how much it was seen on.

    Where the sample is weighted, `of` is the size of an unweighted sample that says as much (Kish), and may be broken.
    """

    share: float | None
    low: float
    high: float
    of: float


def estimate(hits: float, of: float, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate a share from `hits` among `of`; where nothing was seen, everything from 0 to 1 is possible."""
    if of <= 0:
        return Estimate(None, 0.0, 1.0, 0.0)
    low, high = clopper_pearson(hits, of, confidence)
    return Estimate(hits / of, low, high, of)


def estimate_weighted(hit_weight: float, weight: float, squares: float) -> Estimate:
    """Estimate a share of weighted cases: `squares` is the sum of their squared weights."""
    if weight <= 0 or squares <= 0:
        return estimate(0, 0)
    size = weight * weight / squares
    return estimate(min(size, hit_weight / weight * size), size)
