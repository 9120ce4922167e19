"""The relay: giving events their place and their body, once, and handing them to whoever sends them on."""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.configuration.rules import ProjectConfig
from review.configuration.service import ConfigCache
from review.delivery.feed import queries, rules
from review.delivery.feed.rules import Fact, Relayed
from review.delivery.notifications import service as notifications
from review.delivery.webhooks import service as webhooks
from review.items import service as items
from review.items.schemas import DecisionView, ItemView
from review.kernel.db import Database, Hot, driver_of

log = logging.getLogger(__name__)

TellEvents = Callable[[Iterable[UUID]], None]


class Post(msgspec.Struct, frozen=True):
    """What relaying needs: the database, the configurations, whom to tell after a commit, and the base of links."""

    db: Database
    configs: ConfigCache
    tell_events: TellEvents
    base_url: str


async def relay(post: Post) -> int:
    """Give every committed event its place and its body, in short transactions; tell how many.

    Safe to run in several processes at once: a project that another relays is skipped. A project that fails is
    logged and left for the next turn, and the others are relayed.
    """
    total = 0
    for row in await queries.list_waiting(post.db.hot):
        try:
            total += await relay_project(post, row["id"], row["slug"], row["config_version"])
        except Exception:
            log.exception("the events of project %s could not be relayed; the next turn tries again", row["slug"])
    return total


async def relay_project(post: Post, project_id: UUID, project: str, config_version: int) -> int:
    """Relay one project's events until none waits, or another process has its feed."""
    config = await post.configs.get(project_id, config_version)
    total = 0
    while True:
        async with post.db.transaction() as tx:
            relayed = await _relay_batch(tx, post, project_id, project)
            if relayed:
                await _hand_on(tx, project_id, config, relayed)
        if relayed:
            post.tell_events([project_id])
        total += len(relayed)
        if len(relayed) < queries.BATCH:
            return total


async def _hand_on(tx: AsyncSession, project_id: UUID, config: ProjectConfig, relayed: Sequence[Relayed]) -> None:
    """Owe the events to whoever is to get them, in the transaction that gives them their place."""
    await webhooks.sync(tx, project_id, config)
    await webhooks.queue(tx, project_id, relayed)
    await notifications.queue(tx, project_id, config, relayed)


async def _relay_batch(tx: AsyncSession, post: Post, project_id: UUID, project: str) -> list[Relayed]:
    hot = await driver_of(tx)
    last = await queries.lock_feed(hot, project_id)
    if last is None:
        return []
    facts = rules.in_order([_fact(row) for row in await queries.take(hot, project_id)])
    if not facts:
        return []
    now, revisions = await _items_of(hot, project_id, project, facts, post.base_url)
    levels = rules.levels_at(facts, now)
    relayed = [
        _relayed(project_id, project, last + at, fact, _as_of(fact, now, revisions, level))
        for at, (fact, level) in enumerate(zip(facts, levels, strict=True), start=1)
    ]
    await queries.give_places(hot, project_id, [(each.id, each.position, each.body) for each in relayed])
    return relayed


async def _items_of(
    hot: Hot, project_id: UUID, project: str, facts: Sequence[Fact], base_url: str
) -> tuple[dict[UUID, ItemView], dict[UUID, list[DecisionView]]]:
    """Read the items that events tell of, as they stand now, and what was ever decided about them."""
    ids = list({fact.item_id for fact in facts if fact.item_id is not None})
    if not ids:
        return {}, {}
    now = await items.list_told(hot, project_id, project, ids, base_url=base_url)
    revised = [item_id for item_id, item in now.items() if item.decision is not None and item.decision.revision > 1]
    revisions = {item_id: [item.decision] for item_id, item in now.items() if item.decision is not None}
    if revised:
        revisions |= await items.list_decisions(hot, project_id, revised)
    return now, revisions


def _fact(row: Any) -> Fact:
    payload: dict[str, Any] | None
    try:
        payload = msgspec.json.decode(row["payload"], type=dict[str, Any])
    except (ValueError, RecursionError):  # what msgspec raises for what is no such JSON is a ValueError
        payload = None
    return Fact(id=row["id"], kind=row["kind"], item_id=row["item_id"], payload=payload, created_at=row["created_at"])


def _as_of(
    fact: Fact, now: dict[UUID, ItemView], revisions: dict[UUID, list[DecisionView]], level: int
) -> ItemView | None:
    """Show the item as of an event; None, and a line in the log, where that cannot be done."""
    if fact.item_id is None:
        return None
    try:
        if fact.payload is None:
            raise LookupError("its payload cannot be read")  # noqa: TRY301, EM101  said to the log alone
        return rules.as_of(fact, now[fact.item_id], revisions.get(fact.item_id, ()), level)
    except LookupError as fault:
        log.error("event %s (%s) is told without its item: %r", fact.id, fact.kind, fault)  # noqa: TRY400  no trace
        return None


def _relayed(project_id: UUID, project: str, position: int, fact: Fact, item: ItemView | None) -> Relayed:
    return Relayed(
        project_id=project_id,
        id=fact.id,
        kind=fact.kind,
        item_id=fact.item_id,
        payload=fact.payload or {},
        position=position,
        body=rules.body_of(fact, item, project=project, position=position),
        created_at=fact.created_at,
        item=item,
    )
