"""What a run comes to: figures by hour, pool, policy and step, and what a lead should know first."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from review.escalation.rules import told_after
from review.escalation.simulation.rules import Run
from review.escalation.simulation.scenario import MICROSECOND, SLOT, Scenario
from review.escalation.simulation.state import Case, Counts, Pool

_HOUR = SLOT // MICROSECOND
_SECOND = timedelta(seconds=1) // MICROSECOND


class Hour(msgspec.Struct, frozen=True, kw_only=True):
    """One hour of one pool: counts of reviews and items, means of people, levels as at the hour's end.

    `waiting` counts reviews, so that an item which waits for two counts twice. `utilisation` is the share of the time
    of those present in which they worked; None where nobody was present.
    """

    begins: datetime
    pool: str
    arrived: int
    moved_in: int
    decided: int
    breached: int
    waiting: int
    overdue: int
    people: float
    busy: float
    utilisation: float | None

    @property
    def is_quiet(self) -> bool:
        """Tell whether there is nothing to say of it."""
        return not (self.arrived or self.moved_in or self.decided or self.breached or self.waiting or self.people)


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """How long items waited for their first claim, night and day, in seconds: half, 9 in 10, 99 in 100 no longer."""

    p50: float | None
    p90: float | None
    p99: float | None


class PoolTotals(msgspec.Struct, frozen=True, kw_only=True):
    """A pool over the whole time; `waits` are of what arrived there."""

    pool: str
    people: int
    arrived: int
    moved_in: int
    decided: int
    breached: int
    waiting_at_end: int
    utilisation: float | None
    waits: Waits


class PolicyTotals(msgspec.Struct, frozen=True, kw_only=True):
    """A policy over the whole time; `to_spare_p50` is the median time from decision to due time, in seconds."""

    policy: str
    arrived: int
    decided_in_time: int
    breached: int
    first_due_at: datetime
    last_due_at: datetime
    to_spare_p50: float | None


class StepTotals(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a policy's ladder, counted from 1: how often it was taken, or skipped as a dead end, and its deeds."""

    policy: str
    ladder: str
    step: int
    after: str
    taken: int
    skipped: int
    notified: int
    paged: int
    moved: int
    reassigned: int
    reviews_added: int
    decided: dict[str, int]


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Everything together.

    What arrived is decided, in hand or waiting. `in_time_share` is of what was decided or came due; what is neither
    yet is left out. `worst_overdue` is how many seconds after its due time the latest was decided, or still was not.
    """

    arrived: int
    decided: int
    in_hand_at_end: int
    waiting_at_end: int
    decided_in_time: int
    breached: int
    in_time_share: float | None
    worst_overdue: float | None
    first_claims_missed: int
    warnings: int
    escalations: int
    decided_by_fallback: dict[str, int]
    next_due_at: datetime | None
    waits: Waits


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """How what arrived in one pool came to miss its targets, and what would have held it.

    `unattended` items were due before anybody worked there, and of the `too_long` the review alone took longer than
    was left; no number of people in the pool's hours changes that. `more_people` from `more_from` on hold all others;
    it is None where not even the most that were tried do, and there is nothing to hold where `more_from` is None.
    """

    pool: str
    people: int
    breached: int
    first_claims_missed: int
    first_late_at: datetime
    behind_at: datetime
    most_overdue: int
    most_overdue_at: datetime
    unattended: int
    too_long: int
    more_people: int | None
    more_from: datetime | None


class ShortHanded(msgspec.Struct, frozen=True, order=True):
    """A pool to which items come that ask for more reviews than people work there; none of them can be decided."""

    pool: str
    reviews: int
    people: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to; times carry the offset of the scenario's zone."""

    project: str
    begins: datetime
    ends: datetime
    timezone: str
    seed: int
    assumed: tuple[str, ...]
    totals: Totals
    findings: tuple[Finding, ...]
    short_handed: tuple[ShortHanded, ...]
    pools: tuple[PoolTotals, ...]
    policies: tuple[PolicyTotals, ...]
    steps: tuple[StepTotals, ...]
    hours: tuple[Hour, ...]


def report(run: Run, findings: Sequence[Finding]) -> Report:
    """Sum a run up once it has been played to its end."""
    scenario = run.scenario
    return Report(
        project=scenario.project,
        begins=scenario.instant(0),
        ends=scenario.instant(scenario.offset(scenario.end)),
        timezone=scenario.zone.key,
        seed=scenario.seed,
        assumed=scenario.assumed,
        totals=_totals(run),
        findings=tuple(findings),
        short_handed=_short_handed(scenario),
        pools=tuple(_pool(run, pool) for pool in run.pools.values()),
        policies=_policies(run),
        steps=_steps(run),
        hours=tuple(_hour(run, pool, at) for at in range(scenario.slots) for pool in run.pools.values()),
    )


def _short_handed(scenario: Scenario) -> tuple[ShortHanded, ...]:
    people: Counter[str] = Counter()
    for crew in scenario.crews:
        people[crew.pool] += crew.people
    found = {
        ShortHanded(each.pool, each.reviews, people[each.pool])
        for each in scenario.streams
        if each.share > 0 and 0 < people[each.pool] < each.reviews
    }
    return tuple(sorted(found))


def is_in_time(case: Case) -> bool:
    """Tell whether it had a due time and was decided at or before it."""
    return case.arrival.due is not None and case.decided_at is not None and case.breached_at is None


