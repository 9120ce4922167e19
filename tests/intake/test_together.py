"""Promise 19, rule 4: stops, clearing, rollouts, rates and audits together let nothing through that one forbids."""

from collections.abc import Mapping
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from review.configuration.document import parse
from review.configuration.rules import ProjectConfig, Versions, compile_config
from review.identity.rules import LiveRollout, Principal, Role
from review.intake.rules import NewItem, prepare, restraint_of, routed
from review.items.schemas import Model
from review.kernel.ids import new_id
from review.registry.rules import NONE, Called, Cleared
from review.rehearsal.evaluating import past_of
from review.rehearsal.rules import replayed
from review.rollout.rules import restraint_as
from review.routing.measuring import Measured
from review.routing.rollouts import is_taken
from review.routing.rules import Route
from review.routing.sampling import Audit

DOCUMENT = """
project: p
item_types:
  note: {input_schema: true, output_schema: true, fallback: FALLBACK}
  payment: {input_schema: true, output_schema: true, two_person: true, fallback: reject}
pools: {crowd: {members: [a@example.com, b@example.com]}, audit: {members: [a@example.com]}}
models: {clear_new: CLEARING}
audit: {pool: audit, share: 0.3}
rules: [RULES]
"""
OLD = """
  {name: burst, when: 'item.subject != null && rate("item.subject", "1h") > 3', then: {reject: true}},
  {name: bad, when: 'item.output.bad', sample: 0.5, then: {review: crowd}},
  {name: rest, when: 'item.confidence >= 0.5', sample: 0.7, then: {approve: true}},
  {name: low, when: 'true', sample: 0.9, then: {reject: true}}
"""
NEW = """
  {name: burst, when: 'item.subject != null && rate("item.subject", "10m") > 3', then: {review: crowd}},
  {name: late, when: 'received.hour("UTC") > 25', then: {reject: true}},
  {name: rest, when: 'item.confidence >= 0.2', sample: 0.6, then: {approve: true}},
  {name: fresh, when: 'item.output.bad', then: {reject: true}},
  {name: low, when: 'true', sample: 0.5, then: {approve: true}}
"""
HOLD, ROLLOUT = UUID(int=7), UUID(int=8)
SUBJECTS = ("project:p", "item_type:note", "item_type:payment", "model:m", "model:m@1", f"source:{UUID(int=9)}")
RULES = ("rule:burst", "rule:rest", "rule:low", "rule:fresh", "rule:bad")
STOPS = st.dictionaries(
    st.sampled_from((*SUBJECTS, *RULES, f"source:{UUID(int=10)}")),
    st.sampled_from(["", "everything/", "fallback/", f"hold/{HOLD}/"]),
    max_size=3,
)
MODELS = st.sampled_from([None, {"name": "m"}, {"name": "m", "version": "1"}, {"name": "n", "version": "1"}])
BODIES = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["note", "note", "payment"]),
        "input": st.just({}),
        "output": st.sampled_from([{}, {"bad": True}, {"bad": False}]),
        "model": MODELS,
    },
    optional={
        "confidence": st.sampled_from([0.1, 0.3, 0.9]),
        "subject": st.just("ann"),
        "tags": st.just(["beta"]),
    },
)
MEASURES = st.sampled_from(["whole", "burst", "nothing"])
NAMES = ("rate(item.subject, 1h)", "rate(item.subject, 10m)")


@cache
def compiled(rules: str, version: int, fallback: str, *, clearing: bool) -> ProjectConfig:
    text = DOCUMENT.replace("RULES", rules).replace("CLEARING", str(clearing).lower())
    return compile_config(parse(text.replace("FALLBACK", fallback)), Versions(version, version, {}))


def measured_as(how: str, body: Mapping[str, Any]) -> Measured:
    if how == "nothing":
        return {}
    counts = dict.fromkeys(NAMES, 9 if how == "burst" else 1) if "subject" in body else {}
    return {"received": "2026-11-02T10:00:00+00:00", **counts}


def ways_of(stops: Mapping[str, str], item: NewItem) -> set[str]:
    """Name the ways in which an item that was routed like this is stopped, by the definition of a stop."""
    model, found = item.submission.model, {"project:p", f"source:{UUID(int=9)}"}
    found |= {f"item_type:{item.submission.type}", f"rule:{item.route.rule}"}
    if model is not None:
        found |= {f"model:{model.name}", f"model:{model.name}@{model.version}"}
    return {way.partition("/")[0] or "approvals" for subject, way in stops.items() if subject in found}


