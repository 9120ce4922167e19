"""Exact intervals for a share seen in a sample (Clopper and Pearson, 1934); no I/O."""

import math

import msgspec

CONFIDENCE = 0.95
_STEPS = 200  # of halving; doubles are exhausted after about sixty
_TINY, _NEAR = 1e-300, 1e-15
_MOST_TERMS = 10_000


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
    tail = (1.0 - confidence) / 2
    low = _quantile(tail, hits, of - hits + 1) if hits > 0 else 0.0
    high = _quantile(1 - tail, hits + 1, of - hits) if hits < of else 1.0
    return Estimate(hits / of, low, high, of)


def estimate_weighted(hit_weight: float, weight: float, squares: float) -> Estimate:
    """Estimate a share of weighted cases: `squares` is the sum of their squared weights."""
    if weight <= 0 or squares <= 0:
        return estimate(0, 0)
    size = weight * weight / squares
    return estimate(min(size, hit_weight / weight * size), size)


def _quantile(chance: float, a: float, b: float) -> float:
    """Give where a beta distribution has passed this much of its mass, by halving."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if middle in {low, high}:
            break
        low, high = (middle, high) if _mass_below(middle, a, b) < chance else (low, middle)
    return (low + high) / 2


def _mass_below(x: float, a: float, b: float) -> float:
    """Give the regularised incomplete beta function (DLMF 8.17.22), from the side where it converges."""
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1.0 - _mass_below(1.0 - x, b, a)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(log_front) / a / _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """Evaluate the continued fraction 1 + d1/(1 + d2/(1 + …)) forwards, as Lentz does."""
    value, above, below = 1.0, 1.0, 0.0
    for n in range(1, _MOST_TERMS):
        m, is_odd = divmod(n, 2)
        if is_odd:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        below = 1.0 / _apart(1.0 + term * below)
        above = _apart(1.0 + term / above)
        value *= above * below
        if abs(above * below - 1.0) < _NEAR:
            break
    return value


def _apart(number: float) -> float:
    return number if abs(number) > _TINY else _TINY
