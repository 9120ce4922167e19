"""What a relayed event says: its order among the others, the item as it stood then, and the body everybody gets."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from review.items.schemas import DecisionView, ItemView, SlaView
from review.kernel.events import EventKind

DECIDING = frozenset({EventKind.DECIDED.value, EventKind.DECISION_REVISED.value})
STATUS_AFTER = {
    EventKind.QUEUED.value: "queued",
    EventKind.REOPENED.value: "queued",
    EventKind.CLAIMED.value: "in_review",
    EventKind.DECIDED.value: "decided",
    EventKind.DECISION_REVISED.value: "decided",
    EventKind.WITHDRAWN.value: "withdrawn",
}
SLA_STATE_AFTER = {EventKind.SLA_WARNING.value: "warning", EventKind.PAUSED.value: "paused"}
SAID = frozenset({EventKind.MENTIONED.value, EventKind.COMMENTED.value})  # of open items and of decided ones
# The clock runs, whatever came later.
STARTING = frozenset({EventKind.QUEUED.value, EventKind.REOPENED.value, EventKind.RESUMED.value})
OPEN = frozenset({"queued", "in_review"})
CLOSED_CLOCKS = frozenset({"met", "missed"})


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it was written; `payload` is None where it cannot be read."""

    id: UUID
    kind: str
    item_id: UUID | None
    payload: dict[str, Any] | None
    created_at: datetime


class Relayed(msgspec.Struct, frozen=True, kw_only=True):
    """An event with its place in the project's feed, and `body`, the JSON text that every receiver gets.

    `item` is the item as the API showed it when the event happened; None where the event has none.
    """

    project_id: UUID
    id: UUID
    kind: str
    item_id: UUID | None
    payload: dict[str, Any]
    position: int
    body: str
    created_at: datetime
    item: ItemView | None


class Body(msgspec.Struct, frozen=True):
    """The body: what webhooks, streams and the JSON feed all carry."""

    id: UUID
    type: str
    project: str
    position: int
    timestamp: datetime
    data: dict[str, Any]


def in_order(facts: Sequence[Fact]) -> list[Fact]:
    """Put events in the order they are told: by time and id, and of one item the first before the later revision.

    Times are of the beginning of a transaction, so a revision that waited for the decision it replaces looks older.
    """
    ordered = sorted(facts, key=lambda fact: (fact.created_at, fact.id))
    places: defaultdict[UUID, list[int]] = defaultdict(list)
    for at, fact in enumerate(ordered):
        if fact.item_id is not None:
            places[fact.item_id].append(at)
    for mine in places.values():
        if len(mine) > 1:
            told = _in_turn([ordered[at] for at in mine])
            for at, fact in zip(mine, told, strict=True):
                ordered[at] = fact
    return ordered


def _in_turn(facts: list[Fact]) -> list[Fact]:
    """Put one item's events, ordered by time, in the order of its life."""
    turned = sorted(facts, key=lambda fact: fact.kind != EventKind.QUEUED)
    slots = [at for at, fact in enumerate(turned) if revision_of(fact) is not None]
    deciding = sorted((turned[at] for at in slots), key=lambda fact: revision_of(fact) or 0)
    for at, fact in zip(slots, deciding, strict=True):
        turned[at] = fact
    return turned


def revision_of(fact: Fact) -> int | None:
    """Give the revision of the decision that an event tells, or None where it tells none."""
    found = (fact.payload or {}).get("revision") if fact.kind in DECIDING else None
    return found if isinstance(found, int) else None


def as_of(fact: Fact, item: ItemView, revisions: Sequence[DecisionView], level: int) -> ItemView:
    """Show an item as it stood at one of its events; `item` is how it stands now, `level` its escalation level then.

    What cannot be known any more is as it is now: the due time, and, of an item that is still open, who holds it.

    Raises:
        LookupError: the event tells a decision that is not there.
    """
    decision = decision_at(fact, revisions)
    status = STATUS_AFTER.get(fact.kind)
    if status is None:
        is_closed = fact.kind in SAID and decision is not None and item.status not in OPEN
        status = "decided" if is_closed else item.status if item.status in OPEN else "queued"
    sla = None if item.sla is None else _clock_at(fact, item.sla, decision if status == "decided" else None)
    return msgspec.structs.replace(item, status=status, decision=decision, escalation_level=level, sla=sla)


def decision_at(fact: Fact, revisions: Sequence[DecisionView]) -> DecisionView | None:
    """Give the decision that counted at an event.

    Raises:
        LookupError: the event tells a decision that is not there.
    """
    if fact.kind in DECIDING:
        return {each.revision: each for each in revisions}[revision_of(fact) or 0]
    if fact.kind == EventKind.QUEUED:
        return None
    # What else happens, happens to open items; of those only what was brought back from a rule is decided too.
    counting = revisions if fact.kind in SAID else [each for each in revisions if each.source == "rule"]
    before = [each for each in counting if each.decided_at <= fact.created_at]
    return max(before, key=lambda each: each.revision, default=None)


def _clock_at(fact: Fact, sla: SlaView, decision: DecisionView | None) -> SlaView:
    if decision is not None and sla.state in CLOSED_CLOCKS:
        state = sla.state  # by when the clock stopped, which a pause may have done before the decision
    elif decision is not None:
        state = "met" if decision.decided_at <= sla.due_at else "missed"
    elif fact.kind in SLA_STATE_AFTER:
        state = SLA_STATE_AFTER[fact.kind]
    elif fact.kind in STARTING or sla.state in CLOSED_CLOCKS:
        state = "on_track" if fact.created_at < sla.due_at else "breached"
    else:
        state = sla.state
    return msgspec.structs.replace(sla, state=state, paused=sla.paused if state == "paused" else None)


def levels_at(facts: Sequence[Fact], items: Mapping[UUID, ItemView]) -> list[int]:
    """Tell the escalation level at each event, from how the items stand now and the escalations among the events."""
    now = {item_id: item.escalation_level for item_id, item in items.items()}
    levels: list[int] = []
    for fact in reversed(facts):
        if fact.item_id is None:
            levels.append(0)
            continue
        level = now.get(fact.item_id, 0)
        told = (fact.payload or {}).get("level") if fact.kind == EventKind.ESCALATED else None
        if isinstance(told, int):
            level = told
            now[fact.item_id] = max(0, told - 1)
        levels.append(0 if fact.kind == EventKind.QUEUED else level)
    return levels[::-1]


def body_of(fact: Fact, item: ItemView | None, *, project: str, position: int) -> str:
    """Write the body of an event; without an item it has none in `data`."""
    data = dict(fact.payload or {})
    if item is not None:
        data["item"] = item
    body = msgspec.json.encode(Body(fact.id, fact.kind, project, position, fact.created_at, data))
    if b"\n" in body or b"\r" in body:  # between the parts of what was sent; a line of its own is what streams carry
        body = msgspec.json.format(body, indent=-1)
    return body.decode()


def frame_of(event_id: UUID, kind: str, body: str) -> bytes:
    """Write an event as a server-sent one; a body is one line."""
    return f"id: {event_id}\nevent: {kind}\ndata: {body}\n\n".encode()
