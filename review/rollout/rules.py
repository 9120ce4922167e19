"""What a candidate would have made of an item, whom people side with, and what a guard says; no I/O."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal
from uuid import UUID

import msgspec

from review.configuration.rules import ProjectConfig
from review.rehearsal.rules import FROM_TO, Past, outcome_of, replayed
from review.routing import measuring, telling
from review.routing.rollouts import Figure, Guard, fires, is_compared
from review.routing.rules import Restraint, Route, RuleSet

MOST_PARTS = 20
MOST_KEPT = 10_000  # of the items that differ; the rest are counted
Side = Literal["live", "candidate", "neither"]
_RULED = ("approve", "reject")


class Arrival(msgspec.Struct, frozen=True):
    """A stored item, the version that routed it, and its stored route."""

    past: Past
    config_version: int
    route: Route


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an item: a row to be kept."""

    item_id: UUID
    is_taken: bool
    old: str
    new: str
    old_rule: str | None
    new_rule: str | None
    parts: tuple[telling.Value, ...] = ()


class Compared(msgspec.Struct, kw_only=True):
    """What a batch of arrivals comes to: `flows` counts by both outcomes, of items that the active version routed."""

    seen: int = 0
    taken: int = 0
    differed: int = 0
    flows: dict[str, int] = {}
    kept: list[Seen] = []


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """The candidate of a rollout beside the version that is active, and the share of the items both are tried on."""

    rollout_id: UUID
    active: ProjectConfig
    candidate: ProjectConfig
    compared: float


def compare(trial: Trial, arrivals: Iterable[Arrival], flows: Mapping[str, int]) -> Compared:
    """Try the candidate on what the active version routed, and note what the candidate routed itself."""
    found = Compared(flows=dict(flows))
    for arrival in arrivals:
        past = arrival.past
        if arrival.config_version == trial.candidate.version:
            outcome, rule = ruled(trial.candidate, past.type, arrival.route), arrival.route.rule
            found.taken += 1
            if arrival.route.fallback is True:
                continue  # a stop had it decided, so it says nothing of the candidate's rules, which guards measure
            found.kept.append(
                Seen(item_id=past.id, is_taken=True, old=outcome, new=outcome, old_rule=rule, new_rule=rule)
            )
        elif is_compared(trial.rollout_id, trial.compared, past.id):
            _try(trial, arrival, found)
    return found


def _try(trial: Trial, arrival: Arrival, found: Compared) -> None:
    was = arrival.route
    past = as_measured(arrival.past, was, trial.active.ruleset)
    would = replayed(trial.candidate, past, restraint_as(was, trial.active.ruleset, trial.candidate, past.type))
    old = outcome_of(trial.active, past.type, was)
    new = outcome_of(trial.candidate, past.type, would)
    found.seen += 1
    flow = f"{old}{FROM_TO}{new}"
    found.flows[flow] = found.flows.get(flow, 0) + 1
    if old == new:
        return
    found.differed += 1
    parts = _parts(past.facts, past.measured, (trial.active.ruleset, was.rule), (trial.candidate.ruleset, would.rule))
    found.kept.append(
        Seen(item_id=past.id, is_taken=False, old=old, new=new, old_rule=was.rule, new_rule=would.rule, parts=parts)
    )


def as_measured(past: Past, was: Route, active: RuleSet) -> Past:
    """Leave out what was asked and could not be measured when an item came: neither version had it then."""
    if not isinstance(was.measured, dict):
        return past
    asked = {ask.name for ask in measuring.rates_of(active.asks)} | {measuring.RECEIVED}
    lost = asked - was.measured.keys()
    return past._replace(measured={name: value for name, value in past.measured.items() if name not in lost})


def restraint_as(was: Route, by: RuleSet, candidate: ProjectConfig, item_type: str) -> Restraint:
    """Restrain the candidate as the item was: what a stop or its model kept from being decided differs in no rule.

    `by` are the rules that routed it. A stop of a rule is taken for one of the item.
    """
    known = candidate.item_types.get(item_type)
    fell = was.action if was.fallback is True and was.action != "review" else None
    is_halted = fell is not None or was.held is True
    stopped = {each.rule for each in was.evaluations if each.stopped and not is_halted}
    return Restraint(
        two_person=known is not None and known.two_person,
        stopped=bool(stopped),
        stopped_wholly=any(rule.name in stopped and rule.action == "reject" for rule in by.rules),
        uncleared=any(each.uncleared for each in was.evaluations),
        held=was.held is True,
        falling=fell is not None,
        fallback=fell,
    )


def ruled(config: ProjectConfig, item_type: str, taken: Route) -> str:
    """Name what a rule made of an item: one that it let through and the audit drew was let through."""
    is_audited = isinstance(taken.audit, msgspec.Struct) and taken.action == "review"
    return "approve" if is_audited else outcome_of(config, item_type, taken)


def _parts(
    facts: Mapping[str, Any], measured: measuring.Measured, *by: tuple[RuleSet, str | None]
) -> tuple[telling.Value, ...]:
    found: dict[str, telling.Value] = {}
    for ruleset, name in by:
        rule = next((each for each in ruleset.rules if each.name == name), None)
        if rule is not None:
            known = telling.known_of(ruleset, facts, measured)
            for value in telling.values_of(rule.condition.source, facts, known):
                found.setdefault(value.name, value)
    return tuple(found.values())[:MOST_PARTS]


def side_of(old: str, new: str, verdict: str) -> Side:
    """Tell with whom people's verdict sides: with whoever would have sent on what they sent on.

    Sending to people is right where people do not agree with what the other version would have done by rule.
    """
    if old in _RULED and new not in _RULED:
        return "live" if verdict == old else "candidate"
    if new in _RULED and old not in _RULED:
        return "candidate" if verdict == new else "live"
    if old in _RULED and new in _RULED:
        return "live" if verdict == old else "candidate" if verdict == new else "neither"
    return "neither"


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A guard with its figure now; `fires` says that it ends the rollout."""

    guard: Guard
    figure: Figure
    fires: bool


def measure(guards: Iterable[Guard], figures: Mapping[str, Figure]) -> list[Measured]:
    """Put guards beside their figures, in the order given."""
    found = [(guard, figures.get(guard.name, Figure(0.0, 0))) for guard in guards]
    return [Measured(guard=guard, figure=figure, fires=fires(guard, figure)) for guard, figure in found]
