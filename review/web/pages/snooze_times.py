"""The moments until which an item can be put aside by one press, and reading the one that was chosen."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

from review.kernel.sentences import say
from review.queueing.errors import SnoozeInvalid
from review.web.pages import words

SOON, LATER = timedelta(minutes=15), timedelta(hours=1)
AFTERNOON, MORNING = time(14), time(9)


@dataclass(frozen=True, slots=True)
class Moment:
    """One choice: its value in the form, the moment, and that moment in words."""

    value: str
    at: datetime
    said: str


def moments(now: datetime, zone: tzinfo, latest: datetime | None) -> list[Moment]:
    """List the moments to choose from in a reader's zone, without those that would be too late."""
    there = now.astimezone(zone)
    tomorrow = datetime.combine(there.date() + timedelta(days=1), MORNING, zone)
    afternoon = datetime.combine(there.date(), AFTERNOON, zone)
    named = [("15m", now + SOON), ("1h", now + LATER), ("afternoon", afternoon), ("tomorrow", tomorrow)]
    return [
        Moment(value, at, words.hour(at, zone, with_day=value == "tomorrow"))
        for value, at in named
        if latest is not None and now < at <= latest and (value != "afternoon" or at > now + LATER)
    ]


def read(value: str, written: str, now: datetime, zone: tzinfo) -> datetime:
    """Read the chosen moment: one of those above, or a time that was written, in the reader's zone.

    Raises:
        SnoozeInvalid: there is no such moment (422).
    """
    for moment in moments(now, zone, datetime.max.replace(tzinfo=now.tzinfo)):
        if moment.value == value:
            return moment.at
    try:
        at = datetime.fromisoformat(written)
        at = at.replace(tzinfo=zone) if at.tzinfo is None else at
        at.timestamp()
    except (ValueError, OverflowError) as fault:
        message = say(
            "Say until when: choose one of the times, or write one. Nothing was changed, and you hold the item."
        )
        raise SnoozeInvalid(message) from fault
    return at
