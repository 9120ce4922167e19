"""From a submission to everything that must be stored for it; no I/O."""

from collections.abc import Iterable, Mapping
from typing import Any, cast
from uuid import UUID

import msgspec

from review.audit.rules import Actor
from review.configuration.rules import ProjectConfig
from review.identity.rules import Principal, parted
from review.items.errors import PayloadInvalid, UnknownItemType
from review.items.schemas import Model, Submission, as_stored
from review.items.types import ItemType
from review.kernel import strict_json
from review.kernel.canonical import fingerprint, sha256_of
from review.kernel.errors import FieldError
from review.kernel.events import EventKind
from review.kernel.ids import new_id
from review.kernel.sentences import say
from review.queueing.conflicts import barred_of, people_in
from review.registry.rules import NONE, Cleared
from review.routing.measuring import NOTHING, Measured
from review.routing.rollouts import is_taken
from review.routing.rules import Restraint, Route, route

# Why the clock of what a stop holds stands still, and who stopped it.
HELD = "nobody is handed it while a stop stands"
HELD_BY = "safe stop"
_encode = msgspec.json.Encoder().encode


class Unrouted(msgspec.Struct, frozen=True, kw_only=True):
    """One checked submission.

    `by` is the version that routes it: the active one, or that of a rollout; `facts` and `restraint` are what it is
    routed by.
    """

    id: UUID
    submission: Submission
    type_version: int
    idempotency_key: str | None
    fingerprint: bytes
    input: str
    output: str
    details: str
    case_id: UUID
    by: ProjectConfig
    facts: Mapping[str, Any]
    restraint: Restraint
    who: Principal | None

    @property
    def config_version(self) -> int:
        """Give the version that routes it."""
        return self.by.version


