"""How long an item may be put aside, and what is said where it may not."""

from datetime import UTC, datetime, timedelta

from review.kernel.sentences import Sentence, say

LONGEST = timedelta(days=14)
BEFORE_DUE = timedelta(minutes=5)  # what is left of its time when it comes back at the latest
KEPT_FOR = timedelta(minutes=15)  # how long what has come back, or was sent back, is one person's alone


def latest(now: datetime, due_at: datetime | None) -> datetime | None:
    """Give until when something may be put aside at the latest; None where it is due too soon for that."""
    end = now + LONGEST if due_at is None else min(now + LONGEST, due_at - BEFORE_DUE)
    return end if end > now else None


def why_not(until: datetime, now: datetime, due_at: datetime | None) -> Sentence | None:
    """Say why something cannot be put aside until then, and what can be done; None where it can."""
    end = latest(now, due_at)
    if end is None:
        return say("It is due too soon to be put aside, and its clock runs on. Judge it, or give it to somebody else")
    if until <= now:
        return say("That time is past. Choose one that is still to come")
    if until <= end:
        return None
    if due_at is not None and end < now + LONGEST:
        return say(
            "It would come back too late: its clock runs on, and it is due %(due)s. The latest is %(latest)s",
            due=_exact(due_at),
            latest=_exact(end),
        )
    return say(
        "It may be put aside for %(days)s days at most. The latest is %(latest)s",
        days=LONGEST.days,
        latest=_exact(end),
    )


def _exact(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
