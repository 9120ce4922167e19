"""Keeping assignments without judging them, and sending them back."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath
from msgspec import Meta

from review.queueing import pinning, sending_back, snoozing
from review.reviewing.schemas import Comment
from review.web.api import bodies
from review.web.api.openapi import takes
from review.web.api.queue import WORK, FenceIn, ReasonIn
from review.web.services import AnyRequest, Svc, Tx, Who


class SnoozeIn(ReasonIn, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A fence, until when, and why."""

    until: Annotated[datetime, Meta(tz=True)]


class SendBackIn(FenceIn, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A fence, whom or where it goes to (an e-mail, or a pool's name), and the note for whoever has it next."""

    to: Annotated[str, Meta(min_length=1, max_length=320)]
    reason: Annotated[Comment, Meta(min_length=1)]


class Snoozed(msgspec.Struct, frozen=True):
    """The assignment is put aside until then."""

    id: UUID
    until: datetime


class TakenUp(msgspec.Struct, frozen=True):
    """The assignment is in hand again: every later act carries this fence."""

    id: UUID
    fence: int


class SentBack(msgspec.Struct, frozen=True):
    """The assignment was sent there."""

    id: UUID
    to: str


class Pinned(msgspec.Struct, frozen=True):
    """The assignment stays in hand beside others."""

    id: UUID


class KeptView(msgspec.Struct, frozen=True, kw_only=True):
    """An assignment that the caller keeps: `kind` is `pinned`, `snoozed` or `reserved`.

    `until` is when a pinned one's lease ends, a snoozed one comes back, and a reserved one goes to its pool.
    """

    id: UUID
    item_id: UUID
    pool: str
    kind: str
    until: datetime
    note: str
    put_by: str


class KeptList(msgspec.Struct, frozen=True):
    """What the caller keeps, in the order in which that was done."""

    data: list[KeptView]


@get("/assignments/kept", opt=WORK)
async def list_kept(services: Svc, who: Who) -> KeptList:
    """List what the caller has pinned or put aside, and what was sent back to them and is theirs first."""
    return KeptList(
        [
            KeptView(
                id=each.assignment_id,
                item_id=each.item_id,
                pool=each.pool,
                kind=each.kind,
                until=each.until,
                note=each.note,
                put_by=each.put_by,
            )
            for each in await pinning.list_kept(services.db.hot, who=who)
        ]
    )


@post("/assignments/{assignment_id:uuid}/snooze", opt=WORK | takes(SnoozeIn), status_code=200)
async def snooze(request: AnyRequest, who: Who, tx: Tx, assignment_id: FromPath[UUID]) -> Snoozed:
    """Put the assignment aside until a moment before it is due; its clock runs on, and nobody else is offered it."""
    given = await bodies.read(request, SnoozeIn)
    until = given.until
    await snoozing.snooze(tx, who=who, assignment_id=assignment_id, fence=given.fence, until=until, reason=given.reason)
    return Snoozed(assignment_id, until)


@post("/assignments/{assignment_id:uuid}/take-up", opt=WORK, status_code=200)
async def take_up(services: Svc, who: Who, tx: Tx, assignment_id: FromPath[UUID]) -> TakenUp:
    """Take back into hand what the caller has put aside, or what was sent back to them."""
    config = await services.config_of(who)
    return TakenUp(assignment_id, await snoozing.take_up(tx, who=who, assignment_id=assignment_id, config=config))


@post("/assignments/{assignment_id:uuid}/send-back", opt=WORK | takes(SendBackIn), status_code=200)
async def send_back(request: AnyRequest, services: Svc, who: Who, tx: Tx, assignment_id: FromPath[UUID]) -> SentBack:
    """Send the assignment back with a note: to somebody who had it before, or to another pool it has stood in."""
    given = await bodies.read(request, SendBackIn)
    await sending_back.send_back(
        tx,
        who=who,
        assignment_id=assignment_id,
        fence=given.fence,
        to=given.to,
        reason=given.reason,
        config=await services.config_of(who),
    )
    return SentBack(assignment_id, given.to)


@post("/assignments/{assignment_id:uuid}/pin", opt=WORK | takes(FenceIn), status_code=200)
async def pin(request: AnyRequest, who: Who, tx: Tx, assignment_id: FromPath[UUID]) -> Pinned:
    """Keep the assignment in hand while others are judged; the pages keep its lease, a program extends it itself."""
    given = await bodies.read(request, FenceIn)
    await pinning.pin(tx, who=who, assignment_id=assignment_id, fence=given.fence)
    return Pinned(assignment_id)
