"""A document tried on an example item: where it would go and what each rule makes of it; nothing is stored, no I/O."""

import hashlib
from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

import msgspec

from review.configuration.document import parse
from review.configuration.errors import ConfigError, ConfigurationInvalid
from review.configuration.rules import ProjectConfig, compile_config
from review.intake.rules import prepare, restraint_of
from review.kernel.canonical import fingerprint
from review.routing import telling
from review.routing.conditions import facts_of
from review.routing.rules import Route, route


class Checked(msgspec.Struct, frozen=True):
    """What is wrong with a document, each fault with its place, and what it asks for that will not happen."""

    faults: tuple[ConfigError, ...]
    warnings: tuple[str, ...]


class Tried(msgspec.Struct, frozen=True):
    """What one rule makes of the item; `told` is its condition with the item's values in the place of their names."""

    rule: str
    condition: str
    told: str
    matched: bool
    sampled_out: bool
    error: str | None


class Trial(msgspec.Struct, frozen=True):
    """Where an item would go, what each rule that was tried makes of it, and the scores; null where one fails."""

    route: Route
    rules: tuple[Tried, ...]
    scores: dict[str, float | None]


def check(source: bytes | str) -> Checked:
    """Check a document by itself, without the project that it is for."""
    try:
        return Checked((), compile_config(parse(source)).warnings)
    except ConfigurationInvalid as refused:
        return Checked(tuple(refused.faults), ())


def evaluate(source: str, item: object) -> Trial:
    """Route an item by a document, as if it came from a sender of whom nothing is stopped.

    The same item is always sampled the same way here; once submitted it gets an id, and is sampled by that.

    Raises:
        ConfigurationInvalid, Invalid, UnknownItemType, PayloadInvalid: the document or the item is wrong (422).
    """
    config = compile_config(parse(source))
    submission = prepare(item, config, idempotency_key=None).submission
    given = cast("Mapping[str, Any]", item)
    item_id = UUID(bytes=hashlib.sha256(fingerprint(item)).digest()[:16])
    restraint = restraint_of(config.item_types[submission.type], None)
    taken = route(config.ruleset, given, item_id, config.default_pool, restraint)
    return Trial(taken, _tried(config, given, taken), _scores(config, given))


def _tried(config: ProjectConfig, item: Mapping[str, Any], taken: Route) -> tuple[Tried, ...]:
    return tuple(
        Tried(
            rule=rule.name,
            condition=rule.condition.source,
            told="".join(part.text for part in telling.tell(rule.condition.source, item)),
            matched=made.matched,
            sampled_out=made.sampled_out,
            error=made.error,
        )
        for rule, made in zip(config.ruleset.rules, taken.evaluations, strict=False)
    )


def _scores(config: ProjectConfig, item: Mapping[str, Any]) -> dict[str, float | None]:
    facts = facts_of(item, config.ruleset.needs, called=config.ruleset.called)
    called = config.ruleset.called
    return {} if called is None else {name: facts.points(name) for name in called.scores}
