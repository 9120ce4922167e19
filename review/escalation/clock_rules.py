"""What a case's clock does when it stops, runs on or follows another configuration; no I/O."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from review.sla.calendars import Calendar, open_periods
from review.sla.rules import Clock, Facts, Mark

YEARS = 3  # as far ahead as open items are due, with room to spare
STARTED = "clock.started"  # how a movement names the arrival, which set the clock going
_TICK = timedelta(microseconds=1)


class CaseClock(msgspec.Struct, frozen=True, kw_only=True):
    """The clock of a case as it is stored, and the database's time when it was read.

    `version` is the configuration it runs by, `first_version` the one its item arrived under and `active_version` that
    of the project. `due_at` is None where no clock runs.
    """

    project_id: UUID
    case_id: UUID
    item_id: UUID
    item_state: str
    policy: str | None
    due_at: datetime | None
    first_claim_due_at: datetime | None
    warn_at: datetime | None
    paused_at: datetime | None
    resume_at: datetime | None
    closed_at: datetime | None
    marks_passed: list[str]
    generation: int
    version: int
    first_version: int
    active_version: int
    facts: Facts
    at: datetime


class Setting(msgspec.Struct, frozen=True):
    """What a clock is set to: by which version it runs, and to which moments; None where it cannot be worked out."""

    case: CaseClock
    version: int
    clock: Clock | None

    @property
    def next_mark(self) -> Mark | None:
        """Give what happens next on it; what has passed stays passed."""
        return next_mark(self.clock, self.case.marks_passed) if self.clock else None

    @property
    def moves(self) -> bool:
        """Tell whether anything that is shown or sorted by changes."""
        clock, case = self.clock, self.case
        return clock is None or (clock.due_at, clock.first_claim_due_at, clock.warn_at) != (
            case.due_at,
            case.first_claim_due_at,
            case.warn_at,
        )


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that started, stopped or moved a clock: when, who, from which due time to which, and why."""

    at: datetime
    by: str
    action: str
    was: datetime | None = None
    due_at: datetime | None = None
    because: list[str] = []


def without_words(movement: Movement) -> Movement:
    """Leave out why a clock was stopped and all that was said of it later."""
    return movement if movement.action == STARTED else msgspec.structs.replace(movement, because=[])


def fingerprint(calendars: Iterable[Calendar], year: int) -> bytes:
    """Digest what calendars come to in a year and the two after it: hours as instants, time zones and holidays put in.

    Two digests of the same calendars and year differ if the data of zones or holidays does.
    """
    begins, ends = datetime(year, 1, 1, tzinfo=UTC), datetime(year + YEARS, 1, 1, tzinfo=UTC)
    digest = hashlib.sha256()
    for calendar in calendars:
        digest.update(msgspec.json.encode([calendar.name, year, open_periods(calendar, begins, ends)]))
    return digest.digest()


def next_mark(clock: Clock, passed: list[str]) -> Mark | None:
    """Give the first mark that has not had its effect yet."""
    return next((mark for mark in clock.marks if mark.key not in passed), None)


def pause_time(case: CaseClock) -> datetime:
    """Give when a pause that is asked for now begins: later than all the clock has seen, whatever the server's does.

    Should the database's time have stepped back, then no pause overlaps an earlier one or ends before it begins.
    """
    seen = [case.facts.started_at]
    for pause in case.facts.pauses:
        seen += [pause.paused_at, pause.resumed_at or pause.paused_at]
    return max(case.at, max(seen) + _TICK)


def resume_time(paused_at: datetime, now: datetime) -> datetime:
    """Give when a pause ends that is ended now: not before it began."""
    return max(now, paused_at)


def resumed(facts: Facts, at: datetime) -> Facts:
    """Give the facts of a paused clock once it runs again."""
    pauses = tuple(
        msgspec.structs.replace(pause, resumed_at=at) if pause.resumed_at is None else pause for pause in facts.pauses
    )
    return msgspec.structs.replace(facts, pauses=pauses)
