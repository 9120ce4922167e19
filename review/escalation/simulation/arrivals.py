"""Drawing what arrives: when, of which kind, and how long each review will take; no I/O.

Only `Random.random` is used, whose numbers Python promises not to change, and every draw is rounded to a unit so large
that the last bit of a logarithm does not matter. Each kind of draw has a sequence of its own, so that other people on
the same day meet the very same work.
"""

import math
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import accumulate
from random import Random
from statistics import NormalDist

import msgspec

from review.escalation.simulation.scenario import (
    MAX_ARRIVALS,
    MICROSECOND,
    SLOT,
    Handling,
    Rate,
    Scenario,
    Seen,
    Stream,
)
from review.sla.rules import FIRST_CLAIM, Facts, run

NEVER = 2**62  # later than anything

_HOUR = SLOT // MICROSECOND
_MILLISECOND = 1_000
_TINIEST = 2.0**-54  # stands for a draw of exactly 0, which has no quantile
_LONGEST = timedelta(days=30) // MICROSECOND
_NORMAL = NormalDist()
_OFTEN = 500
_TOO_MANY = f"more than {MAX_ARRIVALS:,} items would arrive; play fewer days, or fewer items a day"


class TooManyArrivals(Exception):
    """More would arrive than a run can hold; nothing was played."""


class Arrival(msgspec.Struct, frozen=True):
    """One item as it comes, in microseconds since the start, with every mark of its clock.

    `handling` is how long each of its reviews takes; later ones, which a ladder asked for, take as long as the last.
    """

    at: int
    stream: Stream
    priority: int
    handling: tuple[int, ...]
    due: int | None
    marks: tuple[tuple[int, str], ...]

    @property
    def targets(self) -> tuple[int, int]:
        """Give by when it is to be claimed and decided; never, where nothing asks for it."""
        due = NEVER if self.due is None else self.due
        return next((at for at, key in self.marks if key == FIRST_CLAIM), due), due


def draw(scenario: Scenario, watch: Callable[[int], None] = lambda _: None) -> list[Arrival]:
    """Draw everything that arrives, in order; `watch` is told now and then how many there are.

    Raises:
        TooManyArrivals: nothing was played.
    """
    kinds, lengths = Random(f"{scenario.seed}:kinds"), Random(f"{scenario.seed}:lengths")  # noqa: S311  a game of chance
    choose = _chooser(scenario.streams)
    if expected(scenario) > MAX_ARRIVALS:
        raise TooManyArrivals(_TOO_MANY)
    found: list[Arrival] = []
    for at, seen in _moments(scenario):
        if len(found) >= MAX_ARRIVALS:
            raise TooManyArrivals(_TOO_MANY)
        stream = choose(kinds.random(), seen.pool if seen else None)
        priority = stream.priority if seen is None or seen.priority is None else seen.priority
        found.append(_arrival(scenario, at, stream, priority, lengths))
        if len(found) % _OFTEN == 0:
            watch(len(found))
    return found


def expected(scenario: Scenario) -> float:
    """Say how many will arrive, on the average."""
    if not isinstance(scenario.arrivals, Rate):
        return len(scenario.arrivals)
    return sum(count for _, _, count in _hours(scenario, scenario.arrivals))


def _arrival(scenario: Scenario, at: int, stream: Stream, priority: int, lengths: Random) -> Arrival:
    handling = stream.handling or scenario.handling
    times = tuple(_length(handling, lengths.random()) for _ in range(stream.reviews))
    policy = scenario.policies[stream.policy] if stream.policy is not None else None
    clock = run(policy, Facts(started_at=scenario.start + at * MICROSECOND, priority=priority))
    if clock is None:
        return Arrival(at, stream, priority, times, None, ())
    marks = tuple((scenario.offset(mark.at), mark.key) for mark in clock.marks)
    return Arrival(at, stream, priority, times, scenario.offset(clock.due_at), marks)


def _length(handling: Handling, chance: float) -> int:
    """Draw from the lognormal distribution whose logarithm has the standard deviation log(spread)."""
    deviation = _NORMAL.inv_cdf(max(chance, _TINIEST)) if handling.spread > 1.0 else 0.0
    length = (handling.median / MICROSECOND) * math.exp(math.log(handling.spread) * deviation)
    return max(1, min(round(length / _MILLISECOND), _LONGEST // _MILLISECOND)) * _MILLISECOND


def _moments(scenario: Scenario) -> Iterator[tuple[int, Seen | None]]:
    if isinstance(scenario.arrivals, Rate):
        yield from ((at, None) for at in _poisson(scenario, scenario.arrivals))
        return
    for seen in sorted(scenario.arrivals, key=lambda each: each.at):
        if scenario.start <= seen.at < scenario.end:
            yield scenario.offset(seen.at), seen


def _poisson(scenario: Scenario, rate: Rate) -> Iterator[int]:
    """Draw a Poisson process whose rate is another in each hour: in each, one with that hour's rate."""
    chance = Random(f"{scenario.seed}:arrivals")  # noqa: S311  a game of chance
    for begins, ends, count in _hours(scenario, rate):
        at = begins
        while count > 0:
            at += round(-math.log(1.0 - chance.random()) * (ends - begins) / count)
            if at >= ends:
                break
            yield at


def _hours(scenario: Scenario, rate: Rate) -> Iterator[tuple[int, int, float]]:
    """Give each hour's begin, end and the mean of what arrives in it."""
    whole, end = sum(rate.profile), scenario.offset(scenario.end)
    for slot in range(scenario.slots):
        begins, ends = slot * _HOUR, min((slot + 1) * _HOUR, end)
        local = scenario.instant(begins)
        share = rate.profile[local.hour] / whole * (ends - begins) / _HOUR
        yield begins, ends, rate.per_day * rate.weekdays[local.weekday()] * share


def _chooser(streams: tuple[Stream, ...]) -> Callable[[float, str | None], Stream]:
    """Give what chooses among the streams by their shares, or among those of one pool."""
    pools: dict[str | None, list[Stream]] = {None: [each for each in streams if each.share > 0]}
    for each in streams:
        pools.setdefault(each.pool, []).append(each)
    sums = {pool: list(accumulate(each.share for each in found)) for pool, found in pools.items()}

    def choose(chance: float, pool: str | None) -> Stream:
        among, reached = pools[pool], sums[pool]
        point = chance * reached[-1]
        return next((each for each, until in zip(among, reached, strict=True) if point < until), among[-1])

    return choose
