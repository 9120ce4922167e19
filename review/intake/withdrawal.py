"""Upstream takes an item back."""

from collections.abc import Callable, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action, Actor
from review.decisions import queries as decisions
from review.decisions.models import Decision
from review.identity.rules import Principal
from review.items import service as items
from review.items.errors import ItemClosed, ItemNotFound
from review.items.schemas import ItemView
from review.kernel import outbox
from review.kernel.db import after_commit, driver_of
from review.kernel.events import EventKind
from review.kernel.sentences import say
from review.queueing import queries as queue


async def withdraw(
    tx: AsyncSession,
    *,
    who: Principal,
    item_id: UUID,
    reason: str,
    tell_closed: Callable[[Sequence[UUID]], None],
    base_url: str,
) -> ItemView:
    """Take an open item off the queues; withdrawing twice is the same as once.

    Raises:
        ItemNotFound (404); ItemClosed: it was decided first (409).
    """
    await queue.lock_seats(tx, who.project_id, item_id)
    item = await decisions.lock_item(tx, who.project_id, item_id)
    if item is None:
        message = say("There is no item %(item_id)s here.", item_id=item_id)
        raise ItemNotFound(message)
    if item.state == "decided":
        decision = await decisions.find_effective(tx, who.project_id, item_id)
        raise _decided(item_id, decision)
    if item.state == "open":
        await take_off(tx, who.project_id, item_id, who.actor, reason, tell_closed)
    await tx.flush()
    found = await items.get_views(await driver_of(tx), who=who, item_ids=[item_id], base_url=base_url)
    return found[item_id]


def _decided(item_id: UUID, decision: Decision | None) -> ItemClosed:
    if decision is None:
        message = say(
            "Item %(item_id)s was decided before it could be withdrawn; the decision stands.", item_id=item_id
        )
        return ItemClosed(message)
    message = say(
        "Item %(item_id)s was decided by %(who)s (%(verdict)s) before it could be withdrawn; the decision stands.",
        item_id=item_id,
        who=decision.decided_by,
        verdict=decision.verdict,
    )
    return ItemClosed(message)


async def take_off(
    tx: AsyncSession,
    project_id: UUID,
    item_id: UUID,
    actor: Actor,
    reason: str,
    tell_closed: Callable[[Sequence[UUID]], None],
) -> None:
    """Close an open item as withdrawn, and its case; its seats and then the item must be locked."""
    await decisions.close_item(tx, project_id, item_id, "withdrawn")
    await queue.close_case(tx, project_id, item_id)
    details = {"reason": reason}
    audit.record(tx, project_id, actor, Action.ITEM_WITHDRAWN, item_id=item_id, details=details)
    outbox.emit(tx, project_id, EventKind.WITHDRAWN, item_id=item_id, payload=details)
    after_commit(tx, lambda: tell_closed([item_id]))
