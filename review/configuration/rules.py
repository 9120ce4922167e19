"""From a document to a project's configuration, collecting every fault on the way; no I/O."""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

import msgspec

from review.configuration.document import Document
from review.configuration.errors import ConfigError, ConfigurationInvalid
from review.identity.rules import normalise_email
from review.items.types import VIEWS, ItemType, SchemaInvalid, compile_schema
from review.kernel.durations import parse_duration
from review.routing.conditions import Condition, ConditionInvalid, compile_condition
from review.routing.rules import DEFAULT_PRIORITY, Rule, RuleSet
from review.sla.rules import SlaPolicy

NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,62}$")
DEFAULT_LEASE = "10m"
MAX_REVIEWS = 9
MAX_RULES = 2_000
LATER = {
    "calendars": "calendars are not supported yet; SLA targets run night and day",
    "escalation_policies": "escalation ladders are not supported yet",
    "webhooks": "webhooks are not supported yet",
}
TOP = ("project", "title", "item_types", "pools", "default_pool", "rules", "sla_policies")


class Pool(msgspec.Struct, frozen=True):
    """The reviewers who may work a queue, and how long a claim of theirs lasts."""

    name: str
    title: str
    lease: timedelta
    members: tuple[str, ...]


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
    return _Compiler(document, versions).run()


