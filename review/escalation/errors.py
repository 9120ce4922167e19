"""Refusals about escalations."""

from review.kernel.errors import ReviewError


class ClockNotRunning(ReviewError):
    """Somebody paused or resumed the clock of an item that has none."""

    code = "clock_not_running"
    status = 409


class NothingEscalated(ReviewError):
    """Somebody acknowledged an escalation of an item that has not been escalated."""

    code = "nothing_escalated"
    status = 409
