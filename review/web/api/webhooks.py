"""Webhook endpoints over HTTP: how they fare, their secrets, the delivery log, and sending again."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncSession

from review.delivery.webhooks import log, service
from review.delivery.webhooks.schemas import (
    DeliveryDetail,
    DeliveryPage,
    EndpointList,
    EndpointView,
    Replayed,
    ShownSecret,
)
from review.delivery.webhooks.signing import Kind
from review.identity.rules import Permission, Principal
from review.kernel.errors import FieldError, Invalid
from review.kernel.sealing import Sealer
from review.web.api import bodies
from review.web.api.openapi import takes
from review.web.guards import requires
from review.web.services import AnyRequest, Services, Svc, Tx, Who

READ, WRITE = requires(Permission.READ_WEBHOOKS), requires(Permission.WRITE_WEBHOOKS)
Moment = Annotated[datetime, Meta(tz=True)]
OfState = Annotated[str | None, QueryParameter(name="state")]  # `state` is the framework's own word in a handler
Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=log.MOST_ON_A_PAGE)]


class RotateIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the new secret signs, and for how many hours the old ones count on."""

    kind: Kind = Kind.HMAC
    overlap_hours: Annotated[int, Meta(ge=0, le=service.LONGEST_OVERLAP_HOURS)] = 24


class DisableIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why nothing is to be sent any more."""

    reason: Annotated[str, Meta(min_length=1, max_length=500, pattern=r"\S")]


class ReplayIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to send again: `state` dead, or all that was made from `from` until before `to`."""

    state: str | None = None
    begin: Moment | None = msgspec.field(name="from", default=None)
    end: Moment | None = msgspec.field(name="to", default=None)


class Tested(msgspec.Struct, frozen=True):
    """The event that was announced for a test."""

    event_id: UUID


@get("/webhooks", opt=READ)
async def list_endpoints(services: Svc, who: Who, tx: Tx) -> EndpointList:
    """List the webhook endpoints, how each fares, and what it is owed; those that were removed come last."""
    await _sync(tx, services, who)
    return EndpointList(await service.list_endpoints(tx, who.project_id))


@get("/webhooks/{name:str}", opt=READ)
async def get_endpoint(services: Svc, who: Who, tx: Tx, name: FromPath[str]) -> EndpointView:
    """Read one webhook endpoint."""
    await _sync(tx, services, who)
    return await service.get_endpoint(tx, who.project_id, name)


@get("/webhooks/{name:str}/deliveries", opt=READ)
async def list_deliveries(
    services: Svc,
    who: Who,
    tx: Tx,
    name: FromPath[str],
    of_state: OfState = None,
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> DeliveryPage:
    """List an endpoint's deliveries, newest first: all, or those `pending`, `sending`, `delivered` or `dead`."""
    await _sync(tx, services, who)
    return await log.list_deliveries(tx, who.project_id, name, state=of_state, cursor=cursor, limit=limit)


@get("/deliveries/{delivery_id:uuid}", opt=READ)
async def get_delivery(who: Who, tx: Tx, delivery_id: FromPath[UUID]) -> DeliveryDetail:
    """Read a delivery with its body, exactly as it is sent, and every attempt with request, answer and time."""
    return await log.get_delivery(tx, who, delivery_id)


@post("/deliveries/{delivery_id:uuid}/replay", opt=WRITE, status_code=200)
async def replay_delivery(who: Who, tx: Tx, delivery_id: FromPath[UUID]) -> DeliveryDetail:
    """Send a delivery again, now and by the whole schedule, with the same id and body."""
    return await log.replay(tx, who, delivery_id)


@post("/webhooks/{name:str}/replay", opt=WRITE | takes(ReplayIn), status_code=200)
async def replay_deliveries(request: AnyRequest, services: Svc, who: Who, tx: Tx, name: FromPath[str]) -> Replayed:
    """Send an endpoint's dead deliveries again, or all of a span; 10,000 at most, and `more` tells of others."""
    given = await bodies.read(request, ReplayIn)
    await _sync(tx, services, who)
    if given.state == "dead" and given.begin is None and given.end is None:
        return await log.replay_dead(tx, who.project_id, name, actor=who.actor)
    if given.state is None and given.begin is not None and given.end is not None:
        return await log.replay_range(tx, who.project_id, name, given.begin, given.end, actor=who.actor)
    message = 'Say what to replay: {"state": "dead"}, or {"from": …, "to": …}. Nothing was replayed.'
    raise Invalid(message, errors=(FieldError("state", "must be `dead`, or left out with `from` and `to` given"),))


@post("/webhooks/{name:str}/secret", opt=WRITE, status_code=200)
async def show_secret(services: Svc, who: Who, tx: Tx, name: FromPath[str]) -> ShownSecret:
    """Get the secret that an endpoint's receiver verifies with; this works once, and rotating gives a new one."""
    await _sync(tx, services, who)
    return await service.show_secret(tx, Sealer.of(services.settings), who.project_id, name, actor=who.actor)


@post("/webhooks/{name:str}/rotate", opt=WRITE | takes(RotateIn, required=False), status_code=200)
async def rotate_secret(request: AnyRequest, services: Svc, who: Who, tx: Tx, name: FromPath[str]) -> ShownSecret:
    """Get a new secret, `hmac` or `ed25519`; the old ones sign beside it for `overlap_hours`."""
    given = await bodies.read(request, RotateIn, optional=True)
    await _sync(tx, services, who)
    return await service.rotate_secret(
        tx,
        Sealer.of(services.settings),
        who.project_id,
        name,
        kind=given.kind,
        overlap_hours=given.overlap_hours,
        actor=who.actor,
    )


@post("/webhooks/{name:str}/test", opt=WRITE, status_code=202)
async def test_endpoint(services: Svc, who: Who, tx: Tx, name: FromPath[str]) -> Tested:
    """Have a `webhook.test` event sent to this endpoint alone; its delivery is in the log in a moment."""
    await _sync(tx, services, who)
    return Tested(await service.test_endpoint(tx, who.project_id, name, actor=who.actor))


@post("/webhooks/{name:str}/enable", opt=WRITE, status_code=200)
async def enable_endpoint(services: Svc, who: Who, tx: Tx, name: FromPath[str]) -> EndpointView:
    """Send to an endpoint again, and end its rest if it has one; what it missed waits to be replayed."""
    await _sync(tx, services, who)
    return await service.enable(tx, who.project_id, name, actor=who.actor)


@post("/webhooks/{name:str}/disable", opt=WRITE | takes(DisableIn), status_code=200)
async def disable_endpoint(request: AnyRequest, services: Svc, who: Who, tx: Tx, name: FromPath[str]) -> EndpointView:
    """Send nothing to an endpoint until it is enabled; what it is owed meanwhile is kept as dead."""
    given = await bodies.read(request, DisableIn)
    await _sync(tx, services, who)
    return await service.disable(tx, who.project_id, name, reason=given.reason, actor=who.actor)


async def _sync(tx: AsyncSession, services: Services, who: Principal) -> None:
    await service.sync(tx, who.project_id, await services.config_of(who))
