"""Telling those whom a comment names: `@ana`, or `@ana@example.com`."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from review.identity import queries as identity
from review.identity.rules import Principal, mentioned_in
from review.kernel import outbox
from review.kernel.db import driver_of
from review.kernel.events import EventKind
from review.queueing import aside_queries


async def announce(
    tx: AsyncSession, who: Principal, *, item_id: UUID, pool: str, comment: str, is_blind: bool = False
) -> None:
    """Emit one event for all whom the comment names, besides its author; none where it names nobody.

    Only those who may see the pool's items can be named. Without an `@` in the comment it costs nothing. What the
    comment says is left out where others are still to judge without having heard it (`is_blind`). Whoever has put the
    item aside gets it back at once.
    """
    if "@" not in comment:
        return
    found = mentioned_in(comment, await identity.list_those_who_see(tx, who.project_id, pool))
    mentioned = [email for email in found if email != who.email]
    if mentioned:
        payload = {"mentioned": mentioned, "by": who.actor.name, "comment": "" if is_blind else comment}
        outbox.emit(tx, who.project_id, EventKind.MENTIONED, item_id=item_id, payload=payload)
        await aside_queries.hasten(await driver_of(tx), who.project_id, item_id, mentioned)
