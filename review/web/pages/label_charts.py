"""Labels drawn: each class as a line of bars, over days, weeks, months or years, or from snapshot to snapshot."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

from review.datasets.selections.courses import DRAWN, NARROWEST, Course, leading
from review.datasets.snapshots.schemas import Labels
from review.kernel.wording import number
from review.web.words.catalogue import gettext

SPAN: Final = 100  # a line's width and height, in its own units
MOST_BARS: Final = 62
_EDGES: Final = (0.05, 0.1, 0.25, 0.5, 1.0)
_GAP: Final = 0.15


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a line: its place, its height, and what it says."""

    x: float
    y: float
    width: float
    height: float
    says: str


@dataclass(frozen=True, slots=True)
class Row:
    """A class: its records, their share of all, a bar for each period, and the share at the line's upper edge.

    `name` is None for all classes that have no line of their own. Records are those of the last snapshot, where each
    period is one: snapshots have records in common.
    """

    name: str | None
    count: int
    share: str
    bars: Sequence[Bar]
    top: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines of bars over the same periods, the most records of a period, and a table of it: period, counts by class."""

    kind: str
    zone: str
    periods: Sequence[str]
    volume: Sequence[Bar]
    most: int
    rows: Sequence[Row]
    table: Sequence[tuple[str, Sequence[int], int]]


@dataclass(frozen=True, slots=True)
class _Periods:
    """How time is cut: the first day of a day's period, and of the one behind it."""

    kind: str
    begin: Callable[[date], date]
    after: Callable[[date], date]


def _month_after(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


_BY_DAY = _Periods("day", lambda day: day, lambda day: day + timedelta(days=1))
_BY_WEEK = _Periods("week", lambda day: day - timedelta(days=day.weekday()), lambda day: day + timedelta(days=7))
_BY_MONTH = _Periods("month", lambda day: day.replace(day=1), _month_after)
_BY_YEAR = _Periods("year", lambda day: date(day.year, 1, 1), lambda day: date(day.year + 1, 1, 1))


def over_time(course: Course, zone: tzinfo) -> Chart | None:
    """Draw a course by the reader's days where its bins allow that, else by those of UTC; None for less than two."""
    if not course.bins:
        return None
    read_in = zone if _is_exact(course, zone) else UTC
    days: dict[date, list[int]] = {}
    for bin_number, *counts in course.bins:
        day = datetime.fromtimestamp(bin_number * course.width, read_in).date()
        days[day] = [old + new for old, new in zip(days.get(day, [0] * len(counts)), counts, strict=True)]
    cut = _cut(min(days), max(days))
    at, last = cut.begin(min(days)), cut.begin(max(days))
    periods = {at: [0] * (len(course.names) + 1)}
    while at < last:
        at = cut.after(at)
        periods[at] = [0] * (len(course.names) + 1)
    for day, counts in days.items():
        begun = cut.begin(day)
        periods[begun] = [old + new for old, new in zip(periods[begun], counts, strict=True)]
    if len(periods) < 2:
        return None
    names = [_named(cut.kind, begun) for begun in periods]
    return _drawn(cut.kind, str(read_in), names, list(course.names), list(periods.values()))


def over_snapshots(found: Sequence[Labels]) -> Chart | None:
    """Draw the classes of the last snapshot, from snapshot to snapshot; None for less than two."""
    if len(found) < 2:
        return None
    names = leading(found[-1].classes, DRAWN)
    counts = [_counts(each.classes, each.records, names) for each in found]
    return _drawn("snapshot", "", [str(each.number) for each in found], names, counts)


def _counts(classes: Mapping[str, int], records: int, names: Sequence[str]) -> list[int]:
    own = [classes.get(name, 0) for name in names]
    return [*own, max(0, records - sum(own))]


def _drawn(
    kind: str, zone: str, periods: Sequence[str], names: Sequence[str], counts: Sequence[Sequence[int]]
) -> Chart:
    totals = [sum(each) for each in counts]
    most, counted = max(1, *totals), counts[-1:] if kind == "snapshot" else counts
    of = max(1, sum(map(sum, counted)))
    rows: list[Row] = []
    for column, name in enumerate([*names, None]):
        own = [each[column] for each in counts]
        if name is None and not sum(own):
            continue
        shares = [count / total if total else 0.0 for count, total in zip(own, totals, strict=True)]
        top = next(edge for edge in _EDGES if max(shares) <= edge or edge == 1.0)
        told = [
            gettext("%(period)s: %(share)s", period=period, share=_figure(share))
            for period, share in zip(periods, shares, strict=True)
        ]
        bars = _bars([share / top for share in shares], told)
        count = sum(each[column] for each in counted)
        rows.append(Row(name, count, _figure(count / of), bars, _figure(top)))
    shown = range(len(names) + (1 if rows and rows[-1].name is None else 0))
    table = [
        (period, [each[column] for column in shown], total)
        for period, each, total in zip(periods, counts, totals, strict=True)
    ]
    volume = _bars([total / most for total in totals], list(periods))
    return Chart(kind, zone, periods, volume, most, rows, table)


def _figure(share: float) -> str:
    """Write a share so that small ones can be told apart."""
    return gettext("%(number)s %%", number=number(share * 100, ".1f" if share < 0.1 else ".0f"))


def _bars(heights: Sequence[float], told: Sequence[str]) -> list[Bar]:
    step = SPAN / len(heights)
    return [
        Bar(
            x=round(at * step + _GAP / 2 * step, 2),
            y=round((1 - height) * SPAN, 2),
            width=round((1 - _GAP) * step, 2),
            height=round(height * SPAN, 2),
            says=says,
        )
        for at, (height, says) in enumerate(zip(heights, told, strict=True))
        if height
    ]


def _is_exact(course: Course, zone: tzinfo) -> bool:
    """Tell whether a day of this zone begins where a bin does, always."""
    if course.width == NARROWEST:
        return True
    offsets = {datetime.fromtimestamp(at * course.width, zone).utcoffset() for at, *_ in course.bins}
    return all(offset is not None and not offset % timedelta(seconds=course.width) for offset in offsets)


def _cut(first: date, last: date) -> _Periods:
    days = (last - first).days
    for periods, length in ((_BY_DAY, 1), (_BY_WEEK, 7), (_BY_MONTH, 28)):
        if days // length < MOST_BARS - 1:
            return periods
    return _BY_YEAR


def _named(kind: str, begun: date) -> str:
    """Name a period by what sorts: `2026-11-27`, `2026-11`, `2026`."""
    said = begun.isoformat()
    return {"month": said[:7], "year": said[:4]}.get(kind, said)
