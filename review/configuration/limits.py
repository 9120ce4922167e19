"""What limits judgement: who must confirm what, what takes two people, whom an item concerns, what a pool may say."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from review.configuration.checks import Checks, list_of
from review.configuration.routes import find_impossible, read_condition
from review.items.types import DEFAULT_UNDO, ItemType
from review.kernel.durations import parse_duration
from review.kernel.sentences import say
from review.routing.conditions import compile_judgement_condition
from review.routing.rules import Rule
from review.sla.ladders import Fallback, Ladder

LIMITS = ("needs_lead", "lead_pool", "two_person", "adjudication", "relations", "undo", "fallback")
LONGEST_UNDO = timedelta(minutes=5)
VERDICTS = ("approve", "correct", "reject")
ADJUDICATION = ("blind", "open")
FALLBACKS = ("reject", "approve")  # the second lets through what a stop keeps from rules, and only if it is said
RELATED = ("input", "output", "metadata")  # what an item may name people in


def limits_of(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Give the limits that a checked definition of an item type sets, as the item type's fields."""
    needs_lead = definition.get("needs_lead")
    return {
        "needs_lead": _text(needs_lead),
        "lead_pool": definition.get("lead_pool") or "",
        "two_person": bool(definition.get("two_person")),
        "shows_answers": definition.get("adjudication") == "open",
        "relations": tuple(list_of(definition.get("relations")) or ()),
        "undo": _undo(definition.get("undo")) or timedelta(),
        "fallback": definition.get("fallback"),
    }


def check_limits(checks: Checks, item_type: ItemType, given: Mapping[str, Any], pools: Sequence[str]) -> None:
    """Check the limits that an item type's definition sets; it is compiled already."""
    path = f"item_types.{item_type.name}"
    if given.get("needs_lead") is not None:
        types = {item_type.name: item_type}
        read_condition(checks, f"{path}.needs_lead", given["needs_lead"], types, compile_judgement_condition)
        if given.get("lead_pool") is None:
            checks.add(f"{path}.needs_lead", say("needs `lead_pool`, the pool whose people confirm what it holds for"))
    if given.get("lead_pool") is not None:
        checks.known(f"{path}.lead_pool", given["lead_pool"], pools, say("pool"))
        if given.get("needs_lead") is None:
            checks.add(f"{path}.lead_pool", say("has nothing to do without `needs_lead`, which says what comes to it"))
    if not isinstance(given.get("two_person", False), bool):
        checks.add(f"{path}.two_person", say("must be true or false"))
    if given.get("adjudication") is not None:
        checks.known(f"{path}.adjudication", given["adjudication"], ADJUDICATION, say("way to adjudicate"))
    _check_relations(checks, f"{path}.relations", item_type, given.get("relations"))
    if given.get("fallback") is not None:
        checks.known(f"{path}.fallback", given["fallback"], FALLBACKS, say("fallback"))
        if given["fallback"] == "approve" and given.get("two_person") is True:
            checks.add(
                f"{path}.fallback", say("may only be `reject` beside `two_person`: it takes two people to let through")
            )
    length = _undo(given.get("undo"))
    if length is None or length > LONGEST_UNDO:
        checks.add(f"{path}.undo", say("must be from 0s, which lets verdicts count at once, to 5m"))


def _check_relations(checks: Checks, path: str, item_type: ItemType, given: object) -> None:
    for at, relation in enumerate(checks.texts(path, given)):
        steps = tuple(relation.split("."))
        if steps[0] not in RELATED or len(steps) < 2 or not all(steps):
            checks.add(
                f"{path}[{at}]", say("must be a path below `input`, `output` or `metadata`, as `metadata.author`")
            )
        elif item_type.input_validator is not None and item_type.output_validator is not None:
            impossible = find_impossible(steps, {item_type.name: item_type})
            if impossible is not None:
                checks.add(f"{path}[{at}]", impossible)


def read_verdicts(checks: Checks, path: str, given: object) -> tuple[str, ...]:
    """Check which verdicts a pool's people may give; all of them where nothing is said."""
    if given is None:
        return VERDICTS
    found = checks.texts(path, given)
    if not found:
        checks.add(path, say("is empty; its people must be able to say something: approve, correct or reject"))
    for at, verdict in enumerate(found):
        checks.known(f"{path}[{at}]", verdict, VERDICTS, say("verdict"))
    return tuple(verdict for verdict in VERDICTS if verdict in found)


def warnings_of(
    checks: Checks, types: Mapping[str, ItemType], rules: Sequence[Rule], ladders: Mapping[str, Ladder]
) -> tuple[str, ...]:
    """Say what a document asks for that will not happen, since two people must decide; each with its line."""
    names = [name for name, each in types.items() if each.two_person]
    found: list[str] = []
    for at, rule in enumerate(rules):
        said = {literal.text for literal in rule.condition.reading.types}
        meant = [name for name in names if not said or name in said]
        if rule.action != "review" and meant:
            verb = "let through" if rule.action == "approve" else "reject"
            message = f"may not {verb} {', '.join(meant)} by itself: two people decide, so it sends those to people"
            found.append(str(checks.document.fault(f"rules[{at}].then", message)))
    for name, ladder in ladders.items():
        for at, step in enumerate(ladder.steps):
            if names and step.decide not in {None, Fallback.REJECT}:
                message = f"is passed over for {', '.join(names)}: two people decide, and time may only reject"
                found.append(str(checks.document.fault(f"escalation_policies.{name}[{at}].decide", message)))
    return tuple(found)


def _undo(value: object) -> timedelta | None:
    """Read for how long a verdict may be taken back; None where that cannot be read."""
    if value is None:
        return DEFAULT_UNDO
    text = str(value).strip()
    if text in {"0", "0s"}:
        return timedelta()
    try:
        return parse_duration(text)
    except ValueError:
        return None


def _text(value: object) -> str:
    """Write a condition that YAML read as true or false as the text that it stands for."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else ""
