"""How long is left of a case, in words for people and in numbers for the script that keeps the words true."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup

from review.queueing.due import RunningClock
from review.routing.rules import DEFAULT_PRIORITY
from review.sla.calendars import Calendar, open_periods, working_between
from review.sla.rules import SlaPolicy, targets_of
from review.web.content import visible
from review.web.pages import words
from review.web.pages.views import Countdown
from review.web.words.catalogue import gettext, ngettext

MOST_PERIODS = 6  # a page that stays open longer than these still counts right, and no longer tells when it stops
AHEAD = timedelta(days=35)
A_DAY = timedelta(days=1)
NEVER_CLOSES = timedelta(days=14)  # a place that stays open for so long is told of as one that does

Period = tuple[datetime, datetime]


@dataclass(frozen=True)
class Hours:
    """The next working periods of calendars as of one moment, worked out once for all rows of a page."""

    now: datetime
    _known: dict[int, tuple[Calendar, list[Period]]] = field(default_factory=dict[int, tuple[Calendar, list[Period]]])

    def next_of(self, calendar: Calendar) -> list[Period]:
        """Give the next periods, the first of them cut at now if the place is open."""
        known = self._known.get(id(calendar))
        if known is None:
            found = open_periods(calendar, self.now, self.now + AHEAD)[: MOST_PERIODS + 1]
            known = self._known[id(calendar)] = (calendar, found)  # held, so that the id stays this calendar's
        return known[1]


def show(clock: RunningClock, policy: SlaPolicy | None, hours: Hours) -> Countdown:
    """Show a case's clock as of now."""
    calendar = calendar_of(policy, clock.arrived)
    if clock.paused_at is not None:
        return _paused(clock, clock.paused_at, calendar)
    left = between(calendar, hours.now, clock.due_at)
    soon = words.SOON if clock.warn_at is None else between(calendar, clock.warn_at, clock.due_at)
    told = Countdown(
        due_at=clock.due_at,
        said=words.countdown(left, is_soon=left <= soon),
        tone="bad" if left <= timedelta() else "warn" if left <= soon else "plain",
        soon=int(soon.total_seconds()),
    )
    if calendar is None:
        return told
    periods = hours.next_of(calendar)
    if periods and periods[0][0] <= hours.now and periods[0][1] - hours.now > NEVER_CLOSES:
        return told
    return _in_hours(told, left, periods, hours.now, calendar)


def calendar_of(policy: SlaPolicy | None, arrived: int | None) -> Calendar | None:
    """Give the calendar that the decide target counts by; None if it runs night and day."""
    if policy is None:
        return None
    _, target, _ = targets_of(policy, DEFAULT_PRIORITY if arrived is None else arrived)
    return None if target.is_elapsed else policy.calendar


def between(calendar: Calendar | None, start: datetime, end: datetime) -> timedelta:
    """Give the time from one moment to another as the calendar counts it; negative if the other comes first."""
    if calendar is None:
        return end - start
    return working_between(calendar, start, end) if end > start else -working_between(calendar, end, start)


def _paused(clock: RunningClock, since: datetime, calendar: Calendar | None) -> Countdown:
    left = between(calendar, since, clock.due_at)
    said = (
        gettext("%(time)s left", time=words.duration(left))
        if left > timedelta()
        else words.countdown(left, is_soon=True)
    )
    who = (clock.paused_by or "").partition("@")[0]
    because = visible(clock.paused_because or gettext("no reason given"))
    return Countdown(
        due_at=clock.due_at,
        said=gettext("paused, %(clock)s", clock=said),
        note=Markup("{} ({})").format(because, visible(who)) if who else because,
        tone="paused",
        is_still=True,
    )


def _in_hours(told: Countdown, left: timedelta, periods: list[Period], now: datetime, calendar: Calendar) -> Countdown:
    shown = [[int(begin.timestamp()), int(end.timestamp())] for begin, end in periods[:MOST_PERIODS]]
    return Countdown(
        due_at=told.due_at,
        said=told.said,
        tone=told.tone,
        soon=told.soon,
        note=_note(left, periods, now, ZoneInfo(calendar.timezone)),
        left=int(left.total_seconds()),
        open=str(shown) if shown else "",
        is_still=not shown,
    )


def _note(left: timedelta, periods: list[Period], now: datetime, zone: ZoneInfo) -> str:
    """Say when the clock stops next, if it is not due before, or until when it stands."""
    if not periods:
        return ngettext("stopped for more than %(num)s day", "stopped for more than %(num)s days", AHEAD.days)
    begin, end = periods[0]
    if begin > now:
        named = begin.astimezone(zone).tzname()
        return gettext("stopped until %(time)s %(zone)s", time=words.hour(begin, zone, with_day=True), zone=named)
    if len(periods) == 1 or timedelta() < left <= end - now:
        return ""
    again, far = periods[1][0], periods[1][0] - end >= A_DAY
    stops, goes = words.hour(end, zone, with_day=far), words.hour(again, zone, with_day=far)
    named = end.astimezone(zone).tzname()
    return gettext("clock stops %(stops)s–%(goes)s %(zone)s", stops=stops, goes=goes, zone=named)
