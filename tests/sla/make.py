"""Calendars and facts for the tests of the arithmetic, by hand and by Hypothesis."""

from datetime import date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from hypothesis import Phase, settings
from hypothesis import strategies as st

from review.sla.calendars import Calendar, Span
from review.sla.rules import Facts, Pause
from tests.sla.oracle import ANCHORS, MINUTE, wall

# No deadline, as the first use of a calendar reads zones and holidays; no explanations, as tracing slows it manifold.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
THOROUGH = partial(settings, deadline=None, phases=PHASES)
CLOSED: tuple[Span, ...] = ()
OFFICE = (Span(9 * 60, 17 * 60 + 30),)


def calendar(
    zone: str = "Europe/Berlin", *, weekdays: tuple[Span, ...] = OFFICE, weekend: tuple[Span, ...] = CLOSED
) -> Calendar:
    """Make a calendar with the same hours from Monday to Friday."""
    return Calendar(name="office", timezone=zone, week=(weekdays,) * 5 + (weekend,) * 2)


def at(text: str, zone: str = "Europe/Berlin", *, fold: int = 0) -> datetime:
    """Read a wall time."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


@st.composite
def spans(draw: st.DrawFn) -> tuple[Span, ...]:
    """Give up to three spans of a day, apart or touching, some about the hours at which clocks change."""
    edges = st.one_of(st.integers(0, 1440), st.integers(60, 240), st.sampled_from([0, 90, 120, 150, 180, 1380, 1440]))
    drawn = sorted(draw(st.lists(edges, unique=True, max_size=6)))
    return tuple(Span(first, last) for first, last in zip(drawn[::2], drawn[1::2], strict=False))


@st.composite
def calendars(draw: st.DrawFn) -> tuple[Calendar, date]:
    """Give a calendar and the day around which the oracle can count it out."""
    zone, anchor = draw(st.sampled_from(ANCHORS))
    days = st.integers(-8, 8).map(lambda offset: anchor + timedelta(days=offset))
    found = Calendar(
        name="drawn",
        timezone=zone,
        week=tuple(draw(st.tuples(*[spans()] * 7))),
        holidays=("DE-BE",) if zone == "Europe/Berlin" and draw(st.booleans()) else (),
        closed=draw(st.frozensets(days, max_size=3)),
        opened=draw(st.dictionaries(days, spans().filter(bool), max_size=2)),
    )
    return found, anchor


@st.composite
def instants(draw: st.DrawFn, anchor: date, zone: str) -> datetime:
    """Give a whole minute, in UTC, within ten days of the anchor, often within hours of it."""
    middle = wall(zone, anchor).begins + timedelta(days=15)
    minutes = draw(st.one_of(st.integers(-14_000, 14_000), st.integers(-900, 2_000)))
    return middle + minutes * MINUTE


@st.composite
def running(draw: st.DrawFn) -> tuple[Calendar, date, Facts]:
    """Give a calendar, its anchor, and the facts of a case with up to three pauses, in any order, even overlapping."""
    found, anchor = draw(calendars())
    started = draw(instants(anchor, found.timezone))
    pauses: list[Pause] = []
    for _ in range(draw(st.integers(0, 3))):
        paused = started + draw(st.integers(-600, 4_000)) * MINUTE
        pauses.append(Pause(paused, paused + draw(st.integers(0, 2_000)) * MINUTE))
    return found, anchor, Facts(started_at=started, priority=draw(st.integers(0, 100)), pauses=tuple(pauses))
