"""From a document to a project's configuration, collecting every fault on the way; no I/O."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

from review.configuration.checks import Checks, mapping_of
from review.configuration.document import Document
from review.configuration.errors import ConfigurationInvalid
from review.configuration.outlets import Channel, Notices, Webhook
from review.configuration.routes import Surroundings, find_impossible, read_rules
from review.identity.rules import normalise_email
from review.items.types import VIEWS, ItemType, SchemaInvalid, compile_schema
from review.routing.rules import RuleSet
from review.sla.calendars import Calendar
from review.sla.ladders import Ladder
from review.sla.rules import SlaPolicy, Target

DEFAULT_LEASE = "10m"
SHORTEST_LEASE, LONGEST_LEASE = timedelta(seconds=5), timedelta(days=7)
TOP = ("project", "title", "item_types", "pools", "default_pool", "rules", "sla_policies")
REQUIRED = ("project", "item_types", "pools", "rules")
LATER = {
    "calendars": "SLA targets run night and day",
    "escalation_policies": "overdue items show as breached",
    "webhooks": "poll the item, or wait for it with ?wait=",
}
LATER_IN_POOLS = {"skills": "everybody in a pool may work all of it"}
LATER_IN_POLICIES = {
    "calendar": "targets run night and day",
    "first_claim": "set `decide`",
    "warn_at": "set `decide`",
    "escalation": "set `decide`",
}


class Pool(msgspec.Struct, frozen=True):
    """The reviewers who may work a queue, and how long a claim of theirs lasts."""

    name: str
    title: str
    lease: timedelta
    members: tuple[str, ...]
    notices: Notices | None = None


class ProjectConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a project's configuration, compiled; it never changes."""

    project: str
    title: str
    version: int
    item_types: Mapping[str, ItemType]
    pools: Mapping[str, Pool]
    ruleset: RuleSet
    sla_policies: Mapping[str, SlaPolicy]
    default_pool: str
    calendars: Mapping[str, Calendar] = {}
    ladders: Mapping[str, Ladder] = {}
    webhooks: Mapping[str, Webhook] = {}
    channels: Mapping[str, Channel] = {}


class Versions(msgspec.Struct, frozen=True):
    """The numbers that a stored configuration goes by: its own, its rule set's, its item types'."""

    config: int
    ruleset: int
    item_types: Mapping[str, int]


UNVERSIONED = Versions(0, 0, {})


def compile_config(document: Document, versions: Versions = UNVERSIONED) -> ProjectConfig:
    """Check a document and compile it.

    Raises:
        ConfigurationInvalid: with every fault found, each with its line (422).
    """
    checks, data = Checks(document), document.data
    checks.keys("", data, TOP, required=REQUIRED, later=LATER)
    project = checks.name("project", data["project"]) if data.get("project") is not None else ""
    title = checks.text("title", data.get("title"))
    types: dict[str, ItemType] = {}
    for name, given in _named(checks, "item_types", data.get("item_types")):
        types[name] = _item_type(checks, name, given, versions.item_types.get(name, 0))
    pools = {name: _pool(checks, name, given) for name, given in _named(checks, "pools", data.get("pools"))}
    given_policies = _named(checks, "sla_policies", data.get("sla_policies"))
    policies = {name: _sla_policy(checks, name, given) for name, given in given_policies}
    if not pools and mapping_of(data.get("pools")) is not None:
        checks.add("pools", "is empty; what no rule can judge must have a pool to go to")
    default = next(iter(pools), "")
    if data.get("default_pool") is not None:
        default = checks.known("default_pool", data["default_pool"], pools, "pool")
    rules = read_rules(checks, data.get("rules"), Surroundings(types, tuple(pools), tuple(policies)))
    if checks.faults:
        raise ConfigurationInvalid(sorted(checks.faults, key=lambda fault: (fault.line, fault.column)))
    return ProjectConfig(
        project=project,
        title=title or project,
        version=versions.config,
        item_types=types,
        pools=pools,
        ruleset=RuleSet.of(versions.ruleset, rules),
        sla_policies=policies,
        default_pool=default,
    )


def _named(checks: Checks, path: str, value: object) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    for name, each in checks.mapping(path, value).items():
        checks.name(f"{path}.{name}", name)
        given = mapping_of({} if each is None else each)  # `triage:` with nothing behind it means all defaults
        if given is None:
            checks.add(f"{path}.{name}", "must be a mapping")
        found.append((name, given or {}))
    return found


def _item_type(checks: Checks, name: str, given: Mapping[str, Any], version: int) -> ItemType:
    path = f"item_types.{name}"
    allowed = ("title", "input_schema", "output_schema", "reasons", "guidelines", "view")
    checks.keys(path, given, allowed, required=("input_schema", "output_schema"))
    input_schema, output_schema = given.get("input_schema", True), given.get("output_schema", True)
    compiled = ItemType(
        name=name,
        version=version,
        title=checks.text(f"{path}.title", given.get("title")) or name,
        input_schema=input_schema,
        output_schema=output_schema,
        reasons=checks.texts(f"{path}.reasons", given.get("reasons")),
        guidelines=checks.text(f"{path}.guidelines", given.get("guidelines")),
        view={str(field): str(kind) for field, kind in checks.mapping(f"{path}.view", given.get("view")).items()},
        input_validator=_schema(checks, f"{path}.input_schema", input_schema),
        output_validator=_schema(checks, f"{path}.output_schema", output_schema),
    )
    _check_view(checks, f"{path}.view", compiled)
    return compiled


def _schema(checks: Checks, path: str, schema: object) -> Any:
    if schema is None:
        return None
    try:
        return compile_schema(schema)
    except SchemaInvalid as fault:
        checks.add(f"{path}.{fault.path}".rstrip("."), fault.message)
        return None


def _check_view(checks: Checks, path: str, item_type: ItemType) -> None:
    for field, kind in item_type.view.items():
        checks.known(f"{path}.{field}", kind, VIEWS, "view")
        steps = tuple(field.split("."))
        if steps[0].partition("[")[0] not in {"input", "output"}:
            checks.add(f"{path}.{field}", "must begin with `input` or `output`")
        elif "[" not in field and item_type.input_validator is not None and item_type.output_validator is not None:
            impossible = find_impossible(steps, {item_type.name: item_type})
            if impossible is not None:
                checks.add(f"{path}.{field}", impossible)


def _pool(checks: Checks, name: str, given: Mapping[str, Any]) -> Pool:
    path = f"pools.{name}"
    checks.keys(path, given, ("title", "lease", "members"), later=LATER_IN_POOLS)
    lease = checks.duration(f"{path}.lease", given.get("lease", DEFAULT_LEASE))
    if not SHORTEST_LEASE <= lease <= LONGEST_LEASE:
        checks.add(f"{path}.lease", "must be from 5s to 7d")
    members = (normalise_email(email) for email in checks.emails(f"{path}.members", given.get("members")))
    return Pool(
        name=name,
        title=checks.text(f"{path}.title", given.get("title")) or name,
        lease=lease,
        members=tuple(dict.fromkeys(members)),
    )


def _sla_policy(checks: Checks, name: str, given: Mapping[str, Any]) -> SlaPolicy:
    path = f"sla_policies.{name}"
    checks.keys(path, given, ("decide",), required=("decide",), later=LATER_IN_POLICIES)
    decide = checks.duration(f"{path}.decide", given["decide"]) if given.get("decide") is not None else timedelta(0)
    return SlaPolicy(name=name, decide=Target(decide))
