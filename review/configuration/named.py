"""The lists and scores of a document, which its conditions call by name; no I/O."""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from review.configuration.checks import Checks, list_of, mapping_of
from review.configuration.routes import read_condition
from review.items.types import ItemType
from review.kernel.sentences import say
from review.routing.conditions import Called, Part, compile_condition
from review.routing.cost import MAX_STEPS, MAX_STEPS_OF_RULES
from review.routing.named import Names, entries_of
from review.routing.rules import Rule

MAX_NAMED = 100  # lists, and scores
MAX_PARTS = 100
MAX_POINTS = 1_000_000
NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}\Z")


def read_called(checks: Checks, data: Mapping[str, Any], types: Mapping[str, ItemType]) -> Called | None:
    """Check the lists and scores; None where there are none."""
    lists = {name: _list(checks, f"lists.{name}", given) for name, given in _named(checks, data, "lists").items()}
    names = Names(tuple(lists))
    scores = {
        name: _score(checks, f"scores.{name}", given, types, names)
        for name, given in _named(checks, data, "scores").items()
    }
    return Called(lists, scores) if lists or scores else None


def names_of(called: Called | None) -> Names:
    """Give what conditions may call by name."""
    return Names() if called is None else Names(tuple(called.lists), tuple(called.scores))


def check_cost(checks: Checks, rules: tuple[Rule, ...], called: Called | None) -> None:
    """Check that each condition, and all together, stay within what one item may cost; the document is sound so far.

    A stored document is not asked: what was once taken is still routed by.
    """
    conditions = {f"rules[{at}].when": rule.condition for at, rule in enumerate(rules)}
    for name, parts in () if called is None else called.scores.items():
        conditions |= {f"scores.{name}[{at}].when": part.condition for at, part in enumerate(parts)}
    for path, condition in conditions.items():
        if condition.steps > MAX_STEPS:
            message = say(
                "costs up to %(steps)s steps, and a condition may cost %(most)s; ask less inside `all`, `exists`, "
                "`exists_one` and `filter`",
                steps=format(condition.steps, ","),
                most=format(MAX_STEPS, ","),
            )
            checks.add(path, message)
    steps = sum(condition.steps for condition in conditions.values())
    if steps > MAX_STEPS_OF_RULES:
        message = say(
            "cost up to %(steps)s steps for one item; together they may cost %(most)s",
            steps=format(steps, ","),
            most=format(MAX_STEPS_OF_RULES, ","),
        )
        checks.add("rules", message)


def rules_of(data: Mapping[str, Any]) -> Any:
    """Give what a version of the rules is numbered by: the rules, with what they may call and how they are audited."""
    beside = {key: data[key] for key in ("lists", "scores", "audit") if data.get(key)}
    return {"rules": data["rules"], **beside} if beside else data["rules"]


def _named(checks: Checks, data: Mapping[str, Any], section: str) -> dict[str, Any]:
    given = checks.mapping(section, data.get(section))
    if len(given) > MAX_NAMED:
        checks.add(section, say("has %(count)s entries; there may be %(most)s", count=len(given), most=MAX_NAMED))
        return {}
    for name in given:
        if not NAME.match(name):
            checks.add(f"{section}.{name}", say("must be a name: lower-case letters, digits and `_`, a letter first"))
    return given


def _list(checks: Checks, path: str, given: object) -> frozenset[str | float]:
    values = list_of(given)
    if values is None:
        checks.add(path, say("must be a list of texts or numbers"))
        return frozenset()
    for at, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            checks.add(f"{path}[{at}]", say("must be a text or a number"))
            return frozenset()
    return entries_of(values)


def _score(checks: Checks, path: str, given: object, types: Mapping[str, ItemType], names: Names) -> tuple[Part, ...]:
    values = list_of(given)
    if values is None or len(values) > MAX_PARTS:
        checks.add(path, say("must be a list of at most %(most)s parts: {when, add}", most=MAX_PARTS))
        return ()
    parts = [_part(checks, f"{path}[{at}]", each, types, names) for at, each in enumerate(values)]
    return tuple(part for part in parts if part is not None)


def _part(checks: Checks, path: str, given: object, types: Mapping[str, ItemType], names: Names) -> Part | None:
    part = mapping_of(given)
    if part is None:
        checks.add(path, say("must be a part of a score: {when, add}"))
        return None
    checks.keys(path, part, ("when", "add"), required=("when", "add"))
    add = part.get("add")
    if add is not None and (isinstance(add, bool) or not isinstance(add, int | float) or abs(add) > MAX_POINTS):
        checks.add(f"{path}.add", say("must be a number from -%(most)s to %(most)s", most=format(MAX_POINTS, ",")))
        return None
    if add is None or part.get("when") is None:
        return None
    condition = read_condition(checks, f"{path}.when", part["when"], types, partial(compile_condition, names=names))
    return None if condition is None else Part(condition, float(add))
