"""What two versions make of the same stored item, and the tally of it; no I/O.

Routing is a function of the version and the item alone, its id included, so the same items give the same tally however
they are cut into batches. Stops are left out, and which model versions are cleared: they say what is withheld at a
moment, not what the rules are.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from review.configuration.rules import ProjectConfig
from review.configuration.shadows import Contradiction, contradictions
from review.routing.conditions import EvaluationFailed
from review.routing.measuring import NOTHING, Measured
from review.routing.rules import Restraint, Route, route

MOST_EXAMPLES = 20
MOST_PAIRS = 20  # of rules that gainsay each other; each is tried once more on every item
HOUR = 3600
REVIEW, REFUSED = "review:", "refused"
FROM_TO = " > "

SLIPPED, SAVED, KEPT, TURNED_DOWN = "slipped", "saved", "kept", "turned_down"


class Past(NamedTuple):
    """A stored item as conditions see it, and what people made of it, if they did.

    `verdict` is a person's, None where none counts. `weight` is how many items one that people saw stands for: the
    inverse of the chance that it came to them. `measured` is what rules ask beside the item; `is_recounted` says that
    part of it was not measured when it came, and counted afterwards.
    """

    id: UUID
    at: datetime
    type: str
    facts: Mapping[str, Any]
    verdict: str | None = None
    weight: float = 1.0
    cost: tuple[str, str] | None = None
    measured: Measured = NOTHING
    is_recounted: bool = False


class RuleTally(msgspec.Struct):
    """How many items came as far as a rule, for how many it held, how many it took, and on how many it failed."""

    reached: int = 0
    held: int = 0
    taken: int = 0
    failed: int = 0


class Side(msgspec.Struct):
    """What one version does: `hours` counts seats by pool and full hour since 1970, `policies` items by both.

    `both` counts, by the rule that loses, the items for which it and the rule that gainsays it hold.
    """

    rules: dict[str, RuleTally] = {}
    unmatched: int = 0
    both: dict[str, int] = {}
    pools: dict[str, int] = {}
    hours: dict[str, dict[int, int]] = {}
    policies: dict[str, dict[str, int]] = {}


class Group(msgspec.Struct):
    """Items with something in common: how many, their weights, and the first of them to open."""

    count: int = 0
    weight: float = 0.0
    squares: float = 0.0
    examples: list[UUID] = []

    def add(self, item_id: UUID, weight: float = 1.0) -> None:
        """Count one more."""
        self.count += 1
        self.weight += weight
        self.squares += weight * weight
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(item_id)


class Tally(msgspec.Struct):
    """What has been counted so far, item by item; `first_hour` is that of the earliest, counted since 1970."""

    items: int = 0
    first_hour: int | None = None
    flows: dict[str, Group] = {}
    old: Side = msgspec.field(default_factory=Side)
    new: Side = msgspec.field(default_factory=Side)
    judged: dict[str, Group] = {}
    costs: dict[str, str] = {}
    recounted: int = 0


def replayed(config: ProjectConfig, past: Past, restraint: Restraint | None = None) -> Route:
    """Route a stored item by a version's rules, restrained as the version has it if nothing else is said."""
    held = restraint or restraint_by(config, past.type)
    return route(config.ruleset, past.facts, past.id, config.default_pool, held, past.measured)


def restraint_by(config: ProjectConfig, item_type: str) -> Restraint:
    """Tell what a version's own item type withholds from rules; nothing is taken to be stopped."""
    known = config.item_types.get(item_type)
    return Restraint(two_person=known is not None and known.two_person)


def outcome_of(config: ProjectConfig, item_type: str, taken: Route) -> str:
    """Name where an item goes: `approve`, `reject`, `review:POOL`, or `refused`, its type being unknown."""
    if item_type not in config.item_types:
        return REFUSED
    return f"{REVIEW}{taken.pool}" if taken.action == "review" else taken.action


def add(tally: Tally, pasts: Iterable[Past], old: ProjectConfig, new: ProjectConfig) -> Tally:
    """Count what both versions make of these items."""
    pairs = contradictions(new.ruleset.rules)[:MOST_PAIRS]
    for past in pasts:
        tally.items += 1
        tally.recounted += past.is_recounted
        hour = hour_of(past)
        tally.first_hour = hour if tally.first_hour is None else min(hour, tally.first_hour)
        before, after = _count(tally.old, past, old), _count(tally.new, past, new)
        _gainsay(tally.new, past, new, pairs)
        tally.flows.setdefault(f"{before}{FROM_TO}{after}", Group()).add(past.id)
        if past.verdict is not None:
            _group_of(tally, after, past.verdict).add(past.id, past.weight)
        if past.cost is not None:
            amount, currency = past.cost
            tally.costs[currency] = str(Decimal(tally.costs.get(currency, "0")) + Decimal(amount))
    return tally


def _gainsay(side: Side, past: Past, config: ProjectConfig, pairs: Sequence[Contradiction]) -> None:
    """Count for which rules an item holds that gainsay each other."""
    if not pairs or past.type not in config.item_types:
        return
    facts = config.ruleset.facts_of(past.facts, past.measured)
    for pair in pairs:
        winner, loser = config.ruleset.rules[pair.wins], config.ruleset.rules[pair.loses]
        with suppress(EvaluationFailed):
            if winner.condition.holds(facts) and loser.condition.holds(facts):
                side.both[loser.name] = side.both.get(loser.name, 0) + 1


def hour_of(past: Past) -> int:
    """Give the full hour since 1970 in which an item came."""
    return int(past.at.timestamp()) // HOUR


def _group_of(tally: Tally, outcome: str, verdict: str) -> Group:
    if outcome == "approve":
        name = SAVED if verdict == "approve" else f"{SLIPPED}_{verdict}"
    elif outcome == "reject" and verdict == "approve":
        name = TURNED_DOWN
    else:
        name = KEPT
    return tally.judged.setdefault(name, Group())


def _count(side: Side, past: Past, config: ProjectConfig) -> str:
    taken = replayed(config, past)
    outcome = outcome_of(config, past.type, taken)
    if outcome == REFUSED:
        return outcome
    for each in config.ruleset.in_full(taken).evaluations:
        rule = side.rules.setdefault(each.rule, RuleTally())
        rule.reached += 1
        rule.held += each.matched or each.sampled_out
        rule.taken += each.matched
        rule.failed += each.error is not None
    side.unmatched += taken.rule is None and taken.error is None
    if taken.action == "review" and taken.pool is not None:
        _queue(side, past, taken, taken.pool)
    return outcome


def _queue(side: Side, past: Past, taken: Route, pool: str) -> None:
    hour = hour_of(past)
    hours, policies = side.hours.setdefault(pool, {}), side.policies.setdefault(pool, {})
    hours[hour] = hours.get(hour, 0) + taken.reviews_required
    side.pools[pool] = side.pools.get(pool, 0) + 1
    policy = taken.sla_policy or ""
    policies[policy] = policies.get(policy, 0) + 1
