"""How long people have: from a policy and the facts of a case to every moment that matters; no I/O."""

from datetime import UTC, datetime, timedelta

import msgspec

from review.sla import reasons
from review.sla.calendars import HORIZON, Calendar, CalendarExhausted, add_working, working_between
from review.sla.ladders import Ladder

FIRST_CLAIM = "first_claim"  # keys of marks; warnings and steps carry their number: `warn:0`, `step:2`
DUE = "due"
WARN, STEP = "warn:", "step:"

_NOTHING = timedelta(0)


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
    """A time during which the clock stood still, and why; `resumed_at` is None while it does."""

    paused_at: datetime
    resumed_at: datetime | None
    reason: str = ""


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
    are those it would have if it were resumed at its pause. `is_elapsed` says that the target counts night and day.
    """

    due_at: datetime
    first_claim_due_at: datetime | None
    warn_at: datetime | None
    marks: tuple[Mark, ...]
    because: tuple[str, ...]
    is_elapsed: bool = False


def run(policy: SlaPolicy | None, facts: Facts) -> Clock | None:
    """Work out a clock; None where neither a policy nor `respond_by` sets one going.

    Deterministic in its arguments, so the same facts under the same policy give the same instants, ever.
    `respond_by` tightens the decide target and never loosens it; without a policy it is the target. A pause moves
    every instant but `respond_by` itself; no first claim, warning or step below 100 % is due later than the decision.
    Where `respond_by` had passed on arrival, the item is due as it arrives. Where it leaves no time that counts, the
    steps beyond 100 % take their shares of the policy's own target, from the due time. A step comes no later than the
    one after it. A calendar that runs out of working time makes things due at the end of the arithmetic's horizon.
    """
    if policy is None:
        return _upstream_only(facts)
    return _Running(policy, facts).clock()


def remaining(policy: SlaPolicy | None, clock: Clock, now: datetime) -> timedelta:
    """Give the time left until it is due, as the target counts it; negative once it is overdue.

    Of a paused case it is the time left at `paused_at`, given as `now`.
    """
    if policy is None or policy.calendar is None or clock.is_elapsed:
        return clock.due_at - now
    if now <= clock.due_at:
        return working_between(policy.calendar, now, clock.due_at)
    return -working_between(policy.calendar, clock.due_at, now)


def targets_of(policy: SlaPolicy, priority: int) -> tuple[PriorityTargets | None, Target, Target | None]:
    """Give the entry of `by_priority` that an arrival priority falls under, and the decide and first claim targets."""
    for entry in policy.by_priority:
        if priority >= entry.at_least:
            return entry, entry.decide or policy.decide, entry.first_claim or policy.first_claim
    return None, policy.decide, policy.first_claim


def _upstream_only(facts: Facts) -> Clock | None:
    if facts.respond_by is None:
        return None
    started, asked = facts.started_at.astimezone(UTC), facts.respond_by.astimezone(UTC)
    due = max(started, asked)
    because = (reasons.no_policy(), reasons.asked_by(asked, started, None, is_sooner=False))
    marks = (Mark(DUE, due),)
    return Clock(due_at=due, first_claim_due_at=None, warn_at=None, marks=marks, because=because, is_elapsed=True)


class _Timeline:
    """Time as a target counts it: a calendar's, or elapsed; less the pauses, during which it does not pass."""

    def __init__(self, calendar: Calendar | None, started: datetime, pauses: tuple[Pause, ...]) -> None:
        self.calendar = calendar
        self.is_exhausted = False
        self._started = started
        self._pauses = _joined(pauses, started)

    def measure(self, start: datetime, end: datetime) -> timedelta:
        """Give the time that passes between two instants, pauses or not."""
        if self.calendar is None:
            return max(end - start, _NOTHING)
        return working_between(self.calendar, start, end)

    def plain(self, start: datetime, amount: timedelta) -> datetime:
        """Give the instant by which so much has passed, were there no pause."""
        if self.calendar is None:
            return start + amount
        try:
            return add_working(self.calendar, start, amount)
        except CalendarExhausted:
            self.is_exhausted = True
            return self._started + HORIZON

    def advance(self, start: datetime, amount: timedelta) -> datetime:
        """Give the earliest instant by which so much has passed outside the pauses."""
        for paused, resumed in self._pauses:
            if resumed <= start:
                continue
            if paused > start:
                reached = self.plain(start, amount)
                if reached <= paused:
                    return reached
                amount -= self.measure(start, paused)
            start = resumed
        return self.plain(start, amount)


