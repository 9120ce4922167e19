"""The preview of a clock: what would become of an item that arrived at some moment, from a form that is a link."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from review.configuration.rules import ProjectConfig
from review.routing.rules import DEFAULT_PRIORITY
from review.sla.rules import Facts, SlaPolicy, run
from review.web.pages import ladders, retold, words
from review.web.words.catalogue import gettext

YEARS = range(2000, 2101)  # beyond them no holiday is known
FORM = "%Y-%m-%dT%H:%M"


@dataclass(frozen=True, slots=True)
class MarkRow:
    """One moment of a previewed clock."""

    title: str
    at: datetime
    local: str
    sentence: str


@dataclass(slots=True, kw_only=True)
class Preview:
    """The preview form as filled in, what is wrong with it by field, and what comes of it."""

    policy: str
    at: str
    priority: str
    zone: str
    errors: dict[str, str] = field(default_factory=dict[str, str])
    sentence: str = ""
    because: tuple[str, ...] = ()
    marks: list[MarkRow] = field(default_factory=list[MarkRow])


def preview(config: ProjectConfig, policy: str, at: str, priority: str, now: datetime) -> Preview:
    """Work out when an item would be due; `at` is by the wall clock of the policy's calendar, UTC without one.

    An empty form is shown filled with the first policy, and nothing is worked out.
    """
    chosen = config.sla_policies.get(policy)
    shown = chosen or next(iter(config.sla_policies.values()), None)
    zone = ZoneInfo(zone_of(shown))
    made = Preview(policy=policy, at=at, priority=priority or str(DEFAULT_PRIORITY), zone=zone.key)
    if not (policy or at):
        made.policy = shown.name if shown else ""
        made.at = now.astimezone(zone).strftime(FORM)
        return made
    if chosen is None:
        made.errors["policy"] = gettext("There is no such policy. Choose one of those listed.")
    arrives = _moment(at, zone)
    if arrives is None:
        made.errors["at"] = gettext(
            "Write a date and time of %(first)s to %(last)s, such as 2026-11-20T16:50.", first=YEARS[0], last=YEARS[-1]
        )
    urgency = _priority(made.priority)
    if urgency is None:
        made.errors["priority"] = gettext("Write a whole number from 0 to 100.")
    if chosen is not None and arrives is not None and urgency is not None:
        _fill(made, chosen, Facts(started_at=arrives, priority=urgency), zone)
    return made


def zone_of(policy: SlaPolicy | None) -> str:
    """Name the time zone in which a policy's times are told."""
    return policy.calendar.timezone if policy is not None and policy.calendar is not None else "UTC"


def _fill(made: Preview, policy: SlaPolicy, facts: Facts, zone: ZoneInfo) -> None:
    clock = run(policy, facts)
    if clock is None:
        return
    arrives, due = (words.local(each, zone) for each in (facts.started_at, clock.due_at))
    made.sentence = gettext("An item arriving %(arrives)s is due %(due)s", arrives=arrives, due=due)
    calendars = [policy.calendar] if policy.calendar else []
    made.because = tuple(retold.clock(each, calendars) for each in clock.because)
    made.marks = [
        MarkRow(
            ladders.mark_title(mark.key), mark.at, words.brief(mark.at, zone), ladders.mark_sentence(mark.key, policy)
        )
        for mark in clock.marks
    ]


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    """Read a wall time; one that a change of the clocks leaves out moves forward, of one that comes twice the first."""
    try:
        wall = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if wall.year not in YEARS:
        return None
    return (wall if wall.tzinfo else wall.replace(tzinfo=zone)).astimezone(UTC)


def _priority(text: str) -> int | None:
    text = text.strip()
    known = text.isascii() and text.isdigit() and len(text) <= 3
    return int(text) if known and int(text) <= 100 else None