class _Compiler:
    """One pass over a document; each part adds its faults and goes on."""

    def __init__(self, document: Document, versions: Versions) -> None:
        self._document = document
        self._versions = versions
        self._faults: list[ConfigError] = []

    def run(self) -> ProjectConfig:
        data = self._document.data
        self._keys("", data, TOP, required=("project", "item_types", "pools", "rules"))
        project = self._name("project", data.get("project"))
        types = self._named("item_types", data.get("item_types"), self._item_type)
        pools = self._named("pools", data.get("pools"), self._pool)
        policies = self._named("sla_policies", data.get("sla_policies", {}), self._sla_policy)
        if isinstance(data.get("pools"), dict) and not data["pools"]:
            self._fault("pools", "is empty; what no rule can judge must have a pool to go to")
        default = str(data.get("default_pool") or next(iter(data.get("pools") or {}), ""))
        self._known("default_pool", default, data.get("pools") or {}, "pool")
        rules = self._rules(data.get("rules"), types)
        if self._faults:
            raise ConfigurationInvalid(self._faults)
        return ProjectConfig(
            project=project,
            title=self._text("title", data.get("title", "")) or project,
            version=self._versions.config,
            item_types=types,
            pools=pools,
            ruleset=RuleSet.of(self._versions.ruleset, rules),
            sla_policies=policies,
            default_pool=default,
        )

    def _item_type(self, name: str, path: str, given: dict[str, Any]) -> ItemType:
        allowed = ("title", "input_schema", "output_schema", "reasons", "guidelines", "view")
        self._keys(path, given, allowed, required=("input_schema", "output_schema"))
        return ItemType(
            name=name,
            version=self._versions.item_types.get(name, 0),
            title=self._text(f"{path}.title", given.get("title", "")) or name,
            input_schema=given.get("input_schema", True),
            output_schema=given.get("output_schema", True),
            reasons=self._texts(f"{path}.reasons", given.get("reasons", [])),
            guidelines=self._text(f"{path}.guidelines", given.get("guidelines", "")),
            view=self._view(f"{path}.view", given.get("view", {})),
            input_validator=self._schema(f"{path}.input_schema", given.get("input_schema", True)),
            output_validator=self._schema(f"{path}.output_schema", given.get("output_schema", True)),
        )

    def _schema(self, path: str, schema: object) -> Any:
        try:
            return compile_schema(schema)
        except SchemaInvalid as fault:
            self._fault(f"{path}.{fault.path}".rstrip("."), fault.message)
            return None

    def _view(self, path: str, given: object) -> dict[str, str]:
        view = given if isinstance(given, dict) else {}
        if not isinstance(given, dict):
            self._fault(path, "must map paths such as input.text to how they are shown")
        for field, kind in view.items():
            if field.partition(".")[0].partition("[")[0] not in {"input", "output"}:
                self._fault(f"{path}.{field}", "must begin with input or output")
            self._known(f"{path}.{field}", kind, VIEWS, "view")
        return {str(field): str(kind) for field, kind in view.items()}

    def _pool(self, name: str, path: str, given: dict[str, Any]) -> Pool:
        self._keys(path, given, ("title", "lease", "members"))
        members = self._texts(f"{path}.members", given.get("members", []))
        for at, email in enumerate(members):
            if "@" not in email:
                self._fault(f"{path}.members[{at}]", "is not an e-mail address")
        return Pool(
            name=name,
            title=self._text(f"{path}.title", given.get("title", "")) or name,
            lease=self._duration(f"{path}.lease", given.get("lease", DEFAULT_LEASE)),
            members=tuple(dict.fromkeys(normalise_email(email) for email in members)),
        )

    def _sla_policy(self, name: str, path: str, given: dict[str, Any]) -> SlaPolicy:
        self._keys(path, given, ("decide",), required=("decide",))
        return SlaPolicy(name, self._duration(f"{path}.decide", given.get("decide", "")))

    def _rules(self, given: object, types: Mapping[str, ItemType]) -> tuple[Rule, ...]:
        if not isinstance(given, list) or len(given) > MAX_RULES:
            self._fault("rules", f"must be a list of at most {MAX_RULES} rules, tried in order")
            return ()
        rules: list[Rule] = []
        for at, each in enumerate(given):
            rule = self._rule(f"rules[{at}]", each, types)
            if rule is not None and any(rule.name == earlier.name for earlier in rules):
                self._fault(f"rules[{at}].name", f"{rule.name!r} is the name of an earlier rule")
            if rule is not None:
                rules.append(rule)
        return tuple(rules)

    def _rule(self, path: str, given: object, types: Mapping[str, ItemType]) -> Rule | None:
        if not isinstance(given, dict):
            self._fault(path, "must be a rule: {name, when, then}")
            return None
        self._keys(path, given, ("name", "when", "sample", "then"), required=("name", "when", "then"))
        name = self._name(f"{path}.name", given.get("name"))
        condition = self._condition(f"{path}.when", given.get("when"), types)
        sample = given.get("sample", 1.0)
        if not isinstance(sample, int | float) or isinstance(sample, bool) or not 0 < sample <= 1:
            self._fault(f"{path}.sample", "must be a share above 0 and up to 1, such as 0.02")
            sample = 1.0
        then = given.get("then")
        if not isinstance(then, dict):
            self._fault(f"{path}.then", "must say {review: POOL}, {approve: true} or {reject: true}")
            return None
        return None if condition is None else self._action(f"{path}.then", then, name, condition, float(sample))

    def _action(self, path: str, then: dict[str, Any], name: str, condition: Condition, sample: float) -> Rule | None:
        verbs = [verb for verb in ("review", "approve", "reject") if verb in then]
        if len(verbs) != 1:
            self._fault(path, "must say exactly one of review, approve and reject")
            return None
        verb = verbs[0]
        if verb != "review":
            self._keys(path, then, (verb,))
            if then[verb] is not True:
                self._fault(f"{path}.{verb}", "must be true")
            action: Any = verb
            return Rule(name=name, condition=condition, action=action, sample=sample)
        self._keys(path, then, ("review", "priority", "sla", "reviews", "adjudicate"))
        pools, policies = self._document.data.get("pools") or {}, self._document.data.get("sla_policies") or {}
        for key, known, what in (("review", pools, "pool"), ("adjudicate", pools, "pool"), ("sla", policies, "SLA policy")):
            if key in then:
                self._known(f"{path}.{key}", then[key], known, what)
        return Rule(
            name=name,
            condition=condition,
            action="review",
            sample=sample,
            pool=str(then["review"]),
            priority=self._integer(f"{path}.priority", then.get("priority", DEFAULT_PRIORITY), 0, 100),
            reviews_required=self._integer(f"{path}.reviews", then.get("reviews", 1), 1, MAX_REVIEWS),
            adjudicate_pool=then.get("adjudicate"),
            sla_policy=then.get("sla"),
        )

    def _condition(self, path: str, source: object, types: Mapping[str, ItemType]) -> Condition | None:
        if source is True or source is False:
            source = "true" if source else "false"
        if not isinstance(source, str):
            self._fault(path, "must be a condition in CEL, such as 'item.confidence < 0.8'")
            return None
        try:
            condition = compile_condition(source)
        except ConditionInvalid as fault:
            self._fault_within(path, source, fault.message, fault.offset)
            return None
        for name, offset in condition.literals:
            if name not in types:
                close = get_close_matches(name, list(types), n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                self._fault_within(path, source, f"{name!r} is no item type{hint}", offset)
        for fields, offset in condition.paths:
            message = _find_impossible(fields, types)
            if message is not None:
                self._fault_within(path, source, message, offset)
        return condition

    def _fault_within(self, path: str, source: str, message: str, offset: int) -> None:
        """Add a fault at a place inside an expression: the column counts within the expression."""
        column = offset - (source.rfind("\n", 0, offset) + 1) + 1
        line = source.count("\n", 0, offset) + 1
        place = f"line {line}, column {column}" if "\n" in source else f"column {column}"
        self._fault(path, f"{message} ({place} of the condition)")

    def _named(self, path: str, given: object, build: Any) -> dict[str, Any]:
        if not isinstance(given, dict):
            self._fault(path, "must map names to what they stand for")
            return {}
        built: dict[str, Any] = {}
        for name, each in given.items():
            below = f"{path}.{name}"
            self._name(below, name)
            if each is None:
                each = {}  # noqa: PLW2901  `triage:` with nothing behind it means all defaults
            if isinstance(each, dict):
                built[name] = build(name, below, each)
            else:
                self._fault(below, "must be a mapping")
        return built

    def _keys(self, path: str, given: dict[str, Any], allowed: tuple[str, ...], required: Iterable[str] = ()) -> None:
        for key in given:
            if key not in allowed:
                close = get_close_matches(key, allowed, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(allowed)}"
                below = f"{path}.{key}".removeprefix(".")
                self._fault(below, LATER.get(key, "") if not path and key in LATER else f"is unknown{hint}")
        for key in required:
            if key not in given:
                self._fault(path, f"{key} is missing")

    def _name(self, path: str, name: object) -> str:
        if not isinstance(name, str) or not NAME.match(name):
            self._fault(path, "must be a name of up to 63 lower-case letters, digits, - and _")
            return ""
        return name

    def _known(self, path: str, name: object, known: Iterable[str], what: str) -> None:
        names = list(known)
        if not isinstance(name, str) or name not in names:
            close = get_close_matches(str(name), names, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names) or 'none'}"
            self._fault(path, f"{name!r} is no {what}; {hint}")

    def _text(self, path: str, value: object) -> str:
        if not isinstance(value, str):
            self._fault(path, "must be text")
            return ""
        return value

    def _texts(self, path: str, values: object) -> tuple[str, ...]:
        if not isinstance(values, list) or not all(isinstance(each, str) and each for each in values):
            self._fault(path, "must be a list of texts")
            return ()
        return tuple(values)

    def _duration(self, path: str, value: object) -> timedelta:
        try:
            return parse_duration(str(value))
        except (ValueError, OverflowError) as fault:
            self._fault(path, str(fault))
            return timedelta(minutes=1)

    def _integer(self, path: str, value: object, low: int, high: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self._fault(path, f"must be a whole number from {low} to {high}")
            return low
        return value

    def _fault(self, path: str, message: str) -> None:
        self._faults.append(self._document.fault(path, message))


def _find_impossible(fields: tuple[str, ...], types: Mapping[str, ItemType]) -> str | None:
    """Say why no item can have this path, or None if one can: schemas that list no properties allow anything."""
    if fields[0] not in {"input", "output"} or len(fields) == 1 or not types:
        return None
    schemas: list[Any] = [
        each.input_schema if fields[0] == "input" else each.output_schema for each in types.values()
    ]
    known: set[str] = set()
    for depth, field in enumerate(fields[1:], start=1):
        if any(not isinstance(schema, dict) or "properties" not in schema for schema in schemas):
            return None
        holders = [schema["properties"] for schema in schemas if isinstance(schema["properties"], dict)]
        known = {name for properties in holders for name in properties}
        if field not in known:
            close = get_close_matches(field, sorted(known), n=1)
            hint = f"; did you mean `{close[0]}`?" if close else ""
            return f"no item type's schema has `{'.'.join(fields[: depth + 1])}`{hint}"
        schemas = [properties[field] for properties in holders if field in properties]
    return None
