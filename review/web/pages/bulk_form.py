"""What the bar above a list offers, and reading what it and the preview send."""

import re
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET

from review.bulk import rules, surveying
from review.bulk.errors import BulkInvalid
from review.bulk.schemas import MAX_REASON, MOST_ITEMS, Asked, Kind
from review.configuration.rules import ProjectConfig
from review.decisions.rules import Verdict
from review.identity.rules import Principal
from review.kernel.errors import FieldError
from review.kernel.sentences import number, say
from review.kernel.shapes import is_object
from review.web.pages.reading import Pairs, first

VERDICTS: Final = {"approve": Verdict.APPROVE, "reject": Verdict.REJECT, "correct": Verdict.CORRECT}
_IDS = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Choices:
    """The values of one item type that can be chosen in a word; `name` is the type's."""

    name: str
    title: str
    words: list[str]


@dataclass(frozen=True, slots=True)
class Tools:
    """What the caller may do to many items at once: values to correct to, and, for a lead, pools to move to."""

    choices: list[Choices]
    is_lead: bool
    pools: list[tuple[str, str]]


def tools_of(who: Principal, config: ProjectConfig, pools: list[str]) -> Tools:
    """Give what a bar offers, with the pools that the caller sees."""
    is_lead = surveying.may(who, Kind.MOVE)
    found = [
        Choices(name, item_type.title, list(rules.choices_of(item_type.output_schema)))
        for name, item_type in config.item_types.items()
    ]
    named = [(pool, config.pools[pool].title) for pool in pools] if is_lead else []
    return Tools([each for each in found if each.words], is_lead, named)


def asked_in(pairs: Pairs, config: ProjectConfig) -> Asked:
    """Read the act that a form asks for; a value is written as the type's name, a colon, and the word.

    Raises:
        BulkInvalid: it names no act, or no value (422).
    """
    named, reason = first(pairs, "act"), first(pairs, "reason")
    if len(reason) > MAX_REASON:
        raise _unfit(FieldError("reason", say("is longer than %(most)s characters", most=number(MAX_REASON))))
    given: dict[str, Any] = {"reason": reason.strip()}
    if named in VERDICTS:
        given["reasons"] = tuple(value for name, value in pairs if name == "reasons" and value)[:50]
        output: Any = UNSET
        if named == "correct":
            given["type"], _, word = first(pairs, "value").partition(":")
            item_type = config.item_types.get(given["type"])
            values = rules.choices_of(item_type.output_schema) if item_type is not None else {}
            if word not in values:
                raise _unfit(FieldError("value", say("is no value of any item type: choose one beside Correct")))
            output = values[word]
        return Asked(act=Kind.DECIDE, verdict=VERDICTS[named], output=output, **given)
    if named == Kind.MOVE:
        return Asked(act=Kind.MOVE, pool=first(pairs, "pool"), **given)
    if named == Kind.PRIORITISE:
        return Asked(act=Kind.PRIORITISE, priority=_priority(first(pairs, "priority")), **given)
    if named in {Kind.GIVE_BACK, Kind.BRING_BACK}:
        return Asked(act=Kind(named), **given)
    raise _unfit(FieldError("act", say("is missing: choose what to do to them")))


def ids_in(pairs: Pairs) -> list[UUID]:
    """Read which items were selected: one each, or many in one field.

    Raises:
        BulkInvalid: one of them is no id, or they are too many (422).
    """
    given = [text for name, value in pairs if name in {"item", "items"} for text in value.split()]
    if len(given) > MOST_ITEMS:
        raise _unfit(
            FieldError(
                "item",
                say("are %(count)s, and may be %(most)s", count=number(len(given)), most=number(MOST_ITEMS)),
            )
        )
    if not all(_IDS.fullmatch(each) for each in given):
        raise _unfit(FieldError("item", say("is no id of an item")))
    return list(dict.fromkeys(UUID(each) for each in given))


def fields_of(asked: Asked) -> list[tuple[str, str]]:
    """Write an act as the fields of a form that asks for it, but for its reason and reason codes."""
    match asked.act:
        case Kind.DECIDE:
            fields = [("act", str(asked.verdict))]
            return [*fields, ("value", f"{asked.type}:{word_of(asked)}")] if asked.output is not UNSET else fields
        case Kind.MOVE:
            return [("act", asked.act), ("pool", asked.pool)]
        case Kind.PRIORITISE:
            return [("act", asked.act), ("priority", str(asked.priority))]
        case Kind.GIVE_BACK | Kind.BRING_BACK:
            return [("act", asked.act)]


def word_of(asked: Asked) -> str:
    """Give the word that says what is corrected to, or the value as JSON."""
    value: object = asked.output
    if is_object(value) and len(value) == 1:
        (value,) = value.values()
    is_word = isinstance(value, str | int | float) and not isinstance(value, bool)
    return str(value) if is_word else msgspec.json.encode(value).decode()


def _priority(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text, re.ASCII) or int(text) > 100:
        raise _unfit(FieldError("priority", say("is a whole number from 0 to 100")))
    return int(text)


def _unfit(fault: FieldError) -> BulkInvalid:
    message = say("This cannot be done to them; nothing was changed. Go back, and mend what is named below.")
    return BulkInvalid(message, errors=(fault,))
