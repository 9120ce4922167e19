"""What applying a document would change, said before it is done."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from review.configuration.checks import mapping_of
from review.configuration.rules import ProjectConfig

Configured = ProjectConfig | Mapping[str, Any]
Change = Literal["added", "changed", "removed"]
SECTIONS = {
    "item_types": "item type",
    "pools": "pool",
    "calendars": "calendar",
    "sla_policies": "SLA policy",
    "escalation_policies": "escalation policy",
    "channels": "channel",
    "roles": "role",
    "lists": "list",
    "scores": "score",
}


class Difference(msgspec.Struct, frozen=True):
    """One thing that is added, changed or removed; of what is changed, the keys that differ."""

    change: Change
    kind: str
    name: str
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Give the line a person reads."""
        sign = {"added": "+", "changed": "~", "removed": "-"}[self.change]
        return f"{sign} {self.kind} {self.name}" + (f" ({', '.join(self.keys)})" if self.keys else "")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a document changes against the active version; `version` is the one active afterwards.

    `warnings` say what it asks for that will not happen, each with its line.
    """

    project: str
    version: int
    previous_version: int
    applied: bool
    differences: tuple[Difference, ...]
    ruleset_version: int
    item_types: dict[str, int]
    warnings: tuple[str, ...] = ()


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """List what differs between two checked documents, section by section, rules by name and by order."""
    found: list[Difference] = []
    for section, kind in SECTIONS.items():
        found += _compare_named(kind, before.get(section) or {}, after.get(section) or {})
    found += _compare_named("webhook", _listed(before, "webhooks"), _listed(after, "webhooks"))
    old, new = _listed(before, "rules"), _listed(after, "rules")
    found += _compare_named("rule", old, new)
    if [name for name in old if name in new] != [name for name in new if name in old]:
        found.append(Difference("changed", "rules", "order"))
    if before and before.get("title") != after.get("title"):
        found.append(Difference("changed", "project", "title"))
    for key in ("veil", "exposure", "approvals", "audit", "models"):
        if before and digest_of(before.get(key)) != digest_of(after.get(key)):
            found.append(Difference("changed", "project", key))
    if before and _default_pool(before) != _default_pool(after):
        found.append(Difference("changed", "project", "default_pool"))
    return tuple(found)


def digest_of(definition: object) -> bytes:
    """Give what two definitions have in common exactly if they are the same; forms follow the order of fields."""
    return msgspec.json.encode(definition)


def clocks_differ(before: Configured, after: Configured) -> frozenset[str]:
    """Name the SLA policies under which a clock may run otherwise: their own words, their calendar's or their ladder's.

    Takes compiled configurations or checked documents, two of the same; a policy that only one of them has is named.
    """
    old, new = _clocks(before), _clocks(after)
    return frozenset(name for name in old | new if name not in old or name not in new or old[name] != new[name])


def _clocks(config: Configured) -> dict[str, object]:
    if isinstance(config, ProjectConfig):
        return dict(config.sla_policies)
    calendars: Mapping[str, Any] = config.get("calendars") or {}
    ladders: Mapping[str, Any] = config.get("escalation_policies") or {}
    policies: Mapping[str, Any] = config.get("sla_policies") or {}
    return {
        name: digest_of([policy, calendars.get(policy.get("calendar")), ladders.get(policy.get("escalation"))])
        for name, policy in policies.items()
    }


def _listed(document: Mapping[str, Any], section: str) -> dict[str, Any]:
    listed: list[dict[str, Any]] = document.get(section) or []
    return {each["name"]: each for each in listed}


def _default_pool(document: Mapping[str, Any]) -> str:
    return str(document.get("default_pool") or next(iter(document["pools"])))


def _compare_named(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    added = [Difference("added", kind, name) for name in after if name not in before]
    removed = [Difference("removed", kind, name) for name in before if name not in after]
    changed = [
        Difference("changed", kind, name, _differing(before[name] or {}, after[name] or {}))
        for name in after
        if name in before and digest_of(after[name]) != digest_of(before[name])
    ]
    return added + changed + removed


def _differing(before: object, after: object) -> tuple[str, ...]:
    old, new = mapping_of(before), mapping_of(after)
    if old is None or new is None:
        return ()  # an escalation policy is a list of steps, which have no names
    keys = dict.fromkeys([*old, *new])
    return tuple(key for key in keys if digest_of(old.get(key)) != digest_of(new.get(key)))
