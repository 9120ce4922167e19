"""The clock of an item: reading it, stopping it, letting it run on."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath
from msgspec import Meta

from review.escalation import clocks
from review.escalation.clocks import Watch
from review.escalation.explanations import ClockView
from review.identity.rules import Permission
from review.items.schemas import ItemView
from review.web.api import bodies
from review.web.api.openapi import takes
from review.web.guards import requires
from review.web.services import AnyRequest, Services, Svc, Tx, Who


class PauseIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why the clock is to stop, and when it is to run on if nobody resumes it before."""

    reason: Annotated[str, Meta(min_length=1, max_length=2_000)]
    until: Annotated[datetime, Meta(tz=True)] | None = None


class ResumeIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing: that it runs on is all there is to say."""


@get("/items/{item_id:uuid}/clock", opt=requires(Permission.READ_ITEMS))
async def get_clock(services: Svc, who: Who, item_id: FromPath[UUID]) -> ClockView:
    """Read when an item is due, every moment on its clock, and why they are when they are."""
    return await clocks.explain(services.db.hot, watch_of(services), who=who, item_id=item_id)


@post("/items/{item_id:uuid}/pause", opt=requires(Permission.PAUSE) | takes(PauseIn), status_code=200)
async def pause_item(request: AnyRequest, services: Svc, who: Who, tx: Tx, item_id: FromPath[UUID]) -> ItemView:
    """Stop the item's clock, until somebody resumes it or until the time given.

    An item that is paused already stays as it was paused first.
    """
    given = await bodies.read(request, PauseIn)
    return await clocks.pause(tx, watch_of(services), who=who, item_id=item_id, reason=given.reason, until=given.until)


@post("/items/{item_id:uuid}/resume", opt=requires(Permission.PAUSE) | takes(ResumeIn, required=False), status_code=200)
async def resume_item(request: AnyRequest, services: Svc, who: Who, tx: Tx, item_id: FromPath[UUID]) -> ItemView:
    """Let the item's clock run on; one that runs is left alone."""
    await bodies.read(request, ResumeIn, optional=True)
    return await clocks.resume(tx, watch_of(services), who=who, item_id=item_id)


def watch_of(services: Services) -> Watch:
    """Give what acts on clocks need."""
    return Watch(services.configs, services.base_url)
