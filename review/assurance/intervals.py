"""Exact intervals for a share, and sound ones where items were drawn with different chances; no I/O.

Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial", Biometrika 26
(1934); Horvitz and Thompson, "A generalization of sampling without replacement from a finite universe", JASA 47 (1952).
"""

import math
from collections.abc import Callable

_STEPS = 60  # halvings; a double has no more
_TINY = 1e-300


def binomial_tail(count: int, of: int, share: float) -> float:
    """Give the chance of at most `count` out of `of` where each comes with this share."""
    if count >= of:
        return 1.0
    return 1.0 - beta(count + 1.0, float(of - count), share) if count >= 0 else 0.0


def clopper_pearson(count: int, of: int, confidence: float) -> tuple[float, float]:
    """Give the bounds of a share that was seen `count` times out of `of`: they miss it no more often than stated."""
    if of <= 0:
        return 0.0, 1.0
    rest = (1.0 - confidence) / 2.0
    low = 0.0 if count <= 0 else _root(lambda share: 1.0 - binomial_tail(count - 1, of, share) - rest)
    return low, upper(count, of, rest)


def upper(count: int, of: int, rest: float) -> float:
    """Give the share that is exceeded with the chance `rest` at most."""
    return 1.0 if count >= of else _root(lambda share: rest - binomial_tail(count, of, share))


def beta(first: float, second: float, at: float) -> float:
    """Give the regularised incomplete beta function, by its continued fraction (Lentz's way of going along it)."""
    if at <= 0.0 or at >= 1.0:
        return 0.0 if at <= 0.0 else 1.0
    if at > (first + 1.0) / (first + second + 2.0):
        return 1.0 - beta(second, first, 1.0 - at)
    log = math.lgamma(first + second) - math.lgamma(first) - math.lgamma(second)
    front = math.exp(log + first * math.log(at) + second * math.log1p(-at)) / first
    return front * _fraction(first, second, at)


def _fraction(first: float, second: float, at: float) -> float:
    upper_part, lower_part = 1.0, 1.0 / _kept(1.0 - (first + second) * at / (first + 1.0))
    found = lower_part
    for step in range(1, 100_000):
        twice = first + 2.0 * step
        even = step * (second - step) * at / ((twice - 1.0) * twice)
        odd = -(first + step) * (first + second + step) * at / (twice * (twice + 1.0))
        change = 1.0
        for term in (even, odd):
            lower_part = 1.0 / _kept(1.0 + term * lower_part)
            upper_part = _kept(1.0 + term / upper_part)
            change = lower_part * upper_part
            found *= change
        if abs(change - 1.0) < 1e-15:
            break
    return found


def _kept(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


# Where items were drawn with different chances, the sum of errors, each over its chance, is dominated: its moment
# generating function is at most that of a Poisson variable over the smallest chance, on both sides. So with `seen` the
# errors, each weighed by the smallest chance over its own, Chernoff's bound holds of the mean of `seen`.


def poisson_bound(seen: float, mean: float) -> float:
    """Bound the chance that a weighed count falls as far from its mean as what was seen."""
    if mean <= 0.0:
        return 1.0 if seen <= 0.0 else 0.0
    return math.exp(-(mean - seen + (seen * math.log(seen / mean) if seen > 0.0 else 0.0)))


def weighed_bounds(seen: float, size: float, confidence: float) -> tuple[float, float]:
    """Give the bounds of an error rate; `size` is the number of items times the smallest chance among them."""
    if size <= 0.0:
        return 0.0, 1.0
    rest = (1.0 - confidence) / 2.0
    low = 0.0 if seen <= 0.0 else _root(lambda share: poisson_bound(seen, share * seen) - rest) * seen / size
    return min(1.0, low), weighed_upper(seen, size, rest)


def weighed_upper(seen: float, size: float, rest: float) -> float:
    """Give the error rate that is exceeded with the chance `rest` at most, where chances differ."""
    if size <= 0.0:
        return 1.0
    most = seen + 2.0 * math.log(1.0 / rest) + math.sqrt(2.0 * seen * math.log(1.0 / rest)) + 1.0
    span = most - seen
    return min(1.0, (seen + span * _root(lambda part: rest - poisson_bound(seen, seen + part * span))) / size)


def _root(rising: Callable[[float], float]) -> float:
    """Find where a function that rises from 0 to 1 passes zero."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        if rising(middle) < 0.0:
            low = middle
        else:
            high = middle
    return high