def quantile(values: Sequence[int], share: float) -> int:
    """Give the smallest of sorted values that so large a share of them does not exceed."""
    return values[max(0, -int(-share * len(values) // 1) - 1)]


def _totals(run: Run) -> Totals:
    decided = [case for case in run.cases if case.decided_at is not None]
    open_cases = [case for case in run.cases if case.decided_at is None]
    in_hand = sum(case.is_in_hand for case in open_cases)
    in_time, breached = sum(map(is_in_time, decided)), [case for case in run.cases if case.breached_at is not None]
    end = run.scenario.offset(run.scenario.end)
    late = [(end if each.decided_at is None else each.decided_at) - (each.arrival.due or 0) for each in breached]
    fallbacks = [case.fallback for case in decided if case.fallback is not None]
    dues = [case.arrival.due for case in open_cases if case.arrival.due is not None and case.breached_at is None]
    judged = in_time + len(breached)
    return Totals(
        arrived=len(run.cases),
        decided=len(decided),
        in_hand_at_end=in_hand,
        waiting_at_end=len(open_cases) - in_hand,
        decided_in_time=in_time,
        breached=len(breached),
        in_time_share=round(in_time / judged, 4) if judged else None,
        worst_overdue=_seconds(max(late)) if late else None,
        first_claims_missed=sum(case.missed_at is not None for case in run.cases),
        warnings=run.warnings,
        escalations=sum(taken.done for taken in run.steps.values()),
        decided_by_fallback={each: fallbacks.count(each) for each in sorted(set(fallbacks))},
        next_due_at=run.scenario.instant(min(dues)) if dues else None,
        waits=_waits(run.cases),
    )


def _waits(cases: Iterable[Case]) -> Waits:
    waits = sorted(case.claimed_at - case.arrival.at for case in cases if case.claimed_at is not None)
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
    return Waits(**{name: _seconds(quantile(waits, share)) if waits else None for name, share in shares.items()})


def _pool(run: Run, pool: Pool) -> PoolTotals:
    staffed, busy = sum(each.staffed for each in pool.hours), sum(each.busy for each in pool.hours)
    return PoolTotals(
        pool=pool.name,
        people=sum(crew.people for crew in run.scenario.crews if crew.pool == pool.name),
        arrived=sum(each.arrived for each in pool.hours),
        moved_in=sum(each.moved_in for each in pool.hours),
        decided=sum(each.decided for each in pool.hours),
        breached=sum(each.breached for each in pool.hours),
        waiting_at_end=pool.waiting,
        utilisation=round(busy / staffed, 4) if staffed else None,
        waits=_waits(case for case in run.cases if case.home is pool),
    )


def _policies(run: Run) -> tuple[PolicyTotals, ...]:
    under: dict[str, list[Case]] = {name: [] for name in run.scenario.policies}
    for case in run.cases:
        if case.arrival.stream.policy is not None:
            under[case.arrival.stream.policy].append(case)
    return tuple(_policy(run, name, cases) for name, cases in under.items() if cases)


def _policy(run: Run, name: str, cases: Sequence[Case]) -> PolicyTotals:
    dues = [case.arrival.due or 0 for case in cases]
    spare = sorted((case.arrival.due or 0) - case.decided_at for case in cases if case.decided_at is not None)
    return PolicyTotals(
        policy=name,
        arrived=len(cases),
        decided_in_time=sum(map(is_in_time, cases)),
        breached=sum(case.breached_at is not None for case in cases),
        first_due_at=run.scenario.instant(min(dues)),
        last_due_at=run.scenario.instant(max(dues)),
        to_spare_p50=_seconds(quantile(spare, 0.5)) if spare else None,
    )


def _steps(run: Run) -> tuple[StepTotals, ...]:
    found: list[StepTotals] = []
    for (policy, number), taken in sorted(run.steps.items()):
        ladder = run.scenario.policies[policy].ladder
        if ladder is None:
            continue
        found.append(
            StepTotals(
                policy=policy,
                ladder=ladder.name,
                step=number + 1,
                after=told_after(ladder.steps[number]),
                taken=taken.done,
                skipped=taken.skipped,
                notified=taken.notified,
                paged=taken.paged,
                moved=taken.moved,
                reassigned=taken.reassigned,
                reviews_added=taken.reviews,
                decided=dict(sorted(taken.decided.items())),
            )
        )
    return tuple(found)


def _hour(run: Run, pool: Pool, at: int) -> Hour:
    counts: Counts = pool.hours[at]
    end = run.scenario.offset(run.scenario.end)
    length = min((at + 1) * _HOUR, end) - at * _HOUR
    return Hour(
        begins=run.scenario.instant(at * _HOUR),
        pool=pool.name,
        arrived=counts.arrived,
        moved_in=counts.moved_in,
        decided=counts.decided,
        breached=counts.breached,
        waiting=counts.waiting,
        overdue=counts.overdue,
        people=round(counts.staffed / length, 3),
        busy=round(counts.busy / length, 3),
        utilisation=round(counts.busy / counts.staffed, 4) if counts.staffed else None,
    )


def _seconds(microseconds: int) -> float:
    return round(microseconds / _SECOND, 3)


def most_at_hour_ends(spans: Iterable[tuple[int, int | None]], slots: int) -> tuple[int, int]:
    """Give the largest number of spans that hold the end of an hour, and the first hour of which that is so."""
    changes = [0] * (slots + 2)
    for begins, ends in spans:
        first = -(-begins // _HOUR) - 1
        last = slots if ends is None else min(-(-ends // _HOUR) - 1, slots)
        changes[max(0, first)] += 1
        changes[max(0, last)] -= 1
    levels = [0]
    for each in changes[:slots]:
        levels.append(levels[-1] + each)
    at = max(range(slots), key=lambda slot: (levels[slot + 1], -slot), default=0)
    return levels[at + 1], at
