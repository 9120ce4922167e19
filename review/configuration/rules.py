"""From a document to a project's configuration, collecting every fault on the way; no I/O."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from review.configuration.auditing import DEFAULT_BANDS, read_audit
from review.configuration.calendars import read_calendar
from review.configuration.checks import Checks, mapping_of
from review.configuration.clearing import NOT_ASKED, Clearing, read_clearing
from review.configuration.clocks import Parts, read_policy
from review.configuration.document import Document
from review.configuration.errors import ConfigurationInvalid
from review.configuration.ladders import Reach, check_order, read_ladders
from review.configuration.limits import LIMITS, VERDICTS, check_limits, limits_of, read_verdicts, warnings_of
from review.configuration.named import Beside, check_cost, names_of, read_called
from review.configuration.outlets import Channel, Notices, Webhook, read_channels, read_notices, read_webhooks
from review.configuration.personal import check_personal
from review.configuration.roles import CustomRole, read_roles
from review.configuration.routes import Surroundings, find_impossible, read_rules
from review.configuration.sensitivity import (
    SENSITIVITY,
    VeilDefaults,
    check_sensitivity,
    read_shared_limit,
    read_veil,
    sensitivity_of,
)
from review.configuration.shadows import shadow_warnings
from review.identity.rules import normalise_email
from review.items.types import LANGUAGES, VIEWS, ExposureLimit, ItemType, SchemaInvalid, compile_schema
from review.kernel.sentences import say
from review.routing.conditions import Called
from review.routing.named import Entries
from review.routing.rules import Rule, RuleSet
from review.sla.calendars import Calendar
from review.sla.ladders import Ladder
from review.sla.rules import SlaPolicy

MAX_CALENDARS = 100  # a few milliseconds each to compile, holidays put in
DEFAULT_LEASE = "10m"
SHORTEST_LEASE, LONGEST_LEASE = timedelta(seconds=5), timedelta(days=7)
TOP = (
    *("project", "title", "item_types", "pools", "default_pool", "rules"),
    *("calendars", "sla_policies", "escalation_policies", "webhooks", "channels", "roles"),
    *("veil", "exposure", "audit", "approvals", "lists", "scores", "models"),
)
REQUIRED = ("project", "item_types", "pools", "rules")
LATER_IN_POOLS = {"skills": "everybody in a pool may work all of it"}


class Pool(msgspec.Struct, frozen=True):
    """The reviewers who may work a queue, how long a claim of theirs lasts, and which verdicts they may give."""

    name: str
    title: str
    lease: timedelta
    members: tuple[str, ...]
    notices: Notices | None = None
    verdicts: tuple[str, ...] = VERDICTS


class ProjectConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a project's configuration, compiled; it never changes.

    `veil` is how sensitive content is shown by default, and `exposure` the limit that all sensitive types share.
    `rules_take_two` says that a change of rules acts once somebody else has approved it; `clearing` whose new model
    versions wait.
    `warnings` are for whoever applies it: what it asks for that will not happen, each with its line.
    """

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
    roles: Mapping[str, CustomRole] = {}
    veil: VeilDefaults = VeilDefaults()
    exposure: ExposureLimit | None = None
    audit_bands: tuple[float, ...] = DEFAULT_BANDS
    rules_take_two: bool = False
    clearing: Clearing = NOT_ASKED
    warnings: tuple[str, ...] = ()

    @property
    def personal(self) -> dict[str, tuple[str, ...]]:
        """Give the paths of personal fields of the item types that have some."""
        return {name: each.personal for name, each in self.item_types.items() if each.personal}


class Versions(msgspec.Struct, frozen=True):
    """The numbers that a stored configuration goes by: its own, its rule set's, its item types'."""

    config: int
    ruleset: int
    item_types: Mapping[str, int]


UNVERSIONED = Versions(0, 0, {})


