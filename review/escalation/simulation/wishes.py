"""What somebody asks to have played, as they write it: `400/day`, `triage=4@berlin`, `triage:standard@80=20`; no I/O.

Each reader raises ValueError with what is wrong in words; whoever called it knows the place.
"""

import math
import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from zoneinfo import ZoneInfo

import msgspec

from review.configuration.rules import ProjectConfig
from review.escalation.simulation.scenario import (
    FLAT,
    MAX_ARRIVALS,
    MAX_PEOPLE,
    Handling,
    Rate,
    Seen,
    Stream,
)
from review.kernel.durations import parse_duration
from review.routing.rules import DEFAULT_PRIORITY, Rule
from review.sla.calendars import Span

MAX_SPREAD = 100.0
_RATE = re.compile(r"^([0-9]{1,9}(?:\.[0-9]{1,6})?)/(day|hour)\Z")
_CREW = re.compile(r"^(?P<pool>[^=@]+)=(?P<people>[0-9]{1,9})(?:@(?P<hours>.+))?\Z")
_STREAM = re.compile(
    r"^(?P<pool>[^=@:]+)(?::(?P<policy>[^=@:]+))?(?:@(?P<priority>[0-9]{1,9}))?=(?P<share>[0-9.]{1,12})%?\Z"
)
_SPAN = re.compile(r"^([0-9]{1,2}):([0-9]{2})-([0-9]{1,2}):([0-9]{2})\Z")


