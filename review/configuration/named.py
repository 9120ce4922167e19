"""The lists and scores of a document, which its conditions call by name; no I/O."""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from review.configuration.checks import Checks, list_of, mapping_of
from review.configuration.entries import MOST_ENTRIES, SHA256, digests_in
from review.configuration.routes import read_condition
from review.items.types import ItemType
from review.kernel.sentences import number, say
from review.routing.conditions import Called, Condition, Part, compile_condition
from review.routing.cost import MAX_STEPS, MAX_STEPS_OF_RULES
from review.routing.measuring import MOST_RATES, calendars_in, rates_of
from review.routing.named import UNLOADED, Entries, Names, entries_of
from review.routing.rules import Rule
from review.routing.tokens import scan
from review.sla.calendars import Calendar, is_open

MAX_NAMED = 100  # lists, and scores
MAX_PARTS = 100
MAX_POINTS = 1_000_000
NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}\Z")


class Beside(msgspec.Struct, frozen=True):
    """What conditions call that stands beside the document's lists and scores: calendars, and lists by digest.

    Without `stored`, lists that stand apart are not looked for; `is_stored` is said of a version that is stored itself.
    """

    calendars: Mapping[str, Calendar]
    stored: Mapping[str, Entries] | None = None
    is_stored: bool = False


def read_called(
    checks: Checks, data: Mapping[str, Any], types: Mapping[str, ItemType], beside: Beside
) -> Called | None:
    """Check the lists and scores, which conditions call as they do calendars; None where there is none of them."""
    calendars = beside.calendars
    lists = {
        name: _list(checks, f"lists.{name}", given, beside) for name, given in _named(checks, data, "lists").items()
    }
    _check_length(checks, data, lists)
    names = Names(tuple(lists), calendars=tuple(calendars))
    scores = {
        name: _score(checks, f"scores.{name}", given, types, names)
        for name, given in _named(checks, data, "scores").items()
    }
    hours = {name: partial(is_open, calendar) for name, calendar in calendars.items()}
    return Called(lists, scores, hours) if lists or scores or hours else None


def names_of(called: Called | None) -> Names:
    """Give what conditions may call by name."""
    return Names() if called is None else Names(tuple(called.lists), tuple(called.scores), tuple(called.calendars))


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
                steps=number(condition.steps),
                most=number(MAX_STEPS),
            )
            checks.add(path, message)
    steps = sum(condition.steps for condition in conditions.values())
    if steps > MAX_STEPS_OF_RULES:
        message = say(
            "cost up to %(steps)s steps for one item; together they may cost %(most)s",
            steps=number(steps),
            most=number(MAX_STEPS_OF_RULES),
        )
        checks.add("rules", message)
    _check_rates(checks, conditions)


def _check_rates(checks: Checks, conditions: Mapping[str, Condition]) -> None:
    found: dict[str, None] = {}
    for path, condition in conditions.items():
        found |= dict.fromkeys(rate.name for rate in rates_of(condition.asks))
        if len(found) > MOST_RATES:
            message = say(
                "asks the %(count)sth different rate, and each costs every item a look into the database; there may be "
                "%(most)s",
                count=len(found),
                most=MOST_RATES,
            )
            checks.add(path, message)
            return


def rules_of(data: Mapping[str, Any]) -> Any:
    """Give what a version of the rules is numbered by: the rules, with what they may call and how they are audited.

    Of calendars only those count by which a condition goes.
    """
    beside = {key: data[key] for key in ("lists", "scores", "audit") if data.get(key)}
    hours = _calendars_of(data)
    beside |= {"calendars": hours} if hours else {}
    return {"rules": data["rules"], **beside} if beside else data["rules"]


def _calendars_of(data: Mapping[str, Any]) -> dict[str, Any]:
    calendars: Mapping[str, Any] = data.get("calendars") or {}
    if not calendars:
        return {}
    scores: Mapping[str, Any] = data.get("scores") or {}
    asking = [*data["rules"], *(part for parts in scores.values() for part in parts)]
    texts = [each["when"] for each in asking if isinstance(each["when"], str)]
    used = {name for text in texts for name in calendars_in(list(scan(text)), tuple(calendars))}
    return {name: calendars[name] for name in calendars if name in used}


def _named(checks: Checks, data: Mapping[str, Any], section: str) -> dict[str, Any]:
    given = checks.mapping(section, data.get(section))
    if len(given) > MAX_NAMED:
        checks.add(section, say("has %(count)s entries; there may be %(most)s", count=len(given), most=MAX_NAMED))
        return {}
    for name in given:
        if not NAME.match(name):
            checks.add(f"{section}.{name}", say("must be a name: lower-case letters, digits and `_`, a letter first"))
    return given


def _check_length(checks: Checks, data: Mapping[str, Any], lists: Mapping[str, Entries]) -> None:
    """Check that the lists that stand apart are together no longer than a process can hold."""
    count = sum(len(lists[name]) for name in digests_in(data))
    if count > MOST_ENTRIES:
        message = say(
            "have %(count)s entries in the lists that stand apart, and there may be %(most)s",
            count=number(count),
            most=number(MOST_ENTRIES),
        )
        checks.add("lists", message)


def _apart(checks: Checks, path: str, given: Mapping[str, Any], beside: Beside) -> Entries:
    """Find a list that stands apart; what looks in one that is not at hand fails."""
    if "file" in given:
        message = say("is read by `review plan` and `review apply` alone; store the list, and name its sha256")
        checks.add(f"{path}.file", message)
        return UNLOADED
    checks.keys(path, given, ("sha256",), required=("sha256",))
    digest = given.get("sha256")
    if not isinstance(digest, str) or not SHA256.match(digest):
        message = say("must be the SHA-256 of a stored list: 64 digits 0 to 9 and a to f")
        checks.add(f"{path}.sha256", message)
        return UNLOADED
    if beside.stored is None:
        return UNLOADED
    found = beside.stored.get(digest)
    if found is None and not beside.is_stored:
        message = say("is no list that is stored here; store it first, as its documentation says")
        checks.add(f"{path}.sha256", message)
    return UNLOADED if found is None else found


def _list(checks: Checks, path: str, given: object, beside: Beside) -> Entries:
    apart = mapping_of(given)
    if apart is not None:
        return _apart(checks, path, apart, beside)
    values = list_of(given)
    if values is None:
        checks.add(path, say("must be a list of texts or numbers, or {sha256: …} for one that stands apart"))
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
        checks.add(f"{path}.add", say("must be a number from -%(most)s to %(most)s", most=number(MAX_POINTS)))
        return None
    if add is None or part.get("when") is None:
        return None
    condition = read_condition(checks, f"{path}.when", part["when"], types, partial(compile_condition, names=names))
    return None if condition is None else Part(condition, float(add))
