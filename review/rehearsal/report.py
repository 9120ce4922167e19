"""From a tally to what a person is told before they apply a version; no I/O."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import msgspec

from review.configuration.rules import ProjectConfig
from review.configuration.shadows import contradictions
from review.rehearsal import rules, staffing
from review.rehearsal.intervals import estimate_weighted
from review.rehearsal.rules import FROM_TO, Group, Side, Tally
from review.rehearsal.schemas import (
    Assumed,
    FlowView,
    GroupView,
    Judged,
    Load,
    PoolView,
    Report,
    RuleView,
    Warning,  # noqa: A004  what the field calls it
)
from review.sla.rules import SlaPolicy

SMALL_POOL = 2
NEARLY_ALL = 0.9
_SECONDS_PER_MINUTE = 60.0


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known besides the items: handling medians and their number by pool, and members by pool and version."""

    handling: Mapping[str, tuple[float, int]] = {}
    old_members: Mapping[str, int] = {}
    new_members: Mapping[str, int] = {}


class Versions(msgspec.Struct, frozen=True):
    """The version that counts and the one that is rehearsed."""

    old: ProjectConfig
    new: ProjectConfig


class Span(msgspec.Struct, frozen=True):
    """The time whose items were looked at; `is_part` if there were more than could be."""

    since: datetime
    until: datetime
    is_part: bool = False


def report(tally: Tally, versions: Versions, span: Span, known: Known, assumed: Assumed) -> Report:
    """Say what was counted, and what follows from it."""
    flows = _flows(tally)
    pools = _pools(tally, versions, _worked(tally, span), known, assumed)
    return Report(
        from_version=versions.old.version,
        to_version=versions.new.version,
        since=span.since,
        until=span.until,
        items=tally.items,
        moved=sum(flow.count for flow in flows if flow.old != flow.new),
        is_part=span.is_part,
        flows=flows,
        rules=_rules(tally, versions),
        pools=pools,
        judged=_judged(tally),
        item_costs=dict(sorted(tally.costs.items())),
        assumed=assumed,
        recounted=tally.recounted,
        warnings=[
            *_warnings_of_rules(tally, versions.new),
            *_gainsaid(tally, versions.new),
            *_warnings_of_pools(tally, pools, assumed),
        ],
    )


def _worked(tally: Tally, span: Span) -> Span:
    """Give the span from its first item on: how much comes in a week is not seen in a time before there were any."""
    if tally.first_hour is None:
        return span
    first = datetime.fromtimestamp(tally.first_hour * rules.HOUR, UTC)
    return msgspec.structs.replace(span, since=max(span.since, first))


def _flows(tally: Tally) -> list[FlowView]:
    found: list[FlowView] = []
    for key, group in tally.flows.items():
        old, _, new = key.partition(FROM_TO)
        found.append(FlowView(old=old, new=new, count=group.count, examples=group.examples))
    return sorted(found, key=lambda flow: (flow.old == flow.new, -flow.count, flow.old, flow.new))


def _rules(tally: Tally, versions: Versions) -> list[RuleView]:
    before = {rule.name for rule in versions.old.ruleset.rules}
    after = {rule.name for rule in versions.new.ruleset.rules}
    names = [rule.name for rule in versions.new.ruleset.rules]
    names += [rule.name for rule in versions.old.ruleset.rules if rule.name not in after]
    found: list[RuleView] = []
    for name in names:
        old = tally.old.rules.get(name, rules.RuleTally())
        new = tally.new.rules.get(name, rules.RuleTally())
        found.append(
            RuleView(
                rule=name,
                old_taken=old.taken if name in before else None,
                new_taken=new.taken if name in after else None,
                new_reached=new.reached if name in after else None,
                new_held=new.held if name in after else None,
                new_failed=new.failed if name in after else None,
            )
        )
    return found


def _judged(tally: Tally) -> Judged:
    def view(name: str) -> GroupView:
        group = tally.judged.get(name, Group())
        return GroupView(group.count, group.weight, group.examples)

    wrong = [tally.judged.get(f"{rules.SLIPPED}_{verdict}", Group()) for verdict in ("correct", "reject")]
    through = [*wrong, tally.judged.get(rules.SAVED, Group())]
    return Judged(
        slipped_correct=view(f"{rules.SLIPPED}_correct"),
        slipped_reject=view(f"{rules.SLIPPED}_reject"),
        saved=view(rules.SAVED),
        turned_down=view(rules.TURNED_DOWN),
        kept=view(rules.KEPT),
        error_rate=estimate_weighted(
            sum(group.weight for group in wrong),
            sum(group.weight for group in through),
            sum(group.squares for group in through),
        ),
    )


def _pools(tally: Tally, versions: Versions, span: Span, known: Known, assumed: Assumed) -> list[PoolView]:
    found: list[PoolView] = []
    for pool in dict.fromkeys([*versions.new.pools, *versions.old.pools]):
        median, reviews = known.handling.get(pool, (None, 0))
        seconds = median if median is not None else (assumed.minutes or 0) * _SECONDS_PER_MINUTE or None
        title = (versions.new.pools.get(pool) or versions.old.pools[pool]).title
        sides = (
            (versions.old, tally.old, known.old_members.get(pool, 0)),
            (versions.new, tally.new, known.new_members.get(pool, 0)),
        )
        loads = [
            _load(config, side, pool, span, seconds, members, assumed) if pool in config.pools else None
            for config, side, members in sides
        ]
        found.append(
            PoolView(
                pool=pool,
                title=title,
                handling_seconds=median,
                handling_from=reviews,
                old=loads[0],
                new=loads[1],
            )
        )
    return found


