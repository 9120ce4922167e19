"""How long people have: from a policy and the facts of a case to every moment that matters; no I/O."""

from datetime import datetime, timedelta

import msgspec

from review.sla.calendars import Calendar
from review.sla.ladders import Ladder

FIRST_CLAIM = "first_claim"  # keys of marks; warnings and steps carry their number: `warn:0`, `step:2`
DUE = "due"


class Target(msgspec.Struct, frozen=True):
    """A length of time: of the policy's calendar, or elapsed, night and day, where it has none or says so."""

    amount: timedelta
    is_elapsed: bool = False


class PriorityTargets(msgspec.Struct, frozen=True):
    """Other targets for items that arrive with at least this priority; None keeps the policy's."""

    at_least: int
    decide: Target | None = None
    first_claim: Target | None = None


class SlaPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Targets, what to warn of, and what happens as they pass.

    `warn_at` are shares of the decide target, or durations since the start, in order. `by_priority` is sorted by
    `at_least`, highest first. A calendar's name is `calendar.name`, a ladder's `ladder.name`.
    """

    name: str
    decide: Target
    first_claim: Target | None = None
    warn_at: tuple[float | timedelta, ...] = ()
    by_priority: tuple[PriorityTargets, ...] = ()
    calendar: Calendar | None = None
    ladder: Ladder | None = None


class Pause(msgspec.Struct, frozen=True):
    """A time during which the clock stood still; `resumed_at` is None while it does."""

    paused_at: datetime
    resumed_at: datetime | None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a case's clock runs on: when it started, the priority the item arrived with, what upstream asked, pauses."""

    started_at: datetime
    priority: int
    respond_by: datetime | None = None
    pauses: tuple[Pause, ...] = ()


class Mark(msgspec.Struct, frozen=True):
    """A moment on the clock at which something happens, named by its key."""

    key: str
    at: datetime


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """Every moment that matters of a running case, in UTC, marks in the order in which they come.

    `because` explains the due time in sentences, one for each thing that moved it. The instants of a paused case
    are those it would have if it were resumed at its pause.
    """

    due_at: datetime
    first_claim_due_at: datetime | None
    warn_at: datetime | None
    marks: tuple[Mark, ...]
    because: tuple[str, ...]


def run(policy: SlaPolicy | None, facts: Facts) -> Clock | None:
    """Work out a clock; None where neither a policy nor `respond_by` sets one going.

    Deterministic in its arguments, so the same facts under the same policy give the same instants, ever.
    `respond_by` tightens the decide target and never loosens it; without a policy it is the target.
    """
    raise NotImplementedError


def remaining(policy: SlaPolicy | None, clock: Clock, now: datetime) -> timedelta:
    """Give the time left until it is due, as the target counts it; negative once it is overdue."""
    raise NotImplementedError
