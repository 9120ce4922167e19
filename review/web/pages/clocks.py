"""The clocks page: when people work, how long they have, what happens as time passes, and a preview of it all."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from litestar import get
from litestar.params import FromQuery
from litestar.response import Template

from review.configuration.rules import ProjectConfig
from review.identity.rules import Permission
from review.kernel.clock import utc_now
from review.sla.calendars import Calendar, Span, describe_day
from review.sla.ladders import Ladder
from review.sla.rules import SlaPolicy
from review.web.guards import requires
from review.web.pages import ladders, retold, words
from review.web.pages.previews import preview
from review.web.pages.work import WORK, InHand
from review.web.words.catalogue import gettext

AHEAD_DAYS = 366
MOST_DAYS = 60


@dataclass(frozen=True, slots=True)
class DayRow:
    """A weekday: its hours in words, and as spans of minutes for the picture."""

    name: str
    spans: tuple[Span, ...]
    is_today: bool


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """A day that is not as the week would have it."""

    at: date
    on: str
    said: str
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarView:
    """A calendar as the page shows it."""

    name: str
    timezone: str
    now: str
    week: list[DayRow]
    regions: str
    special: list[SpecialDay]
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyView:
    """A policy as the page shows it, with the rules that use it."""

    name: str
    sentences: list[str]
    calendar: str
    ladder: str
    used_by: list[str]


@dataclass(frozen=True, slots=True)
class LadderView:
    """A ladder: its steps as `when` and `what`."""

    name: str
    steps: list[tuple[str, str]]


@get("/p/{project:str}/clocks", opt=requires(Permission.READ_ITEMS), dependencies=WORK)
async def clocks_page(
    work: InHand, policy: FromQuery[str] = "", at: FromQuery[str] = "", priority: FromQuery[str] = ""
) -> Template:
    """Show calendars, policies and ladders, and when an item would be due that arrives as the address says."""
    config, now = work.config, utc_now()
    policies = list(config.sla_policies.values())
    return work.page(
        "clocks.html",
        here="Clocks",
        calendars=[_calendar(each, now) for each in config.calendars.values()],
        policies=[_policy(each, config) for each in policies],
        ladders=[_ladder(each) for each in config.ladders.values()],
        preview=preview(config, policy[:100], at[:40], priority[:10], now),
    )


def _calendar(calendar: Calendar, now: datetime) -> CalendarView:
    here = now.astimezone(ZoneInfo(calendar.timezone))
    today = here.date()
    special = _special(calendar, today)
    return CalendarView(
        name=calendar.name,
        timezone=calendar.timezone,
        now=gettext("%(weekday)s %(time)s", weekday=words.weekday(here.weekday()), time=here.strftime("%H:%M")),
        week=[DayRow(words.weekday(at), spans, at == today.weekday()) for at, spans in enumerate(calendar.week)],
        regions=", ".join(calendar.holidays),
        special=special[:MOST_DAYS],
        has_more=len(special) > MOST_DAYS,
    )


def _special(calendar: Calendar, today: date) -> list[SpecialDay]:
    """List the days of the next twelve months that are not as the week has them."""
    found: list[SpecialDay] = []
    for ahead in range(AHEAD_DAYS):
        day = today + timedelta(days=ahead)
        said = describe_day(calendar, day)
        is_open = said.startswith("open")
        usual = calendar.week[day.weekday()]
        if day in calendar.opened or (not is_open and usual):
            found.append(SpecialDay(day, words.day(day), retold.clock(said, [calendar]), is_open))
    return found


def _policy(policy: SlaPolicy, config: ProjectConfig) -> PolicyView:
    return PolicyView(
        name=policy.name,
        sentences=ladders.policy_sentences(policy),
        calendar=policy.calendar.name if policy.calendar else "",
        ladder=policy.ladder.name if policy.ladder else "",
        used_by=[rule.name for rule in config.ruleset.rules if rule.sla_policy == policy.name],
    )


def _ladder(ladder: Ladder) -> LadderView:
    return LadderView(
        ladder.name,
        [
            (gettext("After %(time)s", time=ladders.share_or_time(step.after)), ladders.step_sentence(step))
            for step in ladder.steps
        ],
    )
