"""Where an item goes: the first rule that matches says, and what cannot be judged by rule goes to a person."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec

from review.items.misses import Misses
from review.routing.conditions import Called, Condition, EvaluationFailed, Facts, Needs, asks_of, facts_of, needs_of
from review.routing.equalities import Places, places_of
from review.routing.measuring import NOTHING, Ask, Measured, kept
from review.routing.sampling import Audit, AuditPlan, chance, is_drawn

Verb = Literal["review", "approve", "reject"]
Fallback = Literal["approve", "reject"]

DEFAULT_PRIORITY = 50
MOST_MISSES = 32  # rules tried in vain that a route names; where there were more it has their number instead


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A condition and what follows from it; `sample` is the share of matching items that it takes."""

    name: str
    condition: Condition
    action: Verb
    sample: float = 1.0
    pool: str | None = None
    priority: int = DEFAULT_PRIORITY
    reviews_required: int = 1
    adjudicate_pool: str | None = None
    sla_policy: str | None = None


class Evaluation(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one rule made of an item; `sampled_out` is set where the condition held and the sample passed it by.

    `stopped` says that the rule would have decided the item, and a stop keeps it from that; `two_person` that
    it would have decided alone what takes two people; `uncleared` that nobody has cleared the version of the model
    that made the item. Each way people judge it.
    """

    rule: str
    matched: bool
    error: str | None = None
    sampled_out: bool = False
    stopped: bool = False
    two_person: bool = False
    uncleared: bool = False


class RuleSet(msgspec.Struct, frozen=True):
    """One version of a project's rules, in the order in which they are tried.

    `asks` is what must be measured of an item before they can be, `places` finds those that may hold for one, and
    `misses` tells of those that did not.
    """

    version: int
    rules: tuple[Rule, ...]
    needs: Needs
    called: Called | None = None
    audit: AuditPlan | None = None
    asks: tuple[Ask, ...] = ()
    places: Places = Places((), {})
    misses: Misses = Misses(())

    @classmethod
    def of(
        cls, version: int, rules: tuple[Rule, ...], called: Called | None = None, audit: AuditPlan | None = None
    ) -> "RuleSet":
        """Put rules together, and note what they and the scores they call read of an item at all."""
        parts = [part.condition for each in (called.scores.values() if called else ()) for part in each]
        conditions = [*(rule.condition for rule in rules), *parts]
        places = places_of([rule.condition.equality for rule in rules])
        misses = Misses([rule.name for rule in rules])
        return cls(version, rules, needs_of(conditions), called, audit, asks_of(conditions), places, misses)

    def facts_of(self, item: Mapping[str, Any], measured: Measured = NOTHING) -> Facts:
        """Give what these rules read of an item, with what was measured of it."""
        return facts_of(item, self.needs, called=self.called, asks=self.asks, measured=measured)

    def in_full(self, taken: "Route") -> "Route":
        """Give a route of this version with what every rule that was tried made of the item."""
        if not isinstance(taken.tried, int):
            return taken
        told = {each.rule: each for each in taken.evaluations}
        every = tuple(told.get(rule.name) or _missed(rule.name) for rule in self.rules[: taken.tried])
        return msgspec.structs.replace(taken, evaluations=every, tried=msgspec.UNSET)


class Restraint(msgspec.Struct, frozen=True):
    """What rules may not do with an item by themselves: let it through (`stopped`), or decide it (the others).

    `stopped_wholly` is a stop of rejections too, `held` one under which nobody is handed the item either, and `falling`
    one that gives it `fallback`, which is what its type declares for that; the `rules_…` name rules that are so stopped
    themselves.
    """

    stopped: bool = False
    two_person: bool = False
    stopped_wholly: bool = False
    rules: frozenset[str] = frozenset()
    rules_wholly: frozenset[str] = frozenset()
    uncleared: bool = False
    held: bool = False
    rules_held: frozenset[str] = frozenset()
    falling: bool = False
    rules_falling: frozenset[str] = frozenset()
    fallback: Fallback | None = None

    def stops(self, rule: Rule) -> bool:
        """Tell whether a stop keeps the rule from deciding."""
        if rule.action == "review":
            return False
        wholly = (
            self.stopped_wholly or rule.name in self.rules_wholly or self.holds(rule.name) or self._falls(rule.name)
        )
        return wholly or (rule.action == "approve" and (self.stopped or rule.name in self.rules))

    def withholds(self, rule: Rule) -> bool:
        """Tell whether people take the place of the rule's own decision."""
        return rule.action != "review" and (self.two_person or self.uncleared or self.stops(rule))

    def holds(self, rule: str | None) -> bool:
        """Tell whether an item that this rule takes, or none, is handed to nobody while a stop stands."""
        return self.held or rule in self.rules_held

    def falls_to(self, rule: str | None) -> Fallback | None:
        """Give what decides an item that this rule takes, or none, in the place of rules and people; None for nothing.

        To hold it is stronger. A fallback that lets through is not given to what takes two people, nor to what another
        stop keeps from that.
        """
        if not self._falls(rule) or self.holds(rule):
            return None
        is_stopped = self.stopped or self.stopped_wholly or rule in self.rules | self.rules_wholly
        is_kept = self.two_person or self.uncleared or is_stopped
        return None if self.fallback == "approve" and is_kept else self.fallback

    def _falls(self, rule: str | None) -> bool:
        return self.falling or rule in self.rules_falling


FREE = Restraint()


class _Tried(NamedTuple):
    """What a route says of the rules that were tried."""

    evaluations: tuple[Evaluation, ...]
    tried: int | msgspec.UnsetType


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Where an item goes and why; stored with it for good.

    `inclusion_probability` is the chance, over the sampling alone, that an item with this content is sent to a
    person: what a data scientist weights the labels by. `held` says that a stop kept it from being handed to anybody
    at first, `fallback` that one had it decided by what its item type declares for that. `measured` is what the rules
    asked that no item says. `imported` says that no rule sent it: it came with its label.

    Where many rules were tried in vain, `tried` says how many first rules of the version were tried, and `evaluations`
    leaves out those whose condition did not hold; without it all are there that were tried.
    """

    action: Verb
    rule: str | None
    ruleset_version: int
    pool: str | None
    priority: int
    reviews_required: int
    adjudicate_pool: str | None
    sla_policy: str | None
    inclusion_probability: float
    evaluations: tuple[Evaluation, ...]
    error: str | None = None
    two_person: bool = False
    audit: Audit | msgspec.UnsetType = msgspec.UNSET
    held: bool | msgspec.UnsetType = msgspec.UNSET
    fallback: bool | msgspec.UnsetType = msgspec.UNSET
    measured: dict[str, int | str] | msgspec.UnsetType = msgspec.UNSET
    imported: bool | msgspec.UnsetType = msgspec.UNSET
    tried: int | msgspec.UnsetType = msgspec.UNSET


def route(
    ruleset: RuleSet,
    item: Mapping[str, Any],
    item_id: UUID,
    default_pool: str,
    restraint: Restraint = FREE,
    measured: Measured = NOTHING,
) -> Route:
    """Route an item, of which so much was measured when it came.

    A condition that fails to evaluate sends the item to the default pool with the error recorded, and so does a
    rule set of which no rule matches, and a rule that may not decide it by itself. What takes two people is judged by
    two at least, whatever the rule says.
    """
    taken = _route(ruleset, item, item_id, default_pool, restraint, ruleset.facts_of(item, measured))
    if ruleset.asks:
        taken = msgspec.structs.replace(taken, measured=kept(ruleset.asks, measured))
    if restraint.two_person:
        taken = msgspec.structs.replace(taken, reviews_required=max(2, taken.reviews_required), two_person=True)
    return _halted(taken, restraint)


def _halted(taken: Route, restraint: Restraint) -> Route:
    """Hold what a stop holds, and decide what one has decided; what could not be evaluated is never let through."""
    if restraint.holds(taken.rule):
        return msgspec.structs.replace(taken, held=True)
    verdict = restraint.falls_to(taken.rule)
    if verdict is None or (verdict == "approve" and taken.error is not None):
        return taken
    return msgspec.structs.replace(taken, action=verdict, fallback=True)


def _route(
    ruleset: RuleSet, item: Mapping[str, Any], item_id: UUID, default_pool: str, restraint: Restraint, facts: Facts
) -> Route:
    noted: dict[int, Evaluation] = {}
    to_person, mass = 0.0, 1.0
    places = ruleset.places.open_to(facts.at)
    for at in places:
        rule = ruleset.rules[at]
        try:
            holds = rule.condition.holds(facts)
        except EvaluationFailed as fault:
            mass *= _rest_share(restraint, failed=True)
            noted[at] = Evaluation(rule.name, matched=False, error=str(fault))
            tried = _tried(ruleset, at + 1, noted)
            return _to_default(ruleset, default_pool, min(1.0, to_person + mass), tried, f"rule {rule.name}: {fault}")
        if not holds:
            continue
        taken = is_sampled(rule, item_id)
        noted[at] = _evaluation(rule, restraint, taken=taken)
        to_person += mass * rule.sample * _share_to_person(ruleset, rule, item, restraint)
        mass *= 1.0 - rule.sample
        if taken:
            rest = _rest_to_person(ruleset, places, item, facts, mass, restraint)
            instead = default_pool if restraint.withholds(rule) else None
            tried = _tried(ruleset, at + 1, noted)
            found = _taken(ruleset, rule, instead, min(1.0, to_person + rest), tried)
            return found if instead else _audited(ruleset, rule, item, item_id, found)
    chance_of_it = min(1.0, to_person + mass * _rest_share(restraint))
    return _to_default(ruleset, default_pool, chance_of_it, _tried(ruleset, len(ruleset.rules), noted), None)


def _tried(ruleset: RuleSet, count: int, noted: Mapping[int, Evaluation]) -> _Tried:
    """Account for the first rules of a version, of which those that are not noted did not hold."""
    if count - len(noted) > MOST_MISSES:
        return _Tried(tuple(noted.values()), count)
    every = (noted.get(at) or _missed(rule.name) for at, rule in enumerate(ruleset.rules[:count]))
    return _Tried(tuple(every), msgspec.UNSET)


def _rest_share(restraint: Restraint, *, failed: bool = False) -> float:
    """Give the chance that what no rule takes, or what could not be evaluated, is judged by people."""
    verdict = restraint.falls_to(None)
    return 1.0 if verdict is None or (verdict == "approve" and failed) else 0.0


def _share_to_person(ruleset: RuleSet, rule: Rule, item: Mapping[str, Any], restraint: Restraint) -> float:
    """Give the chance that what this rule takes is judged by people."""
    if restraint.falls_to(rule.name) is not None:
        return 0.0
    if rule.action == "review" or restraint.withholds(rule):
        return 1.0
    return _audit_share(ruleset, rule, item) or 0.0


def _audit_share(ruleset: RuleSet, rule: Rule, item: Mapping[str, Any]) -> float | None:
    if ruleset.audit is None or rule.action != "approve":
        return None
    return ruleset.audit.share_of(item, rule.name)


def _audited(ruleset: RuleSet, rule: Rule, item: Mapping[str, Any], item_id: UUID, found: Route) -> Route:
    """Note the chance with which people look at what the rule lets through, and send them what is drawn."""
    plan, share = ruleset.audit, _audit_share(ruleset, rule, item)
    if plan is None or share is None:
        return found
    audit = Audit(share, drawn=is_drawn(item_id, rule.name, share), told=plan.is_told)
    if not audit.drawn:
        return msgspec.structs.replace(found, audit=audit)
    return msgspec.structs.replace(found, action="review", pool=plan.pool, priority=plan.priority, audit=audit)


def is_sampled(rule: Rule, item_id: UUID) -> bool:
    """Tell whether the rule's sample takes this item: the same item always gets the same answer.

    Each rule hashes with its own name, so that the samples of two rules are independent.
    """
    if rule.sample >= 1.0:
        return True
    return chance(rule.name.encode(), item_id) < rule.sample


@lru_cache(maxsize=16_384)
def _missed(name: str) -> Evaluation:
    """Give what a rule makes of an item of which its condition does not hold."""
    return Evaluation(name, matched=False)


def _evaluation(rule: Rule, restraint: Restraint, *, taken: bool) -> Evaluation:
    """Give what a rule makes of an item of which its condition holds."""
    withheld = taken and restraint.withholds(rule)
    return Evaluation(
        rule.name,
        matched=taken,
        sampled_out=not taken,
        stopped=withheld and restraint.stops(rule),
        two_person=withheld and restraint.two_person,
        uncleared=withheld and restraint.uncleared,
    )


def _rest_to_person(
    ruleset: RuleSet, places: Iterator[int], item: Mapping[str, Any], facts: Facts, mass: float, restraint: Restraint
) -> float:
    """Give the chance that the item would have come to a person had the rule that took it not sampled it."""
    to_person = 0.0
    if mass <= 0.0:
        return to_person
    for at in places:
        rule = ruleset.rules[at]
        try:
            holds = rule.condition.holds(facts)
        except EvaluationFailed:
            return to_person + mass * _rest_share(restraint, failed=True)
        if holds:
            to_person += mass * rule.sample * _share_to_person(ruleset, rule, item, restraint)
            mass *= 1.0 - rule.sample
            if mass <= 0.0:
                return to_person
    return to_person + mass * _rest_share(restraint)


def _taken(ruleset: RuleSet, rule: Rule, instead: str | None, probability: float, tried: _Tried) -> Route:
    """Follow a rule, or have the people of the pool `instead` judge what it may not decide."""
    return Route(
        action="review" if instead else rule.action,
        rule=rule.name,
        ruleset_version=ruleset.version,
        pool=instead or rule.pool,
        priority=rule.priority,
        reviews_required=rule.reviews_required,
        adjudicate_pool=rule.adjudicate_pool,
        sla_policy=rule.sla_policy,
        inclusion_probability=probability,
        evaluations=tried.evaluations,
        tried=tried.tried,
    )


def _to_default(ruleset: RuleSet, pool: str, probability: float, tried: _Tried, error: str | None) -> Route:
    return Route(
        action="review",
        rule=None,
        ruleset_version=ruleset.version,
        pool=pool,
        priority=DEFAULT_PRIORITY,
        reviews_required=1,
        adjudicate_pool=None,
        sla_policy=None,
        inclusion_probability=probability,
        evaluations=tried.evaluations,
        tried=tried.tried,
        error=error,
    )
