"""A document tried on an example item: where it would go and what each rule makes of it; nothing is stored, no I/O."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast
from uuid import UUID

import msgspec

from review.configuration.errors import ConfigError
from review.configuration.named import names_of
from review.configuration.rules import ProjectConfig
from review.intake.rules import prepare, restraint_of
from review.items.schemas import Submission, as_stored
from review.kernel.canonical import fingerprint
from review.registry.rules import ALL
from review.routing import telling
from review.routing.conditions import EvaluationFailed, Facts, compile_condition
from review.routing.measuring import NOTHING, Measured
from review.routing.reading import ConditionInvalid
from review.routing.rules import Route, route
from review.routing.telling import Known, Value
from review.routing.tokens import scan


class Checked(msgspec.Struct, frozen=True):
    """What is wrong with a document, each fault with its place, and what it asks for that will not happen."""

    faults: tuple[ConfigError, ...]
    warnings: tuple[str, ...]


class Piece(msgspec.Struct, frozen=True):
    """A part of a condition that `&&` or `||` joins to the rest, by itself; null where it cannot be evaluated."""

    condition: str
    told: str
    holds: bool | None


class Tried(msgspec.Struct, frozen=True):
    """What one rule makes of the item; `told` is its condition with the item's values in the place of their names.

    `parts` are what `&&` and `||` join, `values` each field, look-up and score with what it is for the item.
    """

    rule: str
    condition: str
    told: str
    matched: bool
    sampled_out: bool
    error: str | None
    parts: tuple[Piece, ...] = ()
    values: tuple[Value, ...] = ()


class Trial(msgspec.Struct, frozen=True):
    """Where an item would go, what each rule that was tried makes of it, and the scores; null where one fails."""

    route: Route
    rules: tuple[Tried, ...]
    scores: dict[str, float | None]


def check_item(config: ProjectConfig, item: object) -> Submission:
    """Check an item as if it were submitted.

    Raises:
        Invalid, UnknownItemType, PayloadInvalid: it is wrong (422).
    """
    return prepare(item, config, idempotency_key=None, cleared=ALL).submission


def evaluate(config: ProjectConfig, item: object, measured: Measured = NOTHING) -> Trial:
    """Route an item, of which so much was measured, as if nothing of its sender were stopped and its model cleared.

    The same item is always sampled the same way here; once submitted it gets an id, and is sampled by that.

    Raises:
        Invalid, UnknownItemType, PayloadInvalid: the item is wrong (422).
    """
    submission = check_item(config, item)
    given = as_stored(cast("Mapping[str, Any]", item))
    item_id = UUID(bytes=hashlib.sha256(fingerprint(item)).digest()[:16])
    restraint = restraint_of(config.item_types[submission.type], None)
    taken = config.ruleset.in_full(route(config.ruleset, given, item_id, config.default_pool, restraint, measured))
    facts = config.ruleset.facts_of(given, measured)
    known = telling.known_of(config.ruleset, given, measured)
    return Trial(taken, _tried(config, given, taken, facts, known), dict(known.scores))


def _tried(
    config: ProjectConfig, item: Mapping[str, Any], taken: Route, facts: Facts, known: Known
) -> tuple[Tried, ...]:
    return tuple(
        Tried(
            rule=rule.name,
            condition=rule.condition.source,
            told=_told(rule.condition.source, item, known),
            matched=made.matched,
            sampled_out=made.sampled_out,
            error=made.error,
            parts=tuple(_piece(config, each, item, facts, known) for each in pieces(rule.condition.source)),
            values=telling.values_of(rule.condition.source, item, known),
        )
        for rule, made in zip(config.ruleset.rules, taken.evaluations, strict=False)
    )


def _piece(config: ProjectConfig, condition: str, item: Mapping[str, Any], facts: Facts, known: Known) -> Piece:
    holds: bool | None = None
    with suppress(ConditionInvalid, EvaluationFailed):
        holds = compile_condition(condition, names_of(config.ruleset.called)).holds(facts)
    return Piece(condition, _told(condition, item, known), holds)


def _told(condition: str, item: Mapping[str, Any], known: Known) -> str:
    return "".join(part.text for part in telling.tell(condition, item, known=known))


def pieces(condition: str) -> tuple[str, ...]:
    """Take a condition apart at its outermost `&&` and `||`; one that has none, or asks with `?`, is in no parts."""
    cuts: list[tuple[int, int]] = []
    depth = 0
    for token in scan(condition):
        depth += (token.text in {"(", "[", "{"}) - (token.text in {")", "]", "}"})
        if depth == 0 and token.text == "?":
            return ()
        if depth == 0 and token.text in {"&&", "||"}:
            cuts.append((token.offset, token.end))
    if not cuts:
        return ()
    starts, ends = [0, *(end for _, end in cuts)], [*(start for start, _ in cuts), len(condition)]
    return tuple(condition[start:end].strip() for start, end in zip(starts, ends, strict=True))
