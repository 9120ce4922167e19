"""Scenarios to play, built by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from review.escalation.simulation.arrivals import draw
from review.escalation.simulation.findings import find
from review.escalation.simulation.report import Report, report
from review.escalation.simulation.rules import Run
from review.escalation.simulation.scenario import Crew, Handling, Scenario, Seen, Stream
from review.sla.calendars import Calendar, Span
from review.sla.ladders import Ladder
from review.sla.rules import SlaPolicy, Target

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def hours(opens: int, closes: int, *, days: int = 7) -> Calendar:
    """Make a calendar that is open between two full hours of UTC."""
    week = tuple((Span(opens * 60, closes * 60),) if day < days else () for day in range(7))
    return Calendar(name="hours", timezone="UTC", week=week)


ALWAYS = hours(0, 24)


def policy(
    decide: timedelta, *, calendar: Calendar | None = None, ladder: Ladder | None = None, **more: Any
) -> SlaPolicy:
    return SlaPolicy(name="standard", decide=Target(decide), calendar=calendar, ladder=ladder, **more)


def at(*clock: str, day: int = 0) -> tuple[Seen, ...]:
    """Make arrivals at times of the first day, or a later one."""
    return tuple(Seen(at=moment(each, day=day), pool="triage") for each in clock)


def moment(clock: str, *, day: int = 0) -> datetime:
    hour, _, minute = clock.partition(":")
    return MONDAY + timedelta(days=day, hours=int(hour), minutes=int(minute))


def scene(*, sla: SlaPolicy | None, crews: tuple[Crew, ...], days: int = 1, **more: Any) -> Scenario:
    """Make a scenario in UTC, of which most is for pool triage and each review takes 10 minutes."""
    pools = tuple(dict.fromkeys(crew.pool for crew in crews))
    given: dict[str, Any] = {
        "streams": (Stream(pool="triage", policy=None if sla is None else sla.name, priority=50, share=1.0),),
        "handling": Handling(10 * MINUTE, 1.0),
        "pools": pools,
        "policies": {sla.name: sla} if sla is not None else {},
        **more,
    }
    end = MONDAY + timedelta(days=days)
    return Scenario(project="desk", start=MONDAY, end=end, zone=ZoneInfo("UTC"), crews=crews, **given)


def play(scenario: Scenario) -> tuple[Run, Report]:
    arrivals = draw(scenario)
    run = Run(scenario, arrivals)
    assert run.play()
    return run, report(run, find(run, arrivals))
