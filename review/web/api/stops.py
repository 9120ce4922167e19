"""Stopping what rules let through, and letting them decide again."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery
from msgspec import Meta

from review.identity.rules import Permission
from review.intake import stops
from review.intake.stops import Afterwards, Kind, StopView, Way, Wish, read_lasting
from review.web.api import bodies
from review.web.api.openapi import takes
from review.web.guards import requires
from review.web.services import AnyRequest, Svc, Tx, Who

STOP = requires(Permission.STOP)


class WhyIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why it is stopped, or resumed."""

    reason: Annotated[str, Meta(min_length=1, max_length=stops.MAX_REASON)]


class ResumeIn(WhyIn, frozen=True, forbid_unknown_fields=True):
    """Why it is resumed, and who judges what it held: `people`, or the `rules` as they are now."""

    afterwards: Afterwards = "people"


class StopIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is stopped, how, why, and for how long: `expires_in` is like 30m or 4h, and null until it is resumed.

    `subject` is an id of a source, or the name of an item type, a rule, a model (`name` for all its versions, or
    `name@version`) or the project.
    """

    kind: Kind
    subject: Annotated[str, Meta(min_length=1, max_length=stops.MAX_SUBJECT)]
    reason: Annotated[str, Meta(min_length=1, max_length=stops.MAX_REASON)]
    way: Way = "approvals"
    expires_in: Annotated[str, Meta(max_length=40)] | None = None


class Stops(msgspec.Struct, frozen=True):
    """Stops, those that stand first."""

    data: list[StopView]
    next: str | None = None


@get("/stops", opt=requires(Permission.READ_ITEMS))
async def list_stops(services: Svc, who: Who, *, past: FromQuery[bool] = False) -> Stops:
    """List what is stopped, and with `past` what was."""
    return Stops(await stops.list_stops(services.db.hot, who=who, with_past=past))


@post("/stops", opt=STOP | takes(StopIn), status_code=200)
async def stop_subject(request: AnyRequest, services: Svc, who: Who, tx: Tx) -> StopView:
    """Let nothing of a subject through by rule from now on; what asks for no more than what stands changes nothing."""
    given = await bodies.read(request, StopIn)
    config, lasts = await services.config_of(who), read_lasting(given.expires_in)
    wish = Wish(kind=given.kind, subject=given.subject, reason=given.reason, way=given.way, lasts=lasts)
    return await stops.stop(tx, who=who, config=config, wish=wish)


@post("/stops/{stop_id:uuid}/resume", opt=STOP | takes(ResumeIn), status_code=200)
async def resume_stop(request: AnyRequest, who: Who, tx: Tx, stop_id: FromPath[UUID]) -> StopView:
    """End a stop, whatever it is of; what it held goes to people, or is judged by the rules as they are now."""
    given = await bodies.read(request, ResumeIn)
    return await stops.resume_stop(tx, who=who, stop_id=stop_id, reason=given.reason, afterwards=given.afterwards)


@post("/sources/{source_id:uuid}/stop", opt=STOP | takes(WhyIn), status_code=200)
async def stop_source(request: AnyRequest, services: Svc, who: Who, tx: Tx, source_id: FromPath[UUID]) -> StopView:
    """Let nothing through by rule that this key or person sends, until it is resumed."""
    given = await bodies.read(request, WhyIn)
    config = await services.config_of(who)
    wish = Wish(kind="source", subject=str(source_id), reason=given.reason)
    return await stops.stop(tx, who=who, config=config, wish=wish)


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
    wish = Wish(kind="item_type", subject=item_type, reason=given.reason)
    return await stops.stop(tx, who=who, config=config, wish=wish)


@post("/item-types/{item_type:str}/resume", opt=STOP | takes(WhyIn), status_code=200)
async def resume_item_type(request: AnyRequest, services: Svc, who: Who, tx: Tx, item_type: FromPath[str]) -> StopView:
    """Let rules decide again on items of this type."""
    given = await bodies.read(request, WhyIn)
    config = await services.config_of(who)
    return await stops.resume(tx, who=who, config=config, kind="item_type", subject=item_type, reason=given.reason)
