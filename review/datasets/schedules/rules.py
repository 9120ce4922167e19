"""When a dataset takes a snapshot by itself, and why it takes none; no I/O.

Wall times are those of the schedule's time zone. One that a change of the clocks leaves out comes right after the gap;
of one that comes twice the first is meant.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import msgspec
from cronsim import CronSim, CronSimError
from msgspec import Meta

from review.kernel.errors import FieldError
from review.kernel.sentences import Sentence, say

MOST_NEW: Final = 100_000_000
MOST_CRON: Final = 100
AFTER_A_FAILURE: Final = timedelta(hours=1)  # a place that refuses is tried five times each


class Schedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When snapshots are made without anybody asking: by the clock, by what is new, or by whichever comes first.

    `cron` has five fields (minute, hour, day of the month, month, day of the week), read in `timezone`. `new_records`
    asks for a snapshot when so many records that the dataset's criteria take have come since the last one.
    """

    cron: str = ""
    timezone: str = "UTC"
    new_records: Annotated[int, Meta(ge=1, le=MOST_NEW)] | None = None
    paused: bool = False


class Outcome(StrEnum):
    """What came of a time of the schedule, or of a count that was reached."""

    MADE = "made"
    UNCHANGED = "unchanged"
    EMPTY = "empty"
    BUSY = "busy"
    REFUSED = "refused"


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a schedule is judged by.

    `is_due`: a time of it has come. `fresh` records have come since the last snapshot that is of use, as far as they
    have been read: `is_read` tells whether that is all. `is_other`: that snapshot was of another definition. `rests`:
    one failed or was stopped a short while ago.
    """

    is_due: bool
    new_records: int | None
    fresh: int
    is_read: bool
    has_made: bool
    is_making: bool
    is_other: bool
    rests: bool


def judge(facts: Facts) -> Outcome | None:
    """Tell what is to become of a schedule now; None where nothing is, or where more must be read to know."""
    if facts.is_making:
        return Outcome.BUSY if facts.is_due else None
    is_enough = facts.new_records is not None and facts.fresh >= facts.new_records and not facts.rests
    if is_enough or (facts.is_due and (facts.fresh > 0 or (facts.has_made and facts.is_other))):
        return Outcome.MADE
    if not facts.is_due or not facts.is_read:
        return None
    return Outcome.UNCHANGED if facts.has_made else Outcome.EMPTY


def next_after(schedule: Schedule, at: datetime) -> datetime | None:
    """Give the first time of a schedule after an instant, in UTC; None where it has none."""
    if not schedule.cron or schedule.paused:
        return None
    found = next(CronSim(schedule.cron, at.astimezone(ZoneInfo(schedule.timezone))), None)
    return None if found is None else found.astimezone(UTC)


def faults_of(schedule: Schedule, zones: Collection[str], at: datetime) -> list[FieldError]:
    """List what keeps a schedule from being one, with the places."""
    faults: list[FieldError] = []
    if schedule.timezone not in zones:
        faults.append(FieldError("timezone", say("is no time zone; write it like Europe/Berlin (IANA)")))
    if schedule.cron:
        if fault := _fault_of(schedule.cron, at):
            faults.append(FieldError("cron", fault))
    elif schedule.new_records is None:
        faults.append(FieldError("cron", say("is missing, and so is `new_records`: one of them says when")))
    return faults


def _fault_of(cron: str, at: datetime) -> Sentence | None:
    """Say what is wrong with the five fields."""
    fields = cron.split()
    if len(cron) > MOST_CRON or not cron.isascii():
        return say("is longer than %(most)s plain characters", most=MOST_CRON)
    if len(fields) != 5:
        return say(
            "has %(count)s fields and not five: minute, hour, day of the month, month, day of the week",
            count=len(fields),
        )
    for place, text in enumerate(fields):
        alone = ["*"] * 5
        alone[place] = text
        if not _can_be(" ".join(alone), at):
            return _said(place, repr(text))
    return None if _can_be(cron, at) else say("names a day that no month of it has")


def _can_be(cron: str, at: datetime) -> bool:
    try:
        return next(CronSim(cron, at.astimezone(UTC)), None) is not None
    except (CronSimError, AssertionError, TypeError, ValueError, OverflowError):
        return False


def _said(place: int, text: str) -> Sentence:
    match place:
        case 0:
            return say("has %(text)s as its first field, which is no minute from 0 to 59", text=text)
        case 1:
            return say("has %(text)s as its second field, which is no hour from 0 to 23", text=text)
        case 2:
            return say("has %(text)s as its third field, which is no day of the month from 1 to 31 or L", text=text)
        case 3:
            return say("has %(text)s as its fourth field, which is no month from 1 to 12 or jan to dec", text=text)
        case _:
            return say(
                "has %(text)s as its fifth field, which is no day of the week from 0 to 7 or sun to sat", text=text
            )