def compile_config(
    document: Document,
    versions: Versions = UNVERSIONED,
    *,
    today: date | None = None,
    lists: Mapping[str, Entries] | None = None,
) -> ProjectConfig:
    """Check a document and compile it.

    With `today` it is also asked whether each calendar has working time in the year to come; stored ones are not.
    `lists` are those that stand apart, by digest; without, what looks in one goes to a person.

    Raises:
        ConfigurationInvalid: with every fault found, each with its line (422).
    """
    checks, data = Checks(document), document.data
    (project, title), channels = _head(checks, data), read_channels(checks, data.get("channels"))
    defined, types = _item_types(checks, data, versions)
    pools = _pools(checks, data.get("pools"), channels)
    _check_limits(checks, types, defined, tuple(pools))
    parts = _clock_parts(checks, data, Reach(tuple(pools), tuple(channels)), today, is_stored=versions.config > 0)
    policies = _policies(checks, data, parts)
    rules, called = _rules(checks, data, Surroundings(types, tuple(pools), tuple(policies)), parts, lists)
    audit = read_audit(checks, data.get("audit"), types, tuple(pools), rules)
    webhooks, roles = read_webhooks(checks, data.get("webhooks")), read_roles(checks, data.get("roles"))
    shared = read_shared_limit(checks, data.get("exposure"), types)
    take_two, clearing = _approvals(checks, data.get("approvals")), read_clearing(checks, data.get("models"), types)
    default, veil = _default_pool(checks, data, pools), read_veil(checks, data.get("veil"))
    _refuse_faults(checks)
    return ProjectConfig(
        project=project,
        title=title,
        version=versions.config,
        item_types=types,
        pools=pools,
        ruleset=RuleSet.of(versions.ruleset, rules, called, audit.plan),
        sla_policies=policies,
        default_pool=default,
        calendars=parts.calendars,
        ladders=parts.ladders,
        webhooks=webhooks,
        channels=channels,
        roles=roles,
        veil=veil,
        exposure=shared,
        audit_bands=audit.bands,
        rules_take_two=take_two,
        clearing=clearing,
        warnings=_warnings(checks, types, pools, rules, parts) if versions.config == 0 else (),
    )


def _check_limits(
    checks: Checks,
    types: Mapping[str, ItemType],
    defined: Sequence[tuple[str, Mapping[str, Any]]],
    pools: tuple[str, ...],
) -> None:
    for name, given in defined:
        check_limits(checks, types[name], given, pools)


def _refuse_faults(checks: Checks) -> None:
    if checks.faults:
        raise ConfigurationInvalid(sorted(checks.faults, key=lambda fault: (fault.line, fault.column)))


def _head(checks: Checks, data: Mapping[str, Any]) -> tuple[str, str]:
    """Check what stands at the top; gives the project's name and title."""
    checks.keys("", data, TOP, required=REQUIRED)
    title, given = checks.text("title", data.get("title")), data.get("project")
    project = checks.name("project", given) if given is not None else ""
    return project, title or project


def _default_pool(checks: Checks, data: Mapping[str, Any], pools: Mapping[str, Pool]) -> str:
    named = data.get("default_pool")
    return next(iter(pools), "") if named is None else checks.known("default_pool", named, pools, say("pool"))


def _rules(
    checks: Checks,
    data: Mapping[str, Any],
    around: Surroundings,
    parts: Parts,
    lists: Mapping[str, Entries] | None,
) -> tuple[tuple[Rule, ...], Called | None]:
    beside = Beside(parts.calendars, lists, is_stored=parts.is_stored)
    called = read_called(checks, data, around.types, beside)
    rules = read_rules(checks, data.get("rules"), msgspec.structs.replace(around, called=names_of(called)))
    if not beside.is_stored and not checks.faults:
        check_cost(checks, rules, called)
    return rules, called


def _warnings(
    checks: Checks, types: Mapping[str, ItemType], pools: Mapping[str, Pool], rules: tuple[Rule, ...], parts: Parts
) -> tuple[str, ...]:
    members = {name: len(pool.members) for name, pool in pools.items()}
    return warnings_of(checks, types, rules, parts.ladders) + shadow_warnings(checks, rules, members)


def _approvals(checks: Checks, given: object) -> bool:
    """Tell whether changes of rules take two people: `approvals: {rules: true}`."""
    asked = {} if given is None else mapping_of(given)
    if asked is None:
        checks.add("approvals", say("must be a mapping, such as {rules: true}"))
        return False
    checks.keys("approvals", asked, ("rules",))
    if not isinstance(asked.get("rules", False), bool):
        checks.add("approvals.rules", say("must be true or false"))
    return asked.get("rules") is True


def _clock_parts(
    checks: Checks, data: Mapping[str, Any], reach: Reach, today: date | None, *, is_stored: bool
) -> Parts:
    given = _named(checks, "calendars", data.get("calendars"))
    if len(given) > MAX_CALENDARS:
        checks.add(
            "calendars",
            say("has %(count)s entries; there may be %(most)s", count=len(given), most=MAX_CALENDARS),
        )
        given = []
    calendars = {name: read_calendar(checks, name, each, today) for name, each in given}
    return Parts(calendars, read_ladders(checks, data.get("escalation_policies"), reach), is_stored)