def _joined(pauses: tuple[Pause, ...], started: datetime) -> list[tuple[datetime, datetime]]:
    """Give the pauses that have ended, in order and apart, without what lies before the start."""
    found: list[tuple[datetime, datetime]] = []
    for pause in sorted(pauses, key=lambda pause: pause.paused_at):
        paused = max(pause.paused_at.astimezone(UTC), started)
        if pause.resumed_at is None or pause.resumed_at <= paused:
            continue
        resumed = pause.resumed_at.astimezone(UTC)
        if found and paused <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], resumed))
        else:
            found.append((paused, resumed))
    return found


class _Running:
    """One working out of a clock under a policy."""

    def __init__(self, policy: SlaPolicy, facts: Facts) -> None:
        self._policy, self._facts = policy, facts
        self._started = facts.started_at.astimezone(UTC)
        self._asked = facts.respond_by.astimezone(UTC) if facts.respond_by is not None else None
        self._entry, self._decide, self._first_claim = targets_of(policy, facts.priority)
        self._line = self._timeline(self._decide)
        # The due time of the target alone, then with the pauses, then with what upstream asked.
        self._at_first = self._line.plain(self._started, self._decide.amount)
        self._is_exhausted = self._line.is_exhausted
        self._paused = self._line.advance(self._started, self._decide.amount) if facts.pauses else self._at_first
        self._due = self._paused
        if self._asked is not None and self._asked < self._due:
            self._due = max(self._asked, self._started)
        self._whole = self._effective()

    def clock(self) -> Clock:
        """Give the result."""
        due, policy = self._due, self._policy
        warnings = [min(self._at(after), due) for after in policy.warn_at]
        first_claim = None
        if self._first_claim is not None:
            line = self._line if self._first_claim.is_elapsed == self._decide.is_elapsed else None
            line = line or self._timeline(self._first_claim)
            first_claim = min(line.advance(self._started, self._first_claim.amount), due)
        marks = [Mark(f"{WARN}{at}", instant) for at, instant in enumerate(warnings)]
        marks += [Mark(FIRST_CLAIM, first_claim)] if first_claim is not None else []
        marks += [Mark(DUE, due)]
        marks += [Mark(f"{STEP}{at}", instant) for at, instant in enumerate(self._steps())]
        marks.sort(key=lambda mark: mark.at)  # stable: what falls together keeps the order above
        return Clock(
            due_at=due,
            first_claim_due_at=first_claim,
            warn_at=min(warnings, default=None),
            marks=tuple(marks),
            because=self._because(),
            is_elapsed=self._line.calendar is None,
        )

    def _timeline(self, target: Target) -> _Timeline:
        calendar = None if target.is_elapsed else self._policy.calendar
        return _Timeline(calendar, self._started, self._facts.pauses)

    def _effective(self) -> timedelta:
        """Give the time of which marks name shares: the target, or what `respond_by` leaves of it."""
        if self._asked is None or self._asked >= self._at_first:
            return self._decide.amount
        return self._line.measure(self._started, self._asked)

    def _at(self, after: float | timedelta) -> datetime:
        if isinstance(after, timedelta):
            return self._line.advance(self._started, after)
        if after < 1:
            return min(self._line.advance(self._started, self._whole * after), self._due)
        return self._line.advance(self._due, (self._whole or self._decide.amount) * (after - 1))

    def _steps(self) -> list[datetime]:
        """Give the steps' instants; where durations and shares cross, an earlier step comes with the later one."""
        steps = self._policy.ladder.steps if self._policy.ladder is not None else ()
        found = [self._at(step.after) for step in steps]
        for at in range(len(found) - 2, -1, -1):
            found[at] = min(found[at], found[at + 1])
        return found

    def _because(self) -> tuple[str, ...]:
        policy, line, zone = self._policy, self._line, self._policy.calendar
        at_least = self._entry.at_least if self._entry is not None and self._entry.decide is not None else None
        found = [reasons.target(policy.name, self._decide.amount, line.calendar, at_least, self._facts.priority)]
        if self._is_exhausted and line.calendar is not None:
            found.append(reasons.exhausted(line.calendar, self._at_first))
        else:
            found.append(reasons.arrival(self._started, self._at_first, line.calendar, zone))
        pauses = sorted(self._facts.pauses, key=lambda pause: pause.paused_at)
        found += [reasons.paused(pause.paused_at, pause.resumed_at, pause.reason, zone) for pause in pauses]
        if self._paused != self._at_first:
            found.append(reasons.moved(self._paused, zone))
        if self._due != self._paused and self._asked is not None:
            found.append(reasons.asked_by(self._asked, self._started, zone, is_sooner=True))
        return tuple(found)
