"""From a project's configuration and what somebody asks for to a scenario, with every assumption said; no I/O."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from review.configuration.rules import ProjectConfig
from review.escalation.simulation.scenario import MAX_DAYS, Crew, Handling, Rate, Scenario, Seen, Stream
from review.escalation.simulation.wishes import WantedCrew, Wishes, stream_of
from review.sla.calendars import Calendar, Span

DEFAULT_RATE = Rate(per_day=400)
DEFAULT_HANDLING = Handling(timedelta(minutes=2))
_DAY = timedelta(days=1)
_NINE_TO_HALF_PAST_FIVE = (Span(540, 1050),)
_LAST = date(9000, 1, 1)  # later days may lie beyond what an instant can hold


class NotEnoughSaid(ValueError):
    """What was asked for cannot be played as it is; the sentence says what to add."""


def compose(config: ProjectConfig, wishes: Wishes, today: date) -> Scenario:
    """Make a scenario; `today` only matters where no day is named: then it is the Monday after.

    Raises:
        NotEnoughSaid: nobody works, or the days are not among those of the history.
    """
    assumed: list[str] = []
    zone = zone_of(config, wishes)
    start, end = _days(wishes, zone, today, assumed)
    crews = _crews(config, wishes, zone, assumed)
    arrivals = wishes.arrivals
    if arrivals is None:
        arrivals = DEFAULT_RATE
        assumed.append(f"{DEFAULT_RATE.per_day:g} items arrive a day, most between 8:00 and 17:00.")
    elif not isinstance(arrivals, Rate):
        arrivals = _within(arrivals, start, end, assumed)
    streams = wishes.mix or _streams(config, crews, assumed)
    streams = _with_pools_of(config, arrivals, streams)
    if not any(each.share > 0 for each in streams):
        message = "Every share of the mix is 0, so nothing can arrive. Give one a share, such as triage=80."
        raise NotEnoughSaid(message)
    handling = wishes.handling
    if handling is None:
        handling = DEFAULT_HANDLING
        assumed.append("A review takes 2 minutes: half take less, two thirds from 1 to 4.")
    return Scenario(
        project=config.project,
        start=start,
        end=end,
        zone=zone,
        arrivals=arrivals,
        streams=streams,
        handling=handling,
        crews=crews,
        pools=tuple(config.pools),
        policies=config.sla_policies,
        channels=frozenset(config.channels),
        seed=1 if wishes.seed is None else wishes.seed,
        assumed=tuple(assumed),
    )


def zone_of(config: ProjectConfig, wishes: Wishes) -> ZoneInfo:
    """Give the zone that people and profiles live in: as asked for, else that of the first calendar, else UTC."""
    if wishes.zone is not None:
        return wishes.zone
    calendar = next(iter(config.calendars.values()), None)
    return ZoneInfo(calendar.timezone if calendar is not None else "UTC")


def _days(wishes: Wishes, zone: ZoneInfo, today: date, assumed: list[str]) -> tuple[datetime, datetime]:
    """Give the first and the last instant, in UTC: from a midnight, or the moment asked for, to a midnight."""
    history = wishes.arrivals if isinstance(wishes.arrivals, tuple) else ()
    first, days = wishes.on, wishes.days or 1
    if first is None and history:
        first = min(each.at for each in history).astimezone(zone).date()
        if wishes.days is None:
            last = max(each.at for each in history).astimezone(zone).date()
            days = min((last - first).days + 1, MAX_DAYS)
    elif first is None:
        first = today + timedelta(days=7 - today.weekday())
        assumed.append(f"It is {first:%A}, {first}, the Monday after today.")
    begins = first if isinstance(first, datetime) else datetime.combine(first, time())
    begins = begins.replace(tzinfo=zone) if begins.tzinfo is None else begins.astimezone(zone)
    if not date(1900, 1, 1) <= begins.date() < _LAST:
        message = f"{begins.date()} is too far away to be played."
        raise NotEnoughSaid(message)
    ends = datetime.combine(begins.date() + days * _DAY, time(), zone)
    start, end = begins.astimezone(UTC), ends.astimezone(UTC)
    if end <= start:
        message = f"There was no {begins.date()} in {zone.key}."
        raise NotEnoughSaid(message)
    return start, end


def _crews(config: ProjectConfig, wishes: Wishes, zone: ZoneInfo, assumed: list[str]) -> tuple[Crew, ...]:
    asked: dict[str, list[WantedCrew]] = {name: [] for name in config.pools}
    for crew in wishes.crews:
        asked[crew.pool].append(crew)
    if not wishes.crews and not any(pool.members for pool in config.pools.values()):
        names = " ".join(f"--staff {name}=4" for name in list(config.pools)[:3])
        message = f"The configuration names no members, so say who works: {names}"
        raise NotEnoughSaid(message)
    for name, crews in asked.items():
        if not crews:
            people = len(config.pools[name].members)
            crews.append(WantedCrew(name, people))
            told = f"{people} of {name} work, the pool's members" if people else f"Nobody works in {name}"
            assumed.append(f"{told}, for no staffing of it was given.")
    unsaid = [name for name, crews in asked.items() if any(crew.people and crew.hours is None for crew in crews)]
    assumed += [f"People of {name} work {_told(_default_hours(config, name, zone))}." for name in unsaid]
    return tuple(_crew(config, each, zone) for crews in asked.values() for each in crews)


def _crew(config: ProjectConfig, wanted: WantedCrew, zone: ZoneInfo) -> Crew:
    if isinstance(wanted.hours, str):
        return Crew(wanted.pool, wanted.people, config.calendars[wanted.hours])
    if wanted.hours is None:
        return Crew(wanted.pool, wanted.people, _default_hours(config, wanted.pool, zone))
    hours = Calendar(name="", timezone=zone.key, week=(wanted.hours,) * 7)
    return Crew(wanted.pool, wanted.people, hours)


def _default_hours(config: ProjectConfig, pool: str, zone: ZoneInfo) -> Calendar:
    """Give the calendar of the first policy that rules set for the pool, or any, or ordinary office hours."""
    policies = [
        config.sla_policies[rule.sla_policy] for rule in config.ruleset.rules if rule.pool == pool and rule.sla_policy
    ]
    for policy in policies:
        if policy.calendar is not None:
            return policy.calendar
    for calendar in config.calendars.values():
        return calendar
    week = tuple(_NINE_TO_HALF_PAST_FIVE if day < 5 else () for day in range(7))
    return Calendar(name="", timezone=zone.key, week=week)


def _told(hours: Calendar) -> str:
    return f"by calendar {hours.name}" if hours.name else f"Monday to Friday 09:00-17:30 ({hours.timezone})"


def _streams(config: ProjectConfig, crews: tuple[Crew, ...], assumed: list[str]) -> tuple[Stream, ...]:
    """Part what arrives among the pools that rules name, by how many people each has, and within them by samples."""
    rules = [rule for rule in config.ruleset.rules if rule.action == "review" and rule.pool is not None]
    people: Counter[str] = Counter()
    for crew in crews:
        people[crew.pool] += crew.people
    named = dict.fromkeys(rule.pool for rule in rules if rule.pool is not None)
    sums = {pool: sum(rule.sample for rule in rules if rule.pool == pool) for pool in named}
    weights = {pool: people[pool] for pool in named} if any(people[pool] for pool in named) else dict.fromkeys(named, 1)
    found = [
        msgspec.structs.replace(
            stream_of(config, rule.pool, rule.sla_policy, rule.priority, 0.0, rule.reviews_required),
            policy=rule.sla_policy,
            share=weights[rule.pool] * rule.sample / sums[rule.pool],
        )
        for rule in rules
        if rule.pool is not None
    ]
    if not found:
        found = [stream_of(config, config.default_pool, None, None, 1.0)]
    whole = sum(each.share for each in found)
    told = ", ".join(f"{_label(each)} {each.share / whole:.1%}" for each in found)
    assumed.append(f"The mix follows the rules and the number of people: {told}.")
    return tuple(found)


def _label(stream: Stream) -> str:
    return f"{stream.pool}{f':{stream.policy}' if stream.policy else ''}@{stream.priority}"


def _within(seen: tuple[Seen, ...], start: datetime, end: datetime, assumed: list[str]) -> tuple[Seen, ...]:
    found = tuple(each for each in seen if start <= each.at < end)
    if not found:
        message = (
            "Nothing of the history of arrivals lies on the days that are played; name others with --on and --days."
        )
        raise NotEnoughSaid(message)
    if len(found) < len(seen):
        assumed.append(f"{len(seen) - len(found):,} arrivals of the history lie on other days and are left out.")
    return found


def _with_pools_of(
    config: ProjectConfig, arrivals: Rate | tuple[Seen, ...], streams: tuple[Stream, ...]
) -> tuple[Stream, ...]:
    """Add streams for pools that a history names and the mix does not."""
    if isinstance(arrivals, Rate):
        return streams
    named = dict.fromkeys(each.pool for each in arrivals if each.pool is not None)
    missing = [pool for pool in named if all(each.pool != pool for each in streams)]
    return (*streams, *(stream_of(config, pool, None, None, 0.0) for pool in missing))
