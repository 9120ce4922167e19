"""How an item's clock is told: every moment on it, what is left, and why."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from review.escalation.clock_rules import STARTED, CaseClock, Movement
from review.items.schemas import ItemDetail, PauseView
from review.sla import rules as sla
from review.sla.calendars import open_periods
from review.sla.rules import Clock, SlaPolicy

MOST_PERIODS = 30
FURTHEST = timedelta(days=120)  # beyond it a countdown would count nothing anybody watches


class MarkView(msgspec.Struct, frozen=True):
    """A moment on a clock; `passed` says that what belongs to it has happened."""

    key: str
    at: datetime
    passed: bool


class PeriodView(msgspec.Struct, frozen=True):
    """A time during which the clock runs."""

    begins: datetime
    ends: datetime


class ClockView(msgspec.Struct, frozen=True, kw_only=True):
    """An item's clock; without one, `due_at` is null and `because` says why.

    `remaining_seconds` are as the target counts them, so of working time where a calendar is named, and negative once
    it is overdue; of a closed item they were left when it was closed. `open_periods` are the next ones in which it
    runs, at most 30, none where it is paused, closed or overdue.
    """

    item_id: UUID
    state: str | None
    policy: str | None
    calendar: str | None
    timezone: str | None
    started_at: datetime | None
    due_at: datetime | None
    first_claim_due_at: datetime | None
    paused: PauseView | None
    marks: list[MarkView]
    remaining_seconds: float | None
    because: list[str]
    movements: list[Movement]
    open_periods: list[PeriodView]


def no_clock(item: ItemDetail) -> ClockView:
    """Tell of an item that has no clock."""
    if item.pool is None:
        because = "No clock runs: the rules decided the item as it arrived."
    else:
        because = "No clock runs: the rule names no SLA policy, and the item came without `respond_by`."
    return ClockView(
        item_id=item.id,
        state=None,
        policy=None,
        calendar=None,
        timezone=None,
        started_at=None,
        due_at=None,
        first_claim_due_at=None,
        paused=None,
        marks=[],
        remaining_seconds=None,
        because=[because],
        movements=[],
        open_periods=[],
    )


def told(
    item: ItemDetail, case: CaseClock, policy: SlaPolicy | None, began: Clock | None, movements: list[Movement]
) -> ClockView:
    """Tell of a clock, from what is stored of it and the policy it runs by; `began` is how it stood at first."""
    clock = sla.run(policy, case.facts)
    calendar = policy.calendar if policy is not None and clock is not None and not clock.is_elapsed else None
    now = case.paused_at or case.closed_at or case.at
    stands = case.paused_at is not None or case.item_state != "open"
    return ClockView(
        item_id=item.id,
        state=item.sla.state if item.sla else None,
        policy=case.policy,
        calendar=calendar.name if calendar else None,
        timezone=calendar.timezone if calendar else None,
        started_at=case.facts.started_at,
        due_at=case.due_at,
        first_claim_due_at=case.first_claim_due_at,
        paused=item.sla.paused if item.sla else None,
        marks=[MarkView(mark.key, mark.at, mark.key in case.marks_passed) for mark in clock.marks] if clock else [],
        remaining_seconds=sla.remaining(policy, clock, now).total_seconds() if clock else None,
        because=list(clock.because) if clock else [],
        movements=[_started(movement, began) for movement in movements],
        open_periods=[] if stands or clock is None else _periods(policy, clock, now),
    )


def _started(movement: Movement, began: Clock | None) -> Movement:
    """Complete the entry of the arrival, which tells of the item as a whole."""
    if movement.action != STARTED or began is None:
        return movement
    return msgspec.structs.replace(movement, due_at=movement.due_at or began.due_at, because=list(began.because))


def _periods(policy: SlaPolicy | None, clock: Clock, now: datetime) -> list[PeriodView]:
    if now >= clock.due_at:
        return []
    if policy is None or policy.calendar is None or clock.is_elapsed:
        return [PeriodView(now, clock.due_at)]
    found = open_periods(policy.calendar, now, min(clock.due_at, now + FURTHEST))
    return [PeriodView(begins, ends) for begins, ends in found[:MOST_PERIODS]]
