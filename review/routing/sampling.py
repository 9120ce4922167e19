"""Audit samples: which of the items that a rule lets through people look at all the same, and with what chance.

The chance of an item follows from the item and the plan alone, and is never below the plan's floor, so that what is
found in the sample can be weighed back to everything that was let through.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from review.kernel.shapes import is_list, is_number, is_object

ENOUGH = 20  # times that a value was seen, so that it is no novelty
MOST_ELEMENTS = 50


class Stratum(msgspec.Struct, frozen=True, kw_only=True):
    """A part of what is let through that has a share of its own; what is None matches everything.

    `low` and `high` bound the confidence: from `low` on, below `high`.
    """

    share: float
    rule: str | None = None
    model: str | None = None
    version: str | None = None
    low: float | None = None
    high: float | None = None

    def holds(self, rule: str, model: Mapping[str, Any], confidence: float | None) -> bool:
        """Tell whether an item that this rule lets through belongs here."""
        named = ((self.rule, rule), (self.model, model.get("name")), (self.version, model.get("version")))
        if any(wanted is not None and wanted != has for wanted, has in named):
            return False
        if self.low is None and self.high is None:
            return True
        return (
            confidence is not None and (self.low or 0.0) <= confidence and (self.high is None or confidence < self.high)
        )


class Active(msgspec.Struct, frozen=True, kw_only=True):
    """What raises a share, each by at most so much.

    It is confidence `near` the threshold, a close alternative, a signal, or a value at a path of `seen` that had been
    seen less than `enough` times when the version was made.
    """

    near: float = 0.8
    within: float = 0.1
    uncertainty: float = 0.0
    margin: float = 0.2
    disagreement: float = 0.0
    signals: Mapping[str, float] = {}
    novelty: float = 0.0
    enough: int = ENOUGH
    seen: Mapping[str, Mapping[str, int]] = {}

    def raise_of(self, item: Mapping[str, Any]) -> float:
        """Give how much is added to the share of an item."""
        confidence = _number(item.get("confidence"))
        added = sum(
            weight * min(1.0, _number(_signals(item).get(name)) or 0.0) for name, weight in self.signals.items()
        )
        if self.novelty:
            added += self.novelty * self.novelty_of(item)
        if confidence is None:
            return added
        added += self.uncertainty * max(0.0, 1.0 - abs(confidence - self.near) / self.within)
        closest = _closest(item)
        if closest is None:
            return added
        return added + self.disagreement * min(1.0, max(0.0, 1.0 - (confidence - closest) / self.margin))

    def novelty_of(self, item: Mapping[str, Any]) -> float:
        """Give how little had been seen of what an item says, from 0 to 1, by the least of its values.

        A path that it does not have says nothing; of a list each of the first 50 elements counts.
        """
        counts = (
            counted.get(value, 0) for path, counted in self.seen.items() for value in _values(item, path.split("."))
        )
        return 1.0 - min(1.0, min(counts, default=self.enough) / self.enough)


class AuditPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Which share of what rules let through goes to people, and to whom; `types` is empty where it is about all.

    `is_told` says whether those who judge such an item hear that it was let through but for the sample.
    """

    pool: str
    share: float
    at_least: float
    types: tuple[str, ...] = ()
    strata: tuple[Stratum, ...] = ()
    active: Active = Active()
    priority: int = 50
    is_told: bool = False

    def share_of(self, item: Mapping[str, Any], rule: str) -> float | None:
        """Give the chance that an item which this rule lets through is looked at; None where it is not audited."""
        if self.types and item.get("type") not in self.types:
            return None
        model = item.get("model")
        known: Mapping[str, Any] = model if is_object(model) else {}
        confidence = _number(item.get("confidence"))
        found = next((each.share for each in self.strata if each.holds(rule, known, confidence)), self.share)
        raised = self.active.raise_of(item)
        # In steps, so that items stand together by their chance; a share that was written counts as it was written.
        return min(1.0, max(self.at_least, round(found + raised, 3) if raised else found))


class Audit(msgspec.Struct, frozen=True):
    """What the audit sample made of an item: the chance, whether it was drawn, and what the rule would have done."""

    share: float
    drawn: bool
    outcome: str = "approve"
    told: bool = False


def is_drawn(item_id: UUID, rule: str, share: float) -> bool:
    """Tell whether the audit takes an item that this rule lets through: the same item always gets the same answer."""
    return chance(b"audit\0" + rule.encode(), item_id) < share


def chance(salt: bytes, item_id: UUID) -> float:
    """Give an item's number from 0 up to 1, which nothing but the salt and its id makes."""
    digest = hashlib.sha256(salt + b"\0" + item_id.bytes).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _values(item: object, steps: Sequence[str]) -> Iterator[str]:
    """Give what stands at a path as text: numbers as JSON has them, true and false as words, nothing for an object."""
    for step in steps:
        if not is_object(item) or step not in item:
            return
        item = item[step]
    for each in item[:MOST_ELEMENTS] if is_list(item) else [item]:
        if isinstance(each, str):
            yield each
        elif isinstance(each, bool | int | float):
            yield msgspec.json.encode(each).decode()


def _closest(item: Mapping[str, Any]) -> float | None:
    alternatives = item.get("alternatives")
    if not is_list(alternatives):
        return None
    found = [_number(each.get("confidence")) for each in alternatives if is_object(each)]
    return max((each for each in found if each is not None), default=None)


def _signals(item: Mapping[str, Any]) -> Mapping[str, Any]:
    signals = item.get("signals")
    return signals if is_object(signals) else {}


def _number(value: object) -> float | None:
    return max(0.0, min(1.0, float(value))) if is_number(value) else None
