"""When a notification leaves: digests and quiet hours in somebody's own time; pure, no I/O."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from review.configuration.outlets import Quiet
from review.delivery.notifications.schemas import AT_ONCE, Kind, Manner

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
A_MINUTE, A_DAY = timedelta(minutes=1), timedelta(days=1)
MINUTES_OF_A_DAY = 24 * 60


def zone_of(name: str) -> ZoneInfo | None:
    """Give a time zone by its IANA name, or None where there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):  # odd names are read as paths
        return None


def send_after(now: datetime, kind: Kind, manner: Manner) -> datetime:
    """Tell when something may leave that is known at `now`: first the digest's time, then the end of quiet hours.

    A zone that is not known counts as UTC, for being told at the wrong hour is better than never.
    """
    if kind in AT_ONCE:
        return now
    leaves = now
    if manner.daily_at is not None:
        leaves = _daily(now, manner.daily_at, manner.timezone)
    elif manner.digest is not None and manner.digest > timedelta():
        leaves = EPOCH + -(-(now - EPOCH) // manner.digest) * manner.digest
    return leaves if manner.quiet is None else quiet_end(leaves, manner.quiet)


def is_quiet(at: datetime, quiet: Quiet) -> bool:
    """Tell whether a moment lies in quiet hours; the end is not part of them, and equal ends mean none."""
    local = at.astimezone(zone_of(quiet.timezone) or UTC)
    minute = local.hour * 60 + local.minute
    if quiet.begins <= quiet.ends:
        return quiet.begins <= minute < quiet.ends
    return minute >= quiet.begins or minute < quiet.ends


def quiet_end(at: datetime, quiet: Quiet) -> datetime:
    """Give the moment itself, or the first full minute after it outside quiet hours, whatever the clocks do."""
    return _walk(at.replace(second=0, microsecond=0), quiet) if is_quiet(at, quiet) else at


@lru_cache(maxsize=4096)
def _walk(minute: datetime, quiet: Quiet) -> datetime:
    """Look minute by minute: the wall clock may jump or repeat anywhere, and no shortcut is right over all of that."""
    for _ in range(2 * MINUTES_OF_A_DAY):
        if not is_quiet(minute, quiet):
            break
        minute += A_MINUTE
    return minute


def _daily(now: datetime, minute: int, timezone: str) -> datetime:
    """Give the next time the wall clock shows a minute of the day; in a gap later, in a fold the first time."""
    zone = zone_of(timezone) or UTC
    today = now.astimezone(zone).date()
    for days in range(3):
        day = today + days * A_DAY
        at = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=zone).astimezone(UTC)
        if at >= now:
            return at
    return now + A_DAY  # a zone that skipped a date; not reached with those there are
