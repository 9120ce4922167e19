"""Stopping a source or an item type, and letting rules decide again."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery
from msgspec import Meta

from review.identity.rules import Permission
from review.intake import stops
from review.intake.stops import StopView
from review.web.api import bodies
from review.web.api.openapi import takes
from review.web.guards import requires
from review.web.services import AnyRequest, Svc, Tx, Who

STOP = requires(Permission.STOP)


class WhyIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why it is stopped, or resumed."""

    reason: Annotated[str, Meta(min_length=1, max_length=stops.MAX_REASON)]


class Stops(msgspec.Struct, frozen=True):
    """Stops, those that stand first."""

    data: list[StopView]
    next: str | None = None


@get("/stops", opt=requires(Permission.READ_ITEMS))
async def list_stops(services: Svc, who: Who, *, past: FromQuery[bool] = False) -> Stops:
    """List what is stopped, and with `past` what was."""
    return Stops(await stops.list_stops(services.db.hot, who=who, with_past=past))


@post("/sources/{source_id:uuid}/stop", opt=STOP | takes(WhyIn), status_code=200)
async def stop_source(request: AnyRequest, services: Svc, who: Who, tx: Tx, source_id: FromPath[UUID]) -> StopView:
    """Let nothing through by rule that this key or person sends, until it is resumed."""
    given = await bodies.read(request, WhyIn)
    config = await services.config_of(who)
    return await stops.stop(tx, who=who, config=config, kind="source", subject=str(source_id), reason=given.reason)


@post("/sources/{source_id:uuid}/resume", opt=STOP | takes(WhyIn), status_code=200)
async def resume_source(request: AnyRequest, services: Svc, who: Who, tx: Tx, source_id: FromPath[UUID]) -> StopView:
    """Let rules decide again on what this key or person sends."""
    given = await bodies.read(request, WhyIn)
    config, source = await services.config_of(who), str(source_id)
    return await stops.resume(tx, who=who, config=config, kind="source", subject=source, reason=given.reason)


@post("/item-types/{item_type:str}/stop", opt=STOP | takes(WhyIn), status_code=200)
async def stop_item_type(request: AnyRequest, services: Svc, who: Who, tx: Tx, item_type: FromPath[str]) -> StopView:
    """Let nothing of this item type through by rule, until it is resumed."""
    given = await bodies.read(request, WhyIn)
    config = await services.config_of(who)
    return await stops.stop(tx, who=who, config=config, kind="item_type", subject=item_type, reason=given.reason)


@post("/item-types/{item_type:str}/resume", opt=STOP | takes(WhyIn), status_code=200)
async def resume_item_type(request: AnyRequest, services: Svc, who: Who, tx: Tx, item_type: FromPath[str]) -> StopView:
    """Let rules decide again on items of this type."""
    given = await bodies.read(request, WhyIn)
    config = await services.config_of(who)
    return await stops.resume(tx, who=who, config=config, kind="item_type", subject=item_type, reason=given.reason)