def _load(
    config: ProjectConfig,
    side: Side,
    pool: str,
    span: Span,
    seconds: float | None,
    members: int,
    assumed: Assumed,
) -> Load:
    policy = _policy_of(config, side, pool)
    calendar = policy.calendar if policy is not None else None
    queue = staffing.Queue(arrivals=side.hours.get(pool, {}), since=span.since, until=span.until, calendar=calendar)
    open_for = staffing.open_seconds(queue)
    zone: tzinfo = ZoneInfo(calendar.timezone) if calendar is not None else UTC
    hours = staffing.profile(queue, zone)
    weeks = max(queue.weeks, 1e-9)
    cost = None
    if seconds is not None and assumed.cost_per_hour is not None:
        cost = queue.seats * seconds / rules.HOUR * assumed.cost_per_hour
    return Load(
        reviews=queue.seats,
        per_week=queue.seats / weeks,
        policy=policy.name if policy is not None else None,
        calendar=calendar.name if calendar is not None else None,
        zone=str(zone),
        open_hours_per_week=sum(open_for.values()) / rules.HOUR / weeks,
        members=members,
        people=None if seconds is None else staffing.people_needed(queue, open_for, seconds),
        people_at_peak=None if seconds is None else staffing.people_at_peak(hours, seconds),
        late=None if seconds is None or policy is None else _late(queue, open_for, policy, members, seconds),
        cost=cost,
        hours=hours,
    )


def _late(
    queue: staffing.Queue, open_for: Mapping[int, float], policy: SlaPolicy, members: int, seconds: float
) -> float:
    """Count what would be late; a target that counts night and day is taken as its share of the open time."""
    target = policy.decide.amount
    if policy.decide.is_elapsed and queue.calendar is not None:
        span = (queue.until - queue.since).total_seconds()
        target = timedelta(seconds=target.total_seconds() * sum(open_for.values()) / span) if span else target
    return staffing.late(queue, open_for, members, seconds, target)


def _policy_of(config: ProjectConfig, side: Side, pool: str) -> SlaPolicy | None:
    """Give the policy that most items of a pool run by, of those that run by one."""
    counted = Counter({name: count for name, count in side.policies.get(pool, {}).items() if name})
    if not counted:
        return None
    return config.sla_policies.get(min(counted, key=lambda name: (-counted[name], name)))


def _warnings_of_rules(tally: Tally, config: ProjectConfig) -> list[Warning]:
    found: list[Warning] = []
    for rule in config.ruleset.rules if tally.items else ():
        seen = tally.new.rules.get(rule.name, rules.RuleTally())
        if not seen.reached:
            found.append(Warning(code="rule_never_reached", rule=rule.name, of=tally.items))
        elif not seen.held and not seen.failed:
            found.append(Warning(code="rule_matches_nothing", rule=rule.name, items=seen.reached, of=tally.items))
        if seen.failed:
            found.append(Warning(code="rule_fails", rule=rule.name, items=seen.failed, of=seen.reached))
    if tally.new.unmatched:
        found.append(
            Warning(code="no_rule_matches", pool=config.default_pool, items=tally.new.unmatched, of=tally.items)
        )
    refused = sum(group.count for key, group in tally.flows.items() if key.endswith(f"{FROM_TO}{rules.REFUSED}"))
    if refused:
        found.append(Warning(code="type_unknown", items=refused, of=tally.items))
    return found


def _gainsaid(tally: Tally, config: ProjectConfig) -> list[Warning]:
    """Tell of rules that an earlier one gainsays, which wins, and for how many items both hold."""
    listed = config.ruleset.rules
    return [
        Warning(
            code="rule_contradicted",
            rule=listed[pair.loses].name,
            by=listed[pair.wins].name,
            items=tally.new.both.get(listed[pair.loses].name, 0),
            of=tally.items,
        )
        for pair in (contradictions(listed)[: rules.MOST_PAIRS] if tally.items else ())
    ]


def _warnings_of_pools(tally: Tally, pools: list[PoolView], assumed: Assumed) -> list[Warning]:
    found: list[Warning] = []
    for pool in pools:
        load, count = pool.new, tally.new.pools.get(pool.pool, 0)
        if load is None or not count:
            continue
        seconds = pool.handling_seconds or (assumed.minutes or 0) * _SECONDS_PER_MINUTE
        numbers = Warning(
            code="",
            pool=pool.pool,
            items=count,
            of=tally.items,
            members=load.members,
            per_hour=load.per_week / load.open_hours_per_week if load.open_hours_per_week else 0.0,
            able_per_hour=load.members * rules.HOUR / seconds if seconds else 0.0,
        )
        codes: list[str] = []
        if load.members <= SMALL_POOL and count >= NEARLY_ALL * tally.items:
            codes.append("nearly_all_to_small_pool")
        if load.people is not None and load.people > load.members:
            numbers = msgspec.structs.replace(numbers, people=load.people)
            codes.append("too_few_people")
        elif not load.members:
            codes.append("nobody_in_pool")
        found += [msgspec.structs.replace(numbers, code=code) for code in codes]
    return found