class NewItem(Unrouted, frozen=True, kw_only=True):
    """One checked and routed submission, with the ids of every row it will become.

    `route_json` is the route as it is stored. `barred` names those who may not review it, one to a line. `held_by` is
    the stop under which nobody is handed it.
    """

    route: Route
    route_json: str
    seat_ids: tuple[UUID, ...]
    output_sha256: str | None
    barred: str | None
    held_by: UUID | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether people must look at it."""
        return self.route.action == "review"


def prepare(
    value: object,
    config: ProjectConfig,
    *,
    idempotency_key: str | None,
    who: Principal | None = None,
    cleared: Cleared = NONE,
    candidate: ProjectConfig | None = None,
) -> Unrouted:
    """Check a submission against its item type, and find the rule set that routes it.

    That is the one of this configuration version, or of the `candidate` of a rollout, which differs in rules alone, for
    those that its rollout takes. Without `who`, which says who sent it and what is stopped, it is routed as if nothing
    were. `cleared` counts where the configuration asks for clearing.

    Raises:
        Invalid: a field is missing, unknown or wrong; `errors` names it (422).
        UnknownItemType, PayloadInvalid: the type does not exist, or the payload does not fit it (422).
    """
    submission, item_type = checked(value, config)
    item_id = new_id()
    restraint = restraint_of(item_type, who, submission.model)
    if config.clearing.covers(item_type.name) and not cleared.has(submission.model):
        restraint = msgspec.structs.replace(restraint, uncleared=True)
    facts = as_stored(cast("Mapping[str, Any]", value))
    return Unrouted(
        id=item_id,
        submission=submission,
        type_version=item_type.version,
        idempotency_key=idempotency_key,
        fingerprint=fingerprint(value),
        input=_encode(submission.input).decode(),
        output=_encode(submission.output).decode(),
        details=_encode(submission.details()).decode(),
        case_id=new_id(),
        by=_router(config, candidate, who, item_id, submission),
        facts=facts,
        restraint=restraint,
        who=who,
    )


def checked(value: object, config: ProjectConfig) -> tuple[Submission, ItemType]:
    """Give a submission with its type, which it fits.

    Raises:
        Invalid, UnknownItemType, PayloadInvalid: it does not (422).
    """
    submission = strict_json.convert(value, Submission)
    item_type = config.item_types.get(submission.type)
    if item_type is None:
        known = ", ".join(sorted(config.item_types)) or "none yet"
        message = say(
            "There is no item type %(type)s; nothing was stored. This project has: %(known)s.",
            type=repr(submission.type),
            known=known,
        )
        raise UnknownItemType(message, errors=(FieldError("type", say("is not an item type of this project")),))
    faults = [*item_type.check_input(submission.input), *item_type.check_output(submission.output)]
    if faults:
        message = say(
            "The payload does not fit item type %(type)s; nothing was stored. Mend the fields below.",
            type=repr(submission.type),
        )
        raise PayloadInvalid(message, errors=tuple(faults))
    return submission, item_type


def routed(item: Unrouted, measured: Measured = NOTHING) -> NewItem:
    """Route a checked submission, of which so much was measured."""
    taken = route(item.by.ruleset, item.facts, item.id, item.by.default_pool, item.restraint, measured)
    given, who = item.submission, item.who
    is_open = taken.action == "review"
    return NewItem(
        **{name: getattr(item, name) for name in Unrouted.__struct_fields__},
        route=taken,
        route_json=_encode(taken).decode(),
        seat_ids=tuple(new_id() for _ in range(taken.reviews_required)) if is_open and not taken.held else (),
        output_sha256=sha256_of(given.output) if taken.action == "approve" else None,
        barred=_barred(given, item.by.item_types[given.type], who) if is_open else None,
        held_by=_held_by(taken, who, given) if taken.held else None,
    )


def _router(
    config: ProjectConfig, candidate: ProjectConfig | None, who: Principal | None, item_id: UUID, given: Submission
) -> ProjectConfig:
    rollout = None if who is None else who.rollout
    if candidate is None or rollout is None or not is_taken(rollout, item_id, given.tags):
        return config
    return candidate


def restraint_of(item_type: ItemType, who: Principal | None, model: Model | None = None) -> Restraint:
    """Tell what rules may not do with an item of this type and model from this sender."""
    if who is None or not who.stops:
        return Restraint(two_person=item_type.two_person)
    ways = parted(who.stops)
    subjects = _subjects(item_type.name, who, model)
    return Restraint(
        stopped=not subjects.isdisjoint(ways["approvals"]),
        two_person=item_type.two_person,
        stopped_wholly=not subjects.isdisjoint(ways["everything"]),
        rules=_rules_of(ways["approvals"]),
        rules_wholly=_rules_of(ways["everything"]),
        held=not subjects.isdisjoint(ways["hold"]),
        rules_held=_rules_of(ways["hold"]),
        falling=not subjects.isdisjoint(ways["fallback"]),
        rules_falling=_rules_of(ways["fallback"]),
        fallback=item_type.fallback,
    )


def _subjects(item_type: str, who: Principal, model: Model | None) -> set[str]:
    """Name what an item may be stopped by, but for its rule."""
    subjects = {f"project:{who.project}", f"item_type:{item_type}", f"source:{who.id}"}
    if model is not None:
        subjects |= {f"model:{model.name}"} | ({f"model:{model.name}@{model.version}"} if model.version else set[str]())
    return subjects


def _rules_of(stops: Iterable[str]) -> frozenset[str]:
    return frozenset(each.removeprefix("rule:") for each in stops if each.startswith("rule:"))


def _held_by(taken: Route, who: Principal | None, submission: Submission) -> UUID | None:
    """Give the stop that holds an item; if there are several any of them, for each is asked before it goes on."""
    if who is None:
        return None
    holding = parted(who.stops)["hold"]
    subjects = _subjects(submission.type, who, submission.model) | {f"rule:{taken.rule}"}
    return next((UUID(holding[each]) for each in sorted(subjects) if each in holding), None)


def _barred(submission: Submission, item_type: ItemType, who: Principal | None) -> str | None:
    people = people_in(
        item_type.relations,
        input=submission.input,
        output=submission.output,
        metadata=submission.metadata,
        subject=submission.subject,
        submitted_by=None if who is None else {"kind": who.kind, "id": who.id},
    )
    return barred_of(people)


def submitted_by(actor: Actor) -> str:
    """Give the JSON that remembers who sent an item."""
    return _encode({"kind": actor.kind, "id": actor.id, "name": actor.name}).decode()


def event_of(item: NewItem) -> tuple[str, str]:
    """Give the event an arrival is announced by, and its payload."""
    if item.is_open:
        payload: dict[str, Any] = {"pool": item.route.pool, "priority": item.route.priority, "rule": item.route.rule}
        if item.held_by is not None:
            payload["held"] = True
        return EventKind.QUEUED.value, _encode(payload).decode()
    payload = {"verdict": item.route.action, "source": "rule", "rule": item.route.rule, "revision": 1}
    if item.route.fallback is True:
        payload["fallback"] = True
    return EventKind.DECIDED.value, _encode(payload).decode()


def audit_of(item: NewItem) -> str:
    """Give the particulars of the arrival's audit entry; the statement that stores it adds when the item is due."""
    taken = item.route
    told = {
        "type": item.submission.type,
        "type_version": item.type_version,
        "config_version": item.config_version,
        "ruleset_version": taken.ruleset_version,
        "action": taken.action,
        "rule": taken.rule,
        "pool": taken.pool,
        "sla_policy": taken.sla_policy,
        "error": taken.error,
    }
    halted = {"held": taken.held is True, "fallback": taken.fallback is True, "withheld": _is_withheld(taken)}
    return _encode(told | {name: True for name, is_so in halted.items() if is_so}).decode()


def _is_withheld(taken: Route) -> bool:
    """Tell whether people take the place of the rule that would have decided it."""
    is_kept = any(each.stopped or each.uncleared or each.two_person for each in taken.evaluations)
    return is_kept and taken.action == "review"
