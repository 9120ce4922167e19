"""Steps of ladders within a run: the very rules by which they are taken in earnest, put to a case of the run."""

from collections import Counter
from datetime import datetime
from uuid import UUID

from review.escalation import rules as earnest
from review.escalation.simulation.scenario import Scenario
from review.escalation.simulation.state import Case, Pool, Seat
from review.queueing import rules as queueing
from review.queueing.rules import AssignmentState
from review.sla.ladders import Step

_NOBODY = UUID(int=0)


class Taken:
    """How often one step was taken or passed over, and what it did."""

    __slots__ = ("decided", "done", "moved", "notified", "paged", "reassigned", "reviews", "skipped")

    def __init__(self) -> None:
        self.done = self.skipped = self.moved = self.reassigned = self.reviews = 0
        self.notified = self.paged = 0
        self.decided: Counter[str] = Counter()


def plan(scenario: Scenario, step: Step, case: Case, pools: dict[str, Pool], now: int) -> earnest.Plan:
    """Work out what a step comes to for a case of the run.

    The project is taken to have leads, and everybody named by address to be there. Leads are told, and do not work.
    """
    at = scenario.instant(now)
    seats = [_seat(case, seat, scenario, at) for seat in case.seats]
    names = frozenset(name for name, pool in pools.items() if pool.people)
    known = set(pools) | {f"channel:{name}" for name in scenario.channels}
    return earnest.plan_step(step, _case(case, len(seats)), seats, _reach(step, case, pools, names), known)


def _reach(step: Step, case: Case, pools: dict[str, Pool], names: frozenset[str]) -> earnest.Reach:
    pool = pools.get(step.move_to, case.pool) if step.move_to is not None else case.pool
    return earnest.Reach(
        has_leads=True,
        pools=names,
        disabled_channels=frozenset(),
        people=frozenset((*step.notify, *step.page)),
        workers=len(pool.people),
        free=len(pool.people - case.reviewers),
        holders={},
    )


def _case(case: Case, seats: int) -> earnest.Case:
    return earnest.Case(
        project_id=_NOBODY,
        id=UUID(int=case.number),
        item_id=UUID(int=case.number),
        pool=case.pool.name,
        priority=case.priority,
        reviews_required=seats,
        level=len(case.taken),
        sla_policy=case.arrival.stream.policy,
        version=0,
        active_version=0,
        passed=frozenset(case.taken),
        acknowledged_by=None,
    )


def _seat(case: Case, seat: Seat, scenario: Scenario, at: datetime) -> queueing.Seat:
    person = seat.person
    state = AssignmentState.DONE if person is None else AssignmentState.HELD
    return queueing.Seat(
        id=UUID(int=seat.number),
        case_id=UUID(int=case.number),
        item_id=UUID(int=case.number),
        kind="review",
        pool=case.pool.name,
        priority=case.priority,
        state=AssignmentState.OPEN if seat.is_open else state,
        holder_id=UUID(int=person.number + 1) if person is not None else None,
        fence=seat.stamp,
        claimed_at=scenario.instant(person.since) if person is not None else None,
        lease_until=None,
        at=at,
    )
