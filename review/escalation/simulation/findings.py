"""Where a run went wrong first, and how many more people would have held it: found by playing it again with them."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import accumulate

from review.escalation.simulation.arrivals import Arrival
from review.escalation.simulation.report import Finding, most_at_hour_ends
from review.escalation.simulation.rules import Run
from review.escalation.simulation.scenario import MICROSECOND, SLOT, Crew, Scenario
from review.escalation.simulation.state import Case
from review.sla.calendars import open_periods

MOST_TRIED = 20
_HOUR = SLOT // MICROSECOND


def find(run: Run, arrivals: Sequence[Arrival], watch: Callable[[], None] = lambda: None) -> tuple[Finding, ...]:
    """Find what went wrong in each pool whose arrivals were late, the earliest first.

    `watch` is called before each further run.
    """
    found: list[Finding] = []
    for name in run.scenario.pools:
        late = [case for case in run.cases if case.home.name == name and case.late_at is not None]
        if late:
            found.append(_look_into(run, name, late, arrivals, watch))
    return tuple(sorted(found, key=lambda each: (each.behind_at, each.first_late_at, each.pool)))


def _look_into(
    run: Run, pool: str, late: Sequence[Case], arrivals: Sequence[Arrival], watch: Callable[[], None]
) -> Finding:
    scenario = run.scenario
    fates = _Fates(scenario, pool)
    unattended = sum(fates.is_unattended(case.arrival) for case in late)
    held_up = [case for case in late if not fates.is_hopeless(case.arrival)]
    behind = min(_behind_at(case) for case in held_up or late)
    breached = [case for case in late if case.breached_at is not None]
    most, slot = most_at_hour_ends(((case.breached_at or 0, case.decided_at) for case in breached), scenario.slots)
    since = scenario.start + (behind // _HOUR * _HOUR if run.pools[pool].people else 0) * MICROSECOND
    more = _more_people(run, pool, since, arrivals, fates, watch) if held_up else None
    return Finding(
        pool=pool,
        people=len(run.pools[pool].people),
        breached=len(breached),
        first_claims_missed=sum(case.missed_at is not None for case in late),
        first_late_at=scenario.instant(min(case.late_at or 0 for case in late)),
        behind_at=scenario.instant(behind),
        most_overdue=most,
        most_overdue_at=scenario.instant(min((slot + 1) * _HOUR, scenario.offset(scenario.end))),
        unattended=unattended,
        too_long=len(late) - len(held_up) - unattended,
        more_people=more,
        more_from=since.astimezone(scenario.zone) if held_up else None,
    )


def _behind_at(case: Case) -> int:
    return case.late_at or 0 if case.behind_at is None else case.behind_at


def _more_people(
    run: Run, pool: str, since: datetime, arrivals: Sequence[Arrival], fates: "_Fates", watch: Callable[[], None]
) -> int | None:
    """Find the fewest more people with whom nothing that arrives in the pool is late, hopeless items apart.

    Each number is tried until its first late item; that more people hold what fewer hold is taken for granted.
    """
    hours = next(crew.hours for crew in run.scenario.crews if crew.pool == pool)

    def holds(people: int) -> bool:
        watch()
        again = Run(run.scenario, arrivals, [Crew(pool, people, hours, since)])
        return again.play(until=lambda case: case.home.name == pool and not fates.is_hopeless(case.arrival))

    fails, held = 0, MOST_TRIED
    if not holds(held):
        return None
    while held - fails > 1:
        middle = (fails + held) // 2
        if holds(middle):
            held = middle
        else:
            fails = middle
    return held


class _Fates:
    """What could have become of items if the pool had had people without number in its hours."""

    def __init__(self, scenario: Scenario, pool: str) -> None:
        crews = [crew for crew in scenario.crews if crew.pool == pool]
        periods = sorted(
            (scenario.offset(opens), scenario.offset(closes))
            for crew in crews
            for opens, closes in open_periods(crew.hours, scenario.start, scenario.end)
        )
        self._opens = [opens for opens, _ in periods]
        self._closes = list(accumulate((closes for _, closes in periods), max))

    def is_unattended(self, arrival: Arrival) -> bool:
        """Tell whether nobody works there between its arrival and the first of its targets."""
        begun, (claim, due) = self._earliest(arrival.at), arrival.targets
        return begun is None or begun > claim or begun >= due

    def is_hopeless(self, arrival: Arrival) -> bool:
        """Tell whether it misses a target even if somebody takes it as soon as there is anybody."""
        begun, (claim, due) = self._earliest(arrival.at), arrival.targets
        return begun is None or begun > claim or begun + max(arrival.handling) > due

    def _earliest(self, at: int) -> int | None:
        """Give when somebody is first there at or after an instant."""
        after = bisect_right(self._opens, at)
        if after and at < self._closes[after - 1]:
            return at
        return self._opens[after] if after < len(self._opens) else None
