"""Why something is due when it is, in sentences."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from review.sla.calendars import WEEKDAYS, Calendar, describe_day, working_between

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
NAMED_DAYS = 3  # more closed days than that are counted
TOLD_DAYS = 60  # between arrival and due time; for longer the sentence says no more than both

_DAY = timedelta(days=1)


def duration(amount: timedelta) -> str:
    """Say a length of time: `1 d 2 h`, `4 h`, `1 h 30 min`, `35 min`, `20 s`, to the second."""
    seconds = round(amount.total_seconds())
    parts: list[str] = []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts) or "less than a second"


def working(amount: timedelta) -> str:
    """Say a length of working time, in which a day is no unit: `26 h`."""
    seconds = round(amount.total_seconds())
    hours = f"{seconds // 3600} h" if seconds >= 3600 else ""
    rest = timedelta(seconds=seconds % 3600)
    return f"{hours} {duration(rest)}".strip() if rest or not hours else hours


def target(policy: str, amount: timedelta, calendar: Calendar | None, at_least: int | None, priority: int) -> str:
    """Say what the policy gives; `at_least` where that is for the item's priority."""
    given = f"{duration(amount)}, night and day"
    if calendar is not None:
        given = f"{working(amount)} of working time of calendar {calendar.name}"
    told = f"Policy {policy} gives {given}"
    return (
        f"{told}, as it arrived with priority {priority} ({at_least} or more)." if at_least is not None else told + "."
    )


def arrival(started: datetime, due: datetime, calendar: Calendar | None, zone: Calendar | None) -> str:
    """Say how the target runs from arrival to due time; times as in the calendar's zone, UTC without one."""
    told, until = f"It arrived {moment(started, zone)}", f"so it is due {moment(due, zone, shown=False)}."
    if calendar is None:
        return f"{told}, {until}"
    local = ZoneInfo(calendar.timezone)
    first, last = started.astimezone(local), due.astimezone(local)
    if first.date() == last.date():
        return f"{told}, {until}"
    ends = datetime(first.year, first.month, first.day, tzinfo=local) + _DAY
    counted = working_between(calendar, started, ends)
    parts = [f"{working(counted)} of that day counted" if counted else "when no working time of that day was left"]
    if (last.date() - first.date()).days <= TOLD_DAYS:
        parts += _closed(calendar, first.date(), last.date())
    joined = ", ".join(parts)
    return f"{told}{'; ' if counted else ', '}{joined}, {until}"


def exhausted(calendar: Calendar, due: datetime) -> str:
    """Say that a calendar has not enough working time."""
    return f"Calendar {calendar.name} has not that much working time, so it is due {moment(due, calendar)}."


def paused(since: datetime, until: datetime | None, reason: str, zone: Calendar | None) -> str:
    """Say that the clock stood still, or does."""
    because = f": {reason.rstrip('.')}" if reason else ""
    if until is None:
        return f"Paused since {moment(since, zone)}{because}; the clock stands still until it is resumed."
    return f"Paused {duration(max(until - since, timedelta(0)))} from {moment(since, zone)}{because}."


def moved(due: datetime, zone: Calendar | None) -> str:
    """Say when it is due after the pauses."""
    return f"No time passed in a pause, so it is due {moment(due, zone, shown=False)}."


def no_policy() -> str:
    """Say that only upstream sets the time."""
    return "No SLA policy sets a time."


def asked_by(asked: datetime, started: datetime, zone: Calendar | None, *, is_sooner: bool) -> str:
    """Say that upstream's own deadline counts; `is_sooner` where it does instead of the policy's."""
    if asked <= started:
        return f"Upstream asked for an answer by {moment(asked, zone)}, before it arrived, so it is due at once."
    return f"Upstream asked for an answer by {moment(asked, zone)}{', which is sooner' if is_sooner else ''}."


def moment(instant: datetime, zone: Calendar | None, *, shown: bool = True) -> str:
    """Say an instant on a calendar's wall, in UTC without one: `Friday 20 November 2026 16:50 (Europe/Berlin)`."""
    name = zone.timezone if zone is not None else "UTC"
    local = instant.astimezone(ZoneInfo(name))
    seconds = f":{local.second:02}" if local.second else ""
    told = f"{day(local.date())} {local.year} {local.hour:02}:{local.minute:02}{seconds}"
    return f"{told} ({name})" if shown else told


def day(given: date) -> str:
    """Say a day: `Friday 20 November`."""
    return f"{WEEKDAYS[given.weekday()]} {given.day} {MONTHS[given.month - 1]}"


def _closed(calendar: Calendar, first: date, last: date) -> list[str]:
    """Name what was closed after the first day and up to the last: weekdays by their names, other days with why."""
    weekly: dict[str, None] = {}
    single: list[str] = []
    each = first + _DAY
    while each <= last:
        why = describe_day(calendar, each)
        if why == f"closed: {WEEKDAYS[each.weekday()]}":
            weekly[WEEKDAYS[each.weekday()]] = None
        elif why.startswith("closed"):
            single.append(f"{day(each)} is {why}")
        each += _DAY
    told = [f"{_listed([*weekly])} {'is' if len(weekly) == 1 else 'are'} closed"] if weekly else []
    more = len(single) - NAMED_DAYS
    counted = [f"{more} more {'day is' if more == 1 else 'days are'} closed"] if more > 0 else []
    return [*told, *single[:NAMED_DAYS], *counted]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
