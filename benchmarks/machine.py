"""The machine that measured: what it is, and how quiet it was meanwhile."""

import os
import platform
import statistics
import tempfile
from pathlib import Path
from time import perf_counter

import msgspec

SYNCS = 50


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """How quiet the machine was: load averages before and after, the CPU share others stole, one flush to disk."""

    load_before: float
    load_after: float
    steal: float
    fdatasync_seconds: float

    def __str__(self) -> str:
        """Say it in a line."""
        return (
            f"load {self.load_before:.1f} → {self.load_after:.1f}, steal {self.steal:.1%}, "
            f"fdatasync {self.fdatasync_seconds * 1e6:,.0f} µs"
        )


class Watch:
    """Looks at the machine from its making until it is asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._load = os.getloadavg()[0]
        self._ticks = _cpu_ticks()

    def conditions(self) -> Conditions:
        """Give how it was."""
        ticks = [after - before for before, after in zip(self._ticks, _cpu_ticks(), strict=True)]
        return Conditions(
            load_before=self._load,
            load_after=os.getloadavg()[0],
            steal=ticks[7] / max(1, sum(ticks[:8])),
            fdatasync_seconds=fdatasync_seconds(self._folder),
        )


def fdatasync_seconds(folder: Path) -> float:
    """Give the median time to append 8 KiB to a file and flush it."""
    times: list[float] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(SYNCS):
            file.write(bytes(8192))
            file.flush()
            started = perf_counter()
            os.fdatasync(file.fileno())
            times.append(perf_counter() - started)
    return statistics.median(times)


def describe(postgres: str) -> str:
    """Say what the machine is, without its name."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kernel = platform.release().split("-")[0]
    return (
        f"{os.cpu_count()} cores ({_model()}), {memory:.0f} GiB memory, {platform.system()} {kernel}, "
        f"PostgreSQL {postgres}, Python {platform.python_version()}"
    )


def _model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _cpu_ticks() -> list[int]:
    return [int(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
