"""What applying a document would change, said before it is done."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from review.kernel.canonical import fingerprint

Change = Literal["added", "changed", "removed"]
SECTIONS = {"item_types": "item type", "pools": "pool", "sla_policies": "SLA policy"}


class Difference(msgspec.Struct, frozen=True):
    """One thing that is added, changed or removed."""

    change: Change
    kind: str
    name: str

    def __str__(self) -> str:
        """Give the line a person reads."""
        sign = {"added": "+", "changed": "~", "removed": "-"}[self.change]
        return f"{sign} {self.kind} {self.name}"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a document changes against the active version; `version` is the one active afterwards."""

    project: str
    version: int
    previous_version: int
    applied: bool
    differences: tuple[Difference, ...]
    ruleset_version: int
    item_types: dict[str, int]


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """List what differs between two documents, section by section, rules by name and by order."""
    found: list[Difference] = []
    for section, kind in SECTIONS.items():
        found += _compare_named(kind, before.get(section) or {}, after.get(section) or {})
    old, new = _rules(before), _rules(after)
    found += _compare_named("rule", old, new)
    kept_before, kept_after = [name for name in old if name in new], [name for name in new if name in old]
    if kept_before != kept_after:
        found.append(Difference("changed", "rules", "order"))
    found += [
        Difference("changed", "project", key)
        for key in ("title", "default_pool")
        if before and before.get(key) != after.get(key)
    ]
    return tuple(found)


def _rules(document: Mapping[str, Any]) -> dict[str, Any]:
    return {rule["name"]: rule for rule in document.get("rules") or []}


def _compare_named(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    added = [Difference("added", kind, name) for name in after if name not in before]
    removed = [Difference("removed", kind, name) for name in before if name not in after]
    changed = [
        Difference("changed", kind, name)
        for name in after
        if name in before and fingerprint(after[name]) != fingerprint(before[name])
    ]
    return added + changed + removed
