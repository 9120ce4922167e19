"""Taking turns: a baseline and what is held against it, measured one after the other until the noise shows."""

import asyncio
import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import perf_counter
from typing import TypeAlias

import msgspec

Measure: TypeAlias = Callable[[], Awaitable[float]]


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured: pairs of windows, the length of one, and the sizes of what is built for it."""

    pairs: int = 7
    seconds: float = 5.0
    claims: int = 20_000
    depths: tuple[int, ...] = (1_000, 1_000_000)
    beats: int = 20_000
    records: int = 100_000
    many_records: int = 1_000_000
    held_seconds: float = 60.0
    standing: tuple[int, int] = (10_000, 5_000_000)
    backlog: int = 100_000
    messages: int = 3_000
    decisions: int = 1_000
    listed: tuple[int, ...] = (10_000, 1_000_000)
    digits: int = 100

    @classmethod
    def quick(cls) -> "Effort":
        """Give the effort that only shows whether everything runs."""
        return cls(
            pairs=3,
            seconds=1.0,
            claims=2_400,
            depths=(1_000, 100_000),
            beats=3_000,
            records=10_000,
            many_records=50_000,
            held_seconds=8.0,
            standing=(1_000, 50_000),
            backlog=2_000,
            messages=300,
            decisions=160,
            listed=(1_000, 20_000),
            digits=10,
        )


class Rounds(msgspec.Struct, frozen=True):
    """What was measured in turns: the baseline before, between and after, and each subject between two of those."""

    baseline: tuple[float, ...]
    subjects: Mapping[str, tuple[float, ...]]

    def ratios(self, name: str) -> tuple[float, ...]:
        """Give each value of a subject over the mean of the baselines around it."""
        around = zip(self.baseline, self.baseline[1:], strict=False)
        pairs = zip(self.subjects[name], around, strict=True)
        return tuple(value / statistics.fmean(both) for value, both in pairs)

    def between(self, name: str, other: str) -> tuple[float, ...]:
        """Give each value of a subject over another subject's of the same turn."""
        return tuple(a / b for a, b in zip(self.subjects[name], self.subjects[other], strict=True))

    @property
    def control(self) -> float:
        """Give the median of each baseline over the one before: 1 where the machine was calm."""
        return statistics.median(b / a for a, b in zip(self.baseline, self.baseline[1:], strict=False))


async def take_turns(baseline: Measure, subjects: Mapping[str, Measure], pairs: int) -> Rounds:
    """Measure baseline, subjects, baseline, subjects, …, baseline."""
    before: list[float] = []
    values: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(pairs):
        before.append(await baseline())
        for name, measure in subjects.items():
            values[name].append(await measure())
    before.append(await baseline())
    return Rounds(tuple(before), {name: tuple(each) for name, each in values.items()})


async def rate(act: Callable[[int], Awaitable[int]], *, workers: int, seconds: float) -> float:
    """Give what `act` gets done in a second when so many workers call it as fast as they can.

    It gets its worker's number and gives how much it did.
    """
    done = 0
    started = perf_counter()
    until = started + seconds

    async def work(worker: int) -> None:
        nonlocal done
        while perf_counter() < until:
            # Read after the call, not before it: others add to it in between.
            added = await act(worker)
            done += added

    await asyncio.gather(*(work(worker) for worker in range(workers)))
    return done / (perf_counter() - started)


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
