"""Which threshold on confidence keeps the error rate of what is let through under a bound; no I/O.

Learn then test (Angelopoulos, Bates, Candès, Jordan and Lei, "Learn then test: calibrating predictive algorithms to
achieve risk control", 2021): for every threshold of a grid fixed in advance the hypothesis that the error rate above it
exceeds the bound is tested, from the highest threshold down, and the first that cannot be rejected ends it. Fixed
sequence testing needs no correction for how many were tried, so the advised threshold breaks the bound no more often
than one minus the confidence. Where the sequence begins must not depend on what was judged: it begins at the first
threshold above which so many items lie, by their chances, that twice as many were to be drawn as would do without any
error.
"""

import math
from collections.abc import Sequence

import msgspec

from review.assurance.estimates import Group, Seen, put_together

GRID = tuple(round(1.0 - step / 100, 2) for step in range(1, 100))  # 0.99, 0.98, … 0.01
MOST = 10_000_000  # judged items beyond which asking for more is no advice


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A threshold of the grid: the share of items that people would judge, and the error rate above it."""

    threshold: float
    workload: float
    judged: int
    errors: int
    rate: float | None
    high: float
    holds: bool


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """The lowest threshold that holds, or null, and what is missing.

    `needed` is how many more judged items above `next_threshold` would do, at the error rate seen there; null where
    none would, as that rate is above the bound, or where every threshold holds.
    """

    bound: float
    confidence: float
    threshold: float | None
    workload: float | None
    next_threshold: float | None
    next_rate: float | None
    needed: int | None
    reason: str
    curve: list[Point]


class Cell(msgspec.Struct, frozen=True):
    """The items of one type and model version whose confidence lies in one step of the grid, with the same chance.

    `place` is the first threshold of the grid that the confidence reaches; the grid's length where it reaches none.
    """

    place: int
    group: Group


def advise(cells: Sequence[Cell], *, bound: float, confidence: float, grid: Sequence[float] = GRID) -> Advice:
    """Advise the lowest threshold that is this sure to have at most `bound` wrong of what it lets through."""
    rest, total = 1.0 - confidence, sum(each.group.items for each in cells)
    above = _above(cells, len(grid))
    start, holding = _test(above, bound, rest)
    curve = [
        _point(threshold, put_together(above[at]), total, rest, holds=holding is not None and start <= at <= holding)
        for at, threshold in enumerate(grid)
    ]
    following = start if holding is None else holding + 1
    seen = put_together(above[min(following, len(grid) - 1)])
    return Advice(
        bound=bound,
        confidence=confidence,
        threshold=None if holding is None else grid[holding],
        workload=None if holding is None else curve[holding].workload,
        next_threshold=grid[following] if following < len(grid) else None,
        next_rate=seen.rate if following < len(grid) else None,
        needed=_needed(seen, bound, rest) if following < len(grid) or holding is None else None,
        reason=_reason(holding, following, seen, bound, len(grid)),
        curve=curve,
    )


def threshold_of(
    cells: Sequence[Cell], *, bound: float, confidence: float, grid: Sequence[float] = GRID
) -> float | None:
    """Give the threshold that would be advised, and nothing else."""
    _, holding = _test(_above(cells, len(grid)), bound, 1.0 - confidence)
    return None if holding is None else grid[holding]


def _above(cells: Sequence[Cell], length: int) -> list[list[Group]]:
    return [[each.group for each in cells if each.place <= at] for at in range(length)]


def _test(above: Sequence[Sequence[Group]], bound: float, rest: float) -> tuple[int, int | None]:
    """Go down the thresholds in their order until one cannot be shown to hold; gives the first tried, the last held."""
    start, holding = _start(above, bound, rest), None
    for at in range(start, len(above)):
        if put_together(above[at]).exceeds(bound) > rest:
            break
        holding = at
    return start, holding


def _start(above: Sequence[Sequence[Group]], bound: float, rest: float) -> int:
    """Give the first place above which twice as many were to be drawn as would do without any error.

    Where there is none, the first above which as many were as would do. Nothing that was judged has a say in it.
    """
    fewest = math.log(rest) / math.log1p(-bound)
    expected = [
        min((each.share for each in groups if each.items > 0), default=0.0) * sum(each.items for each in groups)
        for groups in above
    ]
    for enough in (2.0 * fewest, fewest):
        found = next((at for at, count in enumerate(expected) if count >= enough), None)
        if found is not None:
            return found
    return len(above)


def _point(threshold: float, seen: Seen, total: int, rest: float, *, holds: bool) -> Point:
    return Point(
        threshold=threshold,
        workload=1.0 - seen.items / total if total else 1.0,
        judged=seen.judged,
        errors=seen.wrong,
        rate=seen.rate,
        high=seen.highest(rest),
        holds=holds,
    )


def _reason(holding: int | None, following: int, seen: Seen, bound: float, length: int) -> str:
    """Say in a word why it is not lower: `nothing_judged`, `too_little`, `too_wrong`, or `lowest`."""
    if following >= length:
        return "lowest" if holding is not None else "too_little" if seen.judged else "nothing_judged"
    if not seen.judged:
        return "nothing_judged"
    return "too_wrong" if (seen.rate or 0.0) >= bound else "too_little"


def _needed(seen: Seen, bound: float, rest: float) -> int | None:
    """Find how many more judged items would be enough if as many of them were wrong as of those seen."""
    rate = seen.rate or 0.0
    fewest = math.ceil(math.log(rest) / math.log1p(-bound)) - seen.judged
    if rate >= bound:
        return fewest if fewest > 0 else None
    has = float(seen.judged) if seen.is_simple else seen.size
    low, high = max(1, math.ceil(has)), 1
    while high < MOST and not (high >= low and _would_do(seen, rate, high, bound, rest)):
        high *= 2
    if high >= MOST:
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _would_do(seen, rate, middle, bound, rest) else (middle + 1, high)
    # What weighs differently counts for less than one each: as many more are needed as have come so far for each.
    return max(1, math.ceil((low - has) * (1.0 if seen.is_simple or not has else max(1.0, seen.judged / has))))


def _would_do(seen: Seen, rate: float, count: int, bound: float, rest: float) -> bool:
    as_seen = msgspec.structs.replace(
        seen, judged=count, wrong=math.ceil(rate * count), size=float(count), errors=rate * count
    )
    return as_seen.exceeds(bound) <= rest