@given(st.data(), STOPS, BODIES, MEASURES, st.sampled_from(["null", "approve", "reject"]), st.booleans(), st.booleans())
@settings(max_examples=250, deadline=None)
def test_whatever_comes_together_nothing_goes_out_against_a_restraint(
    data: st.DataObject,
    stops: dict[str, str],
    body: dict[str, Any],
    how: str,
    fallback: str,
    clearing: bool,
    is_live: bool,
) -> None:
    """Any stops, clearing, a live candidate whose rules differ, measured or not, audited or not; and its replay."""
    text = fallback if fallback != "null" else "reject"
    old, new = (compiled(each, at, text, clearing=clearing) for at, each in ((1, OLD), (2, NEW)))
    if fallback == "null":
        old, new = (_without_fallback(each) for each in (old, new))
    rollout = LiveRollout(id=ROLLOUT, version=2, share=data.draw(st.sampled_from([0.0, 0.5])), tag="beta")
    who = _sender(tuple(f"{way}{subject}" for subject, way in stops.items()), rollout if is_live else None)
    cleared = data.draw(st.sampled_from([NONE, Cleared(frozenset({Called("m"), Called("m", "1")}))]))
    sent = {name: value for name, value in body.items() if value is not None}
    first = prepare(sent, old, idempotency_key=None, who=who, cleared=cleared, candidate=new if is_live else None)
    item = routed(first, measured_as(how, sent))
    by, taken = item.by, item.route
    assert (by is new) == (is_live and is_taken(rollout, item.id, sent.get("tags", ())))
    is_uncleared = clearing and not cleared.has(item.submission.model)
    _check_restraints(item, ways_of(stops, item), is_uncleared=is_uncleared)
    assert 0.0 <= taken.inclusion_probability <= 1.0
    assert abs(taken.inclusion_probability - _chance_by_enumeration(item)) < 1e-12
    _check_replays(item)


def _check_restraints(item: NewItem, ways: set[str], *, is_uncleared: bool) -> None:
    taken, two = item.route, item.submission.type == "payment"
    rule = next((each for each in item.by.ruleset.rules if each.name == taken.rule), None)
    declared = item.by.item_types[item.submission.type].fallback
    if "hold" in ways:
        assert (taken.action, taken.held, item.held_by, item.seat_ids) == ("review", True, HOLD, ())
        return
    assert (taken.held, item.held_by) == (msgspec.UNSET, None)
    assert len(item.seat_ids) == (0 if taken.action != "review" else 2 if two else 1)
    if taken.fallback is True:
        assert "fallback" in ways
        assert taken.action == declared
        if declared == "approve":
            assert not two
            assert not is_uncleared
            assert not ways & {"approvals", "everything"}
            assert taken.error is None
    elif taken.action != "review":
        assert rule is not None
        assert (rule.action, two, is_uncleared) == (taken.action, False, False)
        assert not ways & {"everything", "fallback"}
        assert not (taken.action == "approve" and "approvals" in ways)
    if taken.error is not None and taken.fallback is not True:
        assert (taken.action, taken.pool) == ("review", item.by.default_pool)
    assert (taken.action == "approve") == (item.output_sha256 is not None)


def _chance_by_enumeration(item: NewItem) -> float:
    """Sum up over every way in which the samples may fall who comes to people; the audit says its own chance."""
    total, rules = 0.0, item.by.ruleset.rules
    for at in range(2 ** len(rules)):
        weight, fixed = 1.0, []
        for place, rule in enumerate(rules):
            is_in = bool(at >> place & 1)
            weight *= rule.sample if is_in else 1.0 - rule.sample
            fixed.append(msgspec.structs.replace(rule, sample=1.0 if is_in else 0.0))
        if weight == 0.0:
            continue
        ruleset = msgspec.structs.replace(item.by.ruleset, rules=tuple(fixed))
        found = _routed(item, msgspec.structs.replace(item.by, ruleset=ruleset))
        total += weight * (found.audit.share if isinstance(found.audit, Audit) else found.action == "review")
    return total


def _routed(item: NewItem, by: ProjectConfig) -> Route:
    measured = item.route.measured if isinstance(item.route.measured, dict) else {}
    return routed(msgspec.structs.replace(item, by=by), measured).route


def _check_replays(item: NewItem) -> None:
    """Show that what is stored gives the route again, and that what is read out of it gives all that it says of why."""
    stored = msgspec.json.decode(item.route_json, type=Route)
    assert stored == item.route
    measured = msgspec.json.encode(stored.measured).decode() if isinstance(stored.measured, dict) else None
    row = {"id": item.id, "type": item.submission.type, "input": item.input, "output": item.output}
    row |= {"details": item.details, "created_at": None, "verdict": None, "chance": None, "measured": measured}
    past = past_of(row)
    assert replayed(item.by, past, item.restraint) == stored
    again = replayed(item.by, past, restraint_as(stored, item.by.ruleset, item.by, past.type))
    chance = stored.inclusion_probability  # depends on stops of rules that did not take it, which it does not name
    assert msgspec.structs.replace(again, inclusion_probability=chance) == stored


def _without_fallback(config: ProjectConfig) -> ProjectConfig:
    types = {name: msgspec.structs.replace(each, fallback=None) for name, each in config.item_types.items()}
    return msgspec.structs.replace(config, item_types=types)


def _sender(stops: tuple[str, ...], rollout: LiveRollout | None) -> Principal:
    return Principal(
        project_id=new_id(),
        project="p",
        kind="key",
        id=UUID(int=9),
        name="crm",
        email="",
        role=Role.SERVICE,
        permissions=frozenset(),
        config_version=1,
        stops=stops,
        rollout=rollout,
    )


def test_a_model_is_stopped_by_its_name_and_by_its_version() -> None:
    """What the definition above takes for granted, said once by hand."""
    config = compiled(OLD, 1, "reject", clearing=False)
    who = _sender(("model:m@1",), None)
    note = config.item_types["note"]
    assert restraint_of(note, who, Model(name="m", version="1")).stopped
    assert not restraint_of(note, who, Model(name="m")).stopped
