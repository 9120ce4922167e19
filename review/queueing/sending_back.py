"""Sending an item back with a note: to somebody who had it before, theirs first, or to a pool it stood in."""

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit.rules import Action
from review.configuration.rules import ProjectConfig
from review.identity.rules import Principal
from review.kernel.db import Hot, driver_of
from review.kernel.sentences import say
from review.queueing import aside_queries, mentions, queries, service
from review.queueing.errors import SendBackInvalid
from review.queueing.rules import Act, AssignmentState, Seat
from review.queueing.snooze_rules import KEPT_FOR


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who had a seat before, and the pool in which they would have it again."""

    id: UUID
    email: str
    pool: str


class Receivers(msgspec.Struct, frozen=True, kw_only=True):
    """Whom and where a seat could be sent back to, the last ones first."""

    people: list[Receiver] = []
    pools: list[str] = []


async def list_receivers(hot: Hot, *, who: Principal, seat: Seat, config: ProjectConfig) -> Receivers:
    """List who had a seat before the caller and may have it again, and the other pools it has stood in."""
    pools = list(config.pools)
    people = await aside_queries.list_before(hot, who, seat, pools)
    return Receivers(
        people=[Receiver(id=row["id"], email=row["email"], pool=row["pool"]) for row in people],
        pools=await aside_queries.list_pools_before(hot, who, seat, pools),
    )


async def send_back(
    tx: AsyncSession,
    *,
    who: Principal,
    assignment_id: UUID,
    fence: int,
    to: str,
    reason: str,
    config: ProjectConfig,
) -> None:
    """Send an assignment back, with the reason, to a person by e-mail or to a pool by name.

    It is not offered to the caller again. A person has it kept for them for a while, then it is their pool's. The
    reason is a message to whoever has the item next, unless others judge it too, each on their own.

    Raises:
        NotAPerson (403), AssignmentNotFound (404), LeaseLost (409); SendBackInvalid: it cannot go there (422).
    """
    act = Act.HAND_BACK if "@" in to else Act.SEND_BACK
    seat = await service.lock_held(tx, who=who, assignment_id=assignment_id, fence=fence, act=act)
    hot = await driver_of(tx)
    found = await list_receivers(hot, who=who, seat=seat, config=config)
    person = next((each for each in found.people if each.email == to), None)
    if person is None and to not in found.pools:
        raise _nowhere(to)
    pool = person.pool if person else to
    is_blind = await queries.is_judged_by_several(tx, who.project_id, seat.case_id)
    said = "" if is_blind else reason
    await aside_queries.move_case(tx, who.project_id, seat, pool)
    if person is not None:
        lease = config.pools[pool].lease
        kept: dict[str, Any] = {"pool": pool, "lease": lease, "span": KEPT_FOR}
        new = await aside_queries.keep_for(tx, who.project_id, seat, person.id, **kept)
        if new is None:
            raise _nowhere(to)
        await aside_queries.note(hot, who, seat, new, "reserved", user_id=person.id, text=said)
    else:
        await queries.settle(tx, who.project_id, seat, AssignmentState.OPEN, part="skipped")
        await aside_queries.note(hot, who, seat, seat.fence, "sent", user_id=None, text=said)
    service.note(tx, who, Action.ASSIGNMENT_SENT_BACK, seat, to=to, to_pool=pool, reason=reason)
    moved = msgspec.structs.replace(seat, pool=pool)
    receiver = person.email if person else None
    by = who.actor.name
    service.announce_return(tx, who.project_id, moved, holder=by, reason=said, by=by, to=receiver)
    await mentions.announce(tx, who, item_id=seat.item_id, pool=pool, comment=reason, is_blind=is_blind)


def _nowhere(to: str) -> SendBackInvalid:
    message = say(
        "It cannot be sent back to %(to)s: only to somebody who had it before and may work it still, or to a pool it "
        "has stood in. Nothing was changed, and you still hold the item.",
        to=repr(to),
    )
    return SendBackInvalid(message)
