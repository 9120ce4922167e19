"""Refusals about escalations."""

from review.kernel.errors import NotFound, ReviewError


class ClockNotRunning(ReviewError):
    """Somebody paused or resumed the clock of an item that has none."""

    code = "clock_not_running"
    status = 409


class NothingEscalated(ReviewError):
    """Somebody acknowledged an escalation of an item that has not been escalated."""

    code = "nothing_escalated"
    status = 409


class QuestionNotFound(NotFound):
    """There is no such question about the item."""

    code = "question_not_found"


class QuestionPending(ReviewError):
    """Somebody asked upstream about an item that waits for an answer already."""

    code = "question_pending"
    status = 409


class QuestionSettled(ReviewError):
    """The question was answered before, or is not the caller's to answer yet."""

    code = "question_settled"
    status = 409