def _policies(checks: Checks, data: Mapping[str, Any], parts: Parts) -> dict[str, SlaPolicy]:
    policies: dict[str, SlaPolicy] = {}
    sound: list[SlaPolicy] = []
    for name, given in _named(checks, "sla_policies", data.get("sla_policies")):
        before = len(checks.faults)
        policies[name] = read_policy(checks, name, given, parts)
        sound += [policies[name]] if len(checks.faults) == before else []
    for ladder in parts.ladders.values():
        check_order(checks, ladder, [policy for policy in sound if policy.ladder is ladder])
    return policies


def _named(checks: Checks, path: str, value: object) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    for name, each in checks.mapping(path, value).items():
        checks.name(f"{path}.{name}", name)
        given = mapping_of({} if each is None else each)  # `triage:` with nothing behind it means all defaults
        if given is None:
            checks.add(f"{path}.{name}", say("must be a mapping"))
        found.append((name, given or {}))
    return found


def _item_types(
    checks: Checks, data: Mapping[str, Any], versions: Versions
) -> tuple[list[tuple[str, dict[str, Any]]], dict[str, ItemType]]:
    defined = _named(checks, "item_types", data.get("item_types"))
    numbers = versions.item_types
    return defined, {name: _item_type(checks, name, given, numbers.get(name, 0)) for name, given in defined}


def _item_type(checks: Checks, name: str, given: Mapping[str, Any], version: int) -> ItemType:
    path = f"item_types.{name}"
    allowed = ("title", "input_schema", "output_schema", "reasons", "guidelines", "view")
    checks.keys(path, given, (*allowed, *LIMITS, *SENSITIVITY), required=("input_schema", "output_schema"))
    check_sensitivity(checks, path, given)
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
        **limits_of(given),
        **sensitivity_of(given),
        input_validator=_schema(checks, f"{path}.input_schema", input_schema),
        output_validator=_schema(checks, f"{path}.output_schema", output_schema),
    )
    _check_view(checks, f"{path}.view", compiled)
    check_personal(checks, f"{path}.personal", compiled, given.get("personal"))
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
        _check_kind(checks, f"{path}.{field}", kind)
        steps = tuple(field.split("."))
        if kind == "confidences" and steps[0] == "signals":
            continue
        if steps[0].partition("[")[0] not in {"input", "output"}:
            checks.add(f"{path}.{field}", say("must begin with `input` or `output`"))
        elif "[" not in field and item_type.input_validator is not None and item_type.output_validator is not None:
            impossible = find_impossible(steps, {item_type.name: item_type})
            if impossible is not None:
                checks.add(f"{path}.{field}", impossible)


def _check_kind(checks: Checks, path: str, kind: str) -> None:
    name, colon, language = kind.partition(":")
    if name == "code" and colon:
        checks.known(path, language, LANGUAGES, say("language that code is shown in"))
    else:
        checks.known(path, kind, VIEWS, say("view"))


def _pools(checks: Checks, given: object, channels: Mapping[str, Channel]) -> dict[str, Pool]:
    pools = {name: _pool(checks, name, each, channels) for name, each in _named(checks, "pools", given)}
    if not pools and mapping_of(given) is not None:
        checks.add("pools", say("is empty; what no rule can judge must have a pool to go to"))
    return pools


def _pool(checks: Checks, name: str, given: Mapping[str, Any], channels: Mapping[str, Channel]) -> Pool:
    path = f"pools.{name}"
    checks.keys(path, given, ("title", "lease", "members", "notify", "verdicts"), later=LATER_IN_POOLS)
    lease = checks.duration(f"{path}.lease", given.get("lease", DEFAULT_LEASE))
    if not SHORTEST_LEASE <= lease <= LONGEST_LEASE:
        checks.add(f"{path}.lease", say("must be from 5s to 7d"))
    members = (normalise_email(email) for email in checks.emails(f"{path}.members", given.get("members")))
    return Pool(
        name=name,
        title=checks.text(f"{path}.title", given.get("title")) or name,
        lease=lease,
        members=tuple(dict.fromkeys(members)),
        notices=read_notices(checks, f"{path}.notify", given.get("notify"), channels),
        verdicts=read_verdicts(checks, f"{path}.verdicts", given.get("verdicts")),
    )
