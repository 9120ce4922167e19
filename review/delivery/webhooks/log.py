"""The delivery log: reading it, and starting deliveries again."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action, Actor
from review.delivery.webhooks import endpoint_queries, log_queries, service
from review.delivery.webhooks.errors import DeliveryNotFound, DeliveryUnderWay, EndpointNotFound
from review.delivery.webhooks.rules import State
from review.delivery.webhooks.schemas import AttemptView, DeliveryDetail, DeliveryPage, DeliveryView, Replayed, Told
from review.identity.rules import Principal
from review.items.personal import HIDDEN, hidden_body
from review.kernel.db import Hot, driver_of
from review.kernel.errors import FieldError, Invalid
from review.kernel.paging import cursor_of, position_of
from review.kernel.sentences import say

MOST_ON_A_PAGE = 200


async def list_deliveries(
    tx: AsyncSession,
    project_id: UUID,
    name: str,
    *,
    state: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> DeliveryPage:
    """List an endpoint's deliveries, newest first, of one state or all.

    Raises:
        EndpointNotFound (404); Invalid: there is no such state, or the cursor is none of ours (422).
    """
    wanted = _state(state)
    before = position_of(cursor)
    hot = await driver_of(tx)
    endpoints = await endpoint_queries.list_endpoints(hot, project_id, name)
    if not endpoints:
        raise EndpointNotFound(name)
    limit = max(1, min(limit, MOST_ON_A_PAGE))
    rows = await log_queries.list_page(
        hot, project_id, endpoints[0]["id"], state=wanted, before=before, limit=limit + 1
    )
    found = [msgspec.convert(dict(row), DeliveryView) for row in rows[:limit]]
    return DeliveryPage(found, cursor_of(found[-1].id) if len(rows) > limit else None)


async def list_told(hot: Hot, project_id: UUID, item_id: UUID) -> list[Told]:
    """List which receivers were told of an item's outcome, and which could not be, in the order in which that ended."""
    return [Told(**dict(row)) for row in await log_queries.list_of_item(hot, project_id, item_id)]


async def get_delivery(tx: AsyncSession, who: Principal, delivery_id: UUID) -> DeliveryDetail:
    """Give a delivery with its body and attempts, without personal fields that are not for the caller to see.

    Raises:
        DeliveryNotFound (404).
    """
    hot, project_id = await driver_of(tx), who.project_id
    row = await log_queries.find_delivery(hot, project_id, delivery_id)
    if row is None:
        raise DeliveryNotFound
    attempts = [_attempt(each) for each in await log_queries.list_attempts(hot, project_id, delivery_id)]
    return _shown(msgspec.convert({**dict(row), "log": attempts}, DeliveryDetail), who)


def _shown(found: DeliveryDetail, who: Principal) -> DeliveryDetail:
    """Hide what is personal in a body, and what the receiver said to it, which may repeat it."""
    body = hidden_body(found.body, who.hides) if found.body else found.body
    if body == found.body:
        return found
    log = [msgspec.structs.replace(each, response_body=each.response_body and HIDDEN) for each in found.log]
    return msgspec.structs.replace(found, body=body, log=log)


async def replay(tx: AsyncSession, who: Principal, delivery_id: UUID) -> DeliveryDetail:
    """Send a delivery again from now on, by the whole schedule; the same id and body as before.

    Raises:
        DeliveryNotFound (404); EndpointNotActive, DeliveryUnderWay (409).
    """
    hot, project_id = await driver_of(tx), who.project_id
    row = await log_queries.find_delivery(hot, project_id, delivery_id)
    if row is None:
        raise DeliveryNotFound
    endpoint_id = await service.lock_active(hot, project_id, row["endpoint"], say("nothing was replayed"))
    if not await log_queries.replay_one(hot, project_id, endpoint_id, delivery_id):
        raise DeliveryUnderWay
    details = {"endpoint": row["endpoint"], "delivery_id": str(delivery_id)}
    audit.record(tx, project_id, who.actor, Action.DELIVERIES_REPLAYED, details=details)
    return await get_delivery(tx, who, delivery_id)


async def replay_dead(tx: AsyncSession, project_id: UUID, name: str, *, actor: Actor) -> Replayed:
    """Send an endpoint's dead deliveries again, oldest first, at most 10,000.

    Raises:
        EndpointNotFound (404); EndpointNotActive (409).
    """
    hot = await driver_of(tx)
    endpoint_id = await service.lock_active(hot, project_id, name, say("nothing was replayed"))
    count = await log_queries.replay_dead(hot, project_id, endpoint_id)
    details = {"endpoint": name, "state": State.DEAD.value, "count": count}
    audit.record(tx, project_id, actor, Action.DELIVERIES_REPLAYED, details=details)
    return Replayed(count, more=count == log_queries.MOST_REPLAYED)


async def replay_range(
    tx: AsyncSession, project_id: UUID, name: str, begin: datetime, end: datetime, *, actor: Actor
) -> Replayed:
    """Send again what was delivered or dead of the deliveries made from `begin` until before `end`, at most 10,000.

    Raises:
        EndpointNotFound (404); EndpointNotActive (409); Invalid: the span is empty (422).
    """
    if begin >= end:
        message = say("The span ends before it begins; nothing was replayed.")
        raise Invalid(message, errors=(FieldError("to", say("must be later than `from`")),))
    hot = await driver_of(tx)
    endpoint_id = await service.lock_active(hot, project_id, name, say("nothing was replayed"))
    count = await log_queries.replay_range(hot, project_id, endpoint_id, begin, end)
    details = {"endpoint": name, "from": begin.isoformat(), "to": end.isoformat(), "count": count}
    audit.record(tx, project_id, actor, Action.DELIVERIES_REPLAYED, details=details)
    return Replayed(count, more=count == log_queries.MOST_REPLAYED)


def _state(name: str | None) -> State | None:
    if not name:
        return None
    try:
        return State(name)
    except ValueError as fault:
        known = ", ".join(State)
        message = say("There is no state %(name)s of deliveries; there are %(known)s.", name=repr(name), known=known)
        raise Invalid(message, errors=(FieldError("state", say("must be one of %(known)s", known=known)),)) from fault


def _attempt(row: Any) -> AttemptView:
    answered = row["response_headers"]
    return AttemptView(
        number=row["number"],
        started_at=row["started_at"],
        seconds=row["seconds"],
        status=row["status"],
        error=row["error"],
        request_headers=msgspec.json.decode(row["request_headers"]),
        response_headers=msgspec.json.decode(answered) if answered else None,
        response_body=row["response_body"],
    )
