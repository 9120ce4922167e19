"""Taking items in, and letting their senders wait for the decision."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from review.configuration.rules import ProjectConfig
from review.identity.rules import Principal
from review.intake import clocks, measuring, queries
from review.intake.clocks import Clocks
from review.intake.coalescing import Gatherings
from review.intake.rules import HELD, HELD_BY, NewItem, Unrouted, prepare, routed
from review.items import service as items
from review.items.blindness import route_shown
from review.items.errors import ConflictingResubmission
from review.items.schemas import DecisionView, ItemDetail, ItemView, PauseView, SlaView
from review.items.service import item_url
from review.kernel import strict_json
from review.kernel.db import Hot, get_now
from review.kernel.errors import FieldError, ReviewError
from review.kernel.hints import Hints
from review.kernel.sentences import say
from review.registry.rules import NONE, Cleared

MAX_BATCH = 1_000
_NO_REASONS = msgspec.Raw(b"[]")
_NULL = msgspec.Raw(b"null")


class Accepted(msgspec.Struct, frozen=True):
    """A stored item: `created` is False where it had been submitted before with the same content."""

    item: ItemView
    created: bool


class Desk(msgspec.Struct, frozen=True):
    """What every submission needs: the connections, the caller, the rules of now, and the address links carry.

    `cleared` are the model versions that are cleared, where the configuration asks for that; `candidate` is the
    version of the caller's rollout, if there is one.
    """

    hot: Hot
    who: Principal
    config: ProjectConfig
    base_url: str
    cleared: Cleared = NONE
    candidate: ProjectConfig | None = None

    def prepare(self, value: object, idempotency_key: str | None) -> Unrouted:
        """Check a submission and route it by the version that takes it, unless that asks something beside it first."""
        item = prepare(
            value,
            self.config,
            idempotency_key=idempotency_key,
            who=self.who,
            cleared=self.cleared,
            candidate=self.candidate,
        )
        return item if item.by.ruleset.asks else routed(item)


_together: Gatherings[Unrouted, Accepted | ReviewError] = Gatherings()


async def submit(desk: Desk, raw: bytes, *, idempotency_key: str | None) -> Accepted:
    """Take one item in; those that arrive together are stored together.

    Idempotent by external id and by idempotency key.

    Raises:
        MalformedRequest (400), Invalid, UnknownItemType, PayloadInvalid (422): the body; nothing is stored.
        ConflictingResubmission: the same key came with other content (409).
    """
    item = desk.prepare(strict_json.decode(raw), idempotency_key)
    # Whatever the statement takes from the desk is part of the kind, but for the version, which each item brings along;
    # the act holds the pool, so its id stays taken.
    kind = (id(desk.hot), desk.who.project_id, desk.config.version, desk.who.actor, desk.base_url)
    outcome = await _together.join(kind, item, lambda group: _take_in(desk, group))
    if isinstance(outcome, ReviewError):
        raise outcome
    return outcome


async def submit_batch(
    desk: Desk, raws: Sequence[bytes | msgspec.Raw], *, idempotency_keys: Sequence[str | None]
) -> list[Accepted | ReviewError]:
    """Take many items in, each on its own merits; the results are in the order given.

    All good items are stored by one statement, so a crash leaves all of them or none.
    """
    outcomes: list[Unrouted | ReviewError] = []
    for at, (raw, key) in enumerate(zip(raws, idempotency_keys, strict=True)):
        await _give_way(at)
        try:
            value = strict_json.decode(bytes(raw))
            outcomes.append(desk.prepare(value, key))
        except ReviewError as refusal:
            outcomes.append(refusal)
    taken = iter(await _take_in(desk, [outcome for outcome in outcomes if isinstance(outcome, Unrouted)]))
    return [next(taken) if isinstance(outcome, Unrouted) else outcome for outcome in outcomes]


async def _give_way(at: int) -> None:
    """Let others have their turn now and then: a thousand checks or routes take tens of milliseconds."""
    if at % 50 == 49:
        await asyncio.sleep(0)


async def _take_in(desk: Desk, checked: Sequence[Unrouted]) -> list[Accepted | ReviewError]:
    """Store checked items by one statement; those submitted before are answered with what is stored."""
    if not checked:
        return []
    fresh, now = await _routed(desk, checked)
    if now is None and clocks.need_the_time(fresh, desk.config):
        now = await get_now(desk.hot)
    started = clocks.start(fresh, desk.config, now)
    stored = await queries.store(desk.hot, desk.who.project_id, fresh, started, desk.who.actor)
    earlier = await _earlier(desk, [item for item in fresh if item.id not in stored])
    return [
        Accepted(_view(desk, item, stored[item.id], _sla(item, stored[item.id], started, at)), created=True)
        if item.id in stored
        else earlier[item.id]
        for at, item in enumerate(fresh)
    ]


async def _routed(desk: Desk, checked: Sequence[Unrouted]) -> tuple[list[NewItem], datetime | None]:
    """Route those that wait for what the rules ask beside them; gives the database's time where any did.

    Who asks nothing still counts for who does.
    """
    ready = [item for item in checked if isinstance(item, NewItem)]
    if len(ready) == len(checked):
        return ready, None
    asks = {ask: None for item in checked for ask in item.by.ruleset.asks}
    measured, now = await measuring.measure(desk.hot, desk.who.project_id, asks, [item.facts for item in checked])
    fresh: list[NewItem] = []
    for at, (item, found) in enumerate(zip(checked, measured, strict=True)):
        await _give_way(at)
        fresh.append(item if isinstance(item, NewItem) else routed(item, found))
    return fresh, now


async def _earlier(desk: Desk, repeated: list[NewItem]) -> dict[UUID, Accepted | ReviewError]:
    """Answer the items that had been submitted before: the stored one, or a conflict."""
    if not repeated:
        return {}
    external_ids = [item.submission.external_id for item in repeated if item.submission.external_id is not None]
    keys = [item.idempotency_key for item in repeated if item.idempotency_key is not None]
    rows = await queries.find_earlier(desk.hot, desk.who.project_id, external_ids, keys)
    by_external_id = {row["external_id"]: row for row in rows if row["external_id"] is not None}
    by_key = {row["idempotency_key"]: row for row in rows if row["idempotency_key"] is not None}
    matches = {
        item.id: [
            row
            for row in (by_external_id.get(item.submission.external_id), by_key.get(item.idempotency_key))
            if row is not None
        ]
        for item in repeated
    }
    found = list({row["id"] for match in matches.values() for row in match})
    views = await items.get_views(desk.hot, who=desk.who, item_ids=found, base_url=desk.base_url)
    return {item.id: _replayed(item, matches[item.id], views) for item in repeated}


def _replayed(item: NewItem, matches: list[Any], views: dict[UUID, ItemView]) -> Accepted | ReviewError:
    same = len({row["id"] for row in matches}) == 1 and matches[0]["fingerprint"] == item.fingerprint
    if same:
        return Accepted(views[matches[0]["id"]], created=False)
    stored = ", ".join(sorted({str(row["id"]) for row in matches}))
    path = "external_id" if item.submission.external_id is not None else "Idempotency-Key"
    message = say(
        "This key was used before for other content (item %(stored)s); that item stands and nothing was stored now. "
        "Send changed content under a new external_id.",
        stored=stored,
    )
    return ConflictingResubmission(message, errors=(FieldError(path, say("names an item with other content")),))


def _sla(item: NewItem, stored_at: datetime, started: Clocks, place: int) -> SlaView | None:
    """Show the clock of an item that was stored just now; upstream may have asked for it sooner than it sent it."""
    clock = started.clock_of(place)
    if clock is None:
        return None
    start = started.started_at or stored_at
    due_at, warn_at = start + clock.due, start + clock.warn if clock.warn is not None else None
    state = "breached" if due_at <= stored_at else "warning" if warn_at and warn_at <= stored_at else "on_track"
    first_claim = start + clock.first_claim if clock.first_claim is not None else None
    if item.held_by is not None:
        return SlaView(item.route.sla_policy, due_at, "paused", first_claim, PauseView(start, HELD, HELD_BY, None))
    return SlaView(item.route.sla_policy, due_at, state, first_claim)


def _view(desk: Desk, item: NewItem, at: datetime, sla: SlaView | None) -> ItemView:
    """Show an item that was stored just now, without reading it back."""
    return ItemView(
        id=item.id,
        status="queued" if item.is_open else "decided",
        type=item.submission.type,
        type_version=item.type_version,
        external_id=item.submission.external_id,
        created_at=at,
        url=item_url(desk.base_url, desk.who.project, item.id),
        route=msgspec.Raw(_route_shown(item)),
        sla=sla,
        escalation_level=0,
        decision=None if item.is_open else _rule_decision(item, at),
        gold=item.submission.gold and not item.is_open,
    )


def _route_shown(item: NewItem) -> bytes:
    return item.by.ruleset.misses.told(route_shown(item.route_json, is_open=item.is_open) or "")


def _rule_decision(item: NewItem, at: datetime) -> DecisionView:
    approved = item.route.action == "approve"
    return DecisionView(
        verdict=item.route.action,
        output=msgspec.Raw(item.output.encode()) if approved else _NULL,
        source="rule",
        reasons=_NO_REASONS,
        comment="",
        decided_at=at,
        decided_by="rule",
        reviews=0,
        revision=1,
        output_sha256=item.output_sha256,
    )


async def wait_decided(
    hot: Hot, hints: Hints, *, who: Principal, item_id: UUID, seconds: float, base_url: str
) -> ItemDetail:
    """Give the item once it is decided or withdrawn, or as it stands when the time is up.

    Holds no database connection while it waits.

    Raises:
        ItemNotFound: it is not the caller's to see (404).
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    with hints.park(who.project_id, item_id) as parked:  # before looking, so that no hint in between is missed
        while True:
            item = await items.get_detail(hot, who=who, item_id=item_id, base_url=base_url)
            left = deadline - loop.time()
            if item.status in {"decided", "withdrawn"} or left <= 0 or hints.is_closing:
                return item
            await parked.wait(left)