class WantedCrew(msgspec.Struct, frozen=True):
    """People of a pool with their hours as asked for: a calendar's name, spans of every day, or None for neither."""

    pool: str
    people: int
    hours: str | tuple[Span, ...] | None = None


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be played, as far as somebody has said; None and empty leave it to the defaults."""

    arrivals: Rate | tuple[Seen, ...] | None = None
    mix: tuple[Stream, ...] = ()
    handling: Handling | None = None
    crews: tuple[WantedCrew, ...] = ()
    on: date | datetime | None = None
    days: int | None = None
    zone: ZoneInfo | None = None
    seed: int | None = None

    def over(self, other: "Wishes") -> "Wishes":
        """Give both, where what is said here goes before what is said there."""
        said = {name: getattr(self, name) for name in self.__struct_fields__}
        return msgspec.structs.replace(other, **{name: each for name, each in said.items() if each not in (None, ())})


def read_rate(text: str) -> Rate | None:
    """Read how many arrive, or give None for what is no rate at all; by the hour means the same by night and day."""
    found = _RATE.match(text)
    if found is None:
        return None
    count = float(found[1]) * (24 if found[2] == "hour" else 1)
    checked(count, 0, MAX_ARRIVALS, "arrivals a day")
    return Rate(per_day=count, profile=FLAT) if found[2] == "hour" else Rate(per_day=count)


def read_crew(text: str, config: ProjectConfig) -> WantedCrew:
    """Read `POOL=PEOPLE`, with `@CALENDAR` or `@09:00-17:30` behind it for their hours."""
    found = _CREW.match(text)
    if found is None:
        message = f"{text!r} is no staffing; write it like triage=4, triage=4@berlin or triage=4@09:00-17:30"
        raise ValueError(message)
    people = int(checked(int(found["people"]), 0, MAX_PEOPLE, "people"))
    return WantedCrew(known(found["pool"], config.pools, "pool"), people, read_hours(found["hours"], config))


def read_hours(text: str | None, config: ProjectConfig) -> str | tuple[Span, ...] | None:
    """Read the name of a calendar, or hours of every day, several joined by `+`; they may go over midnight."""
    if text is None:
        return None
    if not text[:1].isdigit() or ":" not in text:
        return known(text, config.calendars, "calendar")
    return in_order(span for part in text.split("+") for span in _spans(part.strip()))


def in_order(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Give spans in their order, overlapping ones joined."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.opens <= found[-1].closes:
            found[-1] = Span(found[-1].opens, max(found[-1].closes, span.closes))
        else:
            found.append(span)
    return tuple(found)


def read_streams(text: str, config: ProjectConfig) -> tuple[Stream, ...]:
    """Read `POOL:POLICY@PRIORITY=SHARE`, several parted by blanks or commas; policy and priority may be left out."""
    found = tuple(_stream(part, config) for part in re.split(r"[\s,]+", text.strip()) if part)
    if not found:
        message = "says nothing; write it like triage:standard=80 seniors@80=20"
        raise ValueError(message)
    return found


def stream_of(
    config: ProjectConfig, pool: str, policy: str | None, priority: int | None, share: float, reviews: int | None = None
) -> Stream:
    """Make a stream of items; what is not said is as in the first rule that sends such items to the pool."""
    rule = _rule_for(config, pool, policy, priority)
    if rule is not None:
        policy = rule.sla_policy if policy is None else policy
        priority = rule.priority if priority is None else priority
        reviews = rule.reviews_required if reviews is None else reviews
    return Stream(
        pool=pool,
        policy=policy,
        priority=DEFAULT_PRIORITY if priority is None else priority,
        share=share,
        reviews=1 if reviews is None else reviews,
    )


def read_handling(median: str, spread: float | None = None) -> Handling:
    """Read how long a review takes."""
    length = parse_duration(median)
    checked(length / timedelta(days=1), 0, 30, "days of handling")
    if spread is None:
        return Handling(length)
    return Handling(length, checked(spread, 1.0, MAX_SPREAD, "spread"))


def read_day(text: str) -> date | datetime:
    """Read a day, or a moment of a day."""
    try:
        return date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(text)
    except ValueError as fault:
        message = f"{text!r} is no day; write it like 2026-11-23 or 2026-11-23T08:00"
        raise ValueError(message) from fault


def read_zone(text: str) -> ZoneInfo:
    """Read the name of a time zone."""
    try:
        return ZoneInfo(text)
    except (LookupError, ValueError, OSError) as fault:  # some names are those of directories
        message = f"{text!r} is no time zone; write it like Europe/Berlin"
        raise ValueError(message) from fault


def known(name: str, names: Iterable[str], what: str) -> str:
    """Check that there is something of that name."""
    there = list(names)
    if name in there:
        return name
    close = get_close_matches(name, there, n=1)
    among = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(there[:12]) or 'none'}"
    message = f"{name!r} is no {what}; {among}"
    raise ValueError(message)


def checked(value: float, low: float, high: float, what: str) -> float:
    """Check that a number lies within bounds."""
    if not math.isfinite(value) or not low <= value <= high:
        message = f"{value:g} is not from {low:g} to {high:g} ({what})"
        raise ValueError(message)
    return value


def _stream(text: str, config: ProjectConfig) -> Stream:
    found = _STREAM.match(text)
    try:
        share = float(found["share"]) if found is not None else math.nan
    except ValueError:
        share = math.nan
    if found is None or math.isnan(share):
        message = f"{text!r} is no part of a mix; write it like triage=80, triage:standard=80 or triage:standard@80=20"
        raise ValueError(message)
    policy = known(found["policy"], config.sla_policies, "SLA policy") if found["policy"] else None
    priority = int(checked(int(found["priority"]), 0, 100, "priority")) if found["priority"] else None
    return stream_of(config, known(found["pool"], config.pools, "pool"), policy, priority, share)


def _rule_for(config: ProjectConfig, pool: str, policy: str | None, priority: int | None) -> Rule | None:
    for rule in config.ruleset.rules:
        asked = ((pool, rule.pool), (policy, rule.sla_policy), (priority, rule.priority))
        if all(wanted is None or wanted == given for wanted, given in asked):
            return rule
    return None


def _spans(text: str) -> list[Span]:
    found = _SPAN.match(text)
    hours = [int(each) for each in found.groups()] if found is not None else [99] * 4
    opens, closes = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
    if found is None or max(opens, closes) > 1440 or max(hours[1], hours[3]) > 59 or opens == closes:
        message = f"{text!r} are no hours; write them like 09:00-17:30, 22:00-06:00 or 09:00-12:00+13:00-17:30"
        raise ValueError(message)
    if opens < closes:
        return [Span(opens, closes)]
    return [span for span in (Span(0, closes), Span(opens, 1440)) if span.opens < span.closes]
