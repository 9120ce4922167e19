"""The rules of a document: what their conditions may name, and where they may send an item; no I/O."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from review.configuration.checks import Checks, close_to, list_of, mapping_of
from review.items.types import ItemType
from review.kernel.sentences import Sentence, say
from review.routing.conditions import Condition, compile_condition
from review.routing.named import NO_NAMES, Names
from review.routing.reading import ConditionInvalid
from review.routing.rules import DEFAULT_PRIORITY, Rule, Verb

MAX_RULES = 2_000
MAX_REVIEWS = 9
VERBS: tuple[Verb, ...] = ("review", "approve", "reject")
# A schema with one of these may allow fields that it does not list.
_OPENING = (
    *("$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if", "then", "else", "dependentSchemas"),
    *("patternProperties", "additionalProperties", "unevaluatedProperties"),
)


class Surroundings(msgspec.Struct, frozen=True):
    """What rules may name: the item types, and the pools, SLA policies, lists and scores by name."""

    types: Mapping[str, ItemType]
    pools: tuple[str, ...]
    policies: tuple[str, ...]
    called: Names = NO_NAMES


def read_rules(checks: Checks, given: object, around: Surroundings) -> tuple[Rule, ...]:
    """Check the rules and compile their conditions."""
    values = list_of([] if given is None else given)
    if values is None or len(values) > MAX_RULES:
        checks.add("rules", say("must be a list of at most %(max_rules)s rules, tried in order", max_rules=MAX_RULES))
        return ()
    rules: dict[str, Rule] = {}
    for at, each in enumerate(values):
        rule = _rule(checks, f"rules[{at}]", each, around)
        if rule is None:
            continue
        if rule.name in rules:
            checks.add(f"rules[{at}].name", say("`%(name)s` is the name of an earlier rule", name=rule.name))
        rules[rule.name] = rule
    return tuple(rules.values())


def _rule(checks: Checks, path: str, given: object, around: Surroundings) -> Rule | None:
    rule = mapping_of(given)
    if rule is None:
        checks.add(path, say("must be a rule: {name, when, then}"))
        return None
    required = ("name", "when", "then")
    checks.keys(path, rule, ("name", "when", "sample", "then"), required=required)
    if any(rule.get(key) is None for key in required):
        return None
    name = checks.name(f"{path}.name", rule["name"])
    condition = read_condition(
        checks, f"{path}.when", rule["when"], around.types, partial(compile_condition, names=around.called)
    )
    sample = checks.share(f"{path}.sample", rule.get("sample", 1.0))
    then = mapping_of(rule["then"])
    verbs: list[Verb] = [verb for verb in VERBS if verb in (then or {})]
    if then is None or len(verbs) != 1:
        checks.add(f"{path}.then", say("must say exactly one of {review: POOL}, {approve: true} and {reject: true}"))
        return None
    verb = verbs[0]
    more = _review(checks, f"{path}.then", then, around) if verb == "review" else _verdict(checks, path, then, verb)
    return Rule(name=name, condition=condition, action=verb, sample=sample, **more) if condition is not None else None


def _verdict(checks: Checks, path: str, then: Mapping[str, Any], verb: Verb) -> dict[str, Any]:
    checks.keys(f"{path}.then", then, (verb,))
    if then[verb] is not True:
        checks.add(f"{path}.then.{verb}", say("must be true"))
    return {}


def _review(checks: Checks, path: str, then: Mapping[str, Any], around: Surroundings) -> dict[str, Any]:
    checks.keys(path, then, ("review", "priority", "sla", "reviews", "adjudicate"))

    def named(key: str, names: tuple[str, ...], what: str) -> str | None:
        return checks.known(f"{path}.{key}", then[key], names, what) if key in then else None

    return {
        "pool": named("review", around.pools, say("pool")),
        "priority": checks.integer(f"{path}.priority", then.get("priority", DEFAULT_PRIORITY), 0, 100),
        "reviews_required": checks.integer(f"{path}.reviews", then.get("reviews", 1), 1, MAX_REVIEWS),
        "adjudicate_pool": named("adjudicate", around.pools, say("pool")),
        "sla_policy": named("sla", around.policies, say("SLA policy")),
    }


def read_condition(
    checks: Checks,
    path: str,
    source: object,
    types: Mapping[str, ItemType],
    compiled: Callable[[str], Condition] = compile_condition,
) -> Condition | None:
    """Check a condition and compile it; what it names must be possible in these item types."""
    if isinstance(source, bool):
        source = "true" if source else "false"
    if not isinstance(source, str):
        checks.add(path, say("must be a condition in CEL, such as 'item.confidence < 0.8'"))
        return None
    try:
        condition = compiled(source)
    except ConditionInvalid as fault:
        checks.add_within(path, source, fault.offset, fault.message)
        return None
    for literal in condition.reading.types:
        if literal.text not in types:
            message = _close(say("`%(text)s` is no item type", text=literal.text), literal.text, types)
            checks.add_within(path, source, literal.offset, message)
    for read in condition.reading.paths:
        is_free = read.root in {"lists", "scores"} or (read.root == "review" and read.fields[0] != "output")
        impossible = None if is_free else find_impossible(read.fields, types)
        if impossible is not None:
            checks.add_within(path, source, read.offset, impossible)
    return condition


def find_impossible(fields: tuple[str, ...], types: Mapping[str, ItemType]) -> Sentence | None:
    """Say why no item of these types can have the path, or None if one can.

    A schema counts as closed where it lists `properties` and nothing in it speaks of others.
    """
    if fields[0] not in {"input", "output"} or not types:
        return None
    schemas: list[Any] = [each.input_schema if fields[0] == "input" else each.output_schema for each in types.values()]
    for depth, field in enumerate(fields[1:], start=1):
        if any(_is_open(schema) for schema in schemas):
            return None
        holders = [mapping_of(schema["properties"]) or {} for schema in schemas if schema is not False]
        schemas = [properties[field] for properties in holders if field in properties]
        if not schemas:
            known = {name for properties in holders for name in properties}
            said = say("no item type's schema has `%(path)s`", path=".".join(fields[: depth + 1]))
            return _close(said, field, known)
    return None


def _is_open(schema: object) -> bool:
    if schema is False:
        return False
    keywords = mapping_of(schema)
    if keywords is None or "properties" not in keywords:
        return True
    return any(keywords.get(key, False) is not False for key in _OPENING)


def _close(said: Sentence, name: str, known: Mapping[str, object] | set[str]) -> Sentence:
    names = sorted(known)
    close = close_to(said, name, names)
    if close is not None or not names:
        return close or said
    return say("%(said)s; there are %(names)s", said=said, names=", ".join(names[:12]))
