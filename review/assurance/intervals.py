"""Sound intervals for an error rate where items were drawn with different chances; no I/O.

Horvitz and Thompson, "A generalization of sampling without replacement from a finite universe", JASA 47 (1952).
"""

import math

from review.kernel.binomial import root

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
    low = 0.0 if seen <= 0.0 else root(lambda share: poisson_bound(seen, share * seen) - rest) * seen / size
    return min(1.0, low), weighed_upper(seen, size, rest)


def weighed_upper(seen: float, size: float, rest: float) -> float:
    """Give the error rate that is exceeded with the chance `rest` at most, where chances differ."""
    if size <= 0.0:
        return 1.0
    most = seen + 2.0 * math.log(1.0 / rest) + math.sqrt(2.0 * seen * math.log(1.0 / rest)) + 1.0
    span = most - seen
    return min(1.0, (seen + span * root(lambda part: rest - poisson_bound(seen, seen + part * span))) / size)
