"""Exact bounds of a share that was seen in a sample; no I/O.

Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial", Biometrika 26
(1934).
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


def clopper_pearson(count: float, of: float, confidence: float) -> tuple[float, float]:
    """Give the bounds of a share that was seen `count` times out of `of`: they miss it no more often than stated.

    Of weighted samples both may be broken numbers; the bounds are then as good as the size they are given.
    """
    if of <= 0:
        return 0.0, 1.0
    rest = (1.0 - confidence) / 2.0
    low = 0.0 if count <= 0 else root(lambda share: beta(count, of - count + 1.0, share) - rest)
    return low, upper(count, of, rest)


def upper(count: float, of: float, rest: float) -> float:
    """Give the share that is exceeded with the chance `rest` at most."""
    return 1.0 if count >= of else root(lambda share: beta(count + 1.0, of - count, share) - 1.0 + rest)


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


def root(rising: Callable[[float], float]) -> float:
    """Find where a function that rises from 0 to 1 passes zero."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        if rising(middle) < 0.0:
            low = middle
        else:
            high = middle
    return high
