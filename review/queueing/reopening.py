"""Bringing back to people what a rule has decided: its decision counts on until they revise it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action
from review.configuration.rules import ProjectConfig
from review.identity.rules import Principal
from review.kernel import outbox
from review.kernel.db import driver_of
from review.kernel.events import EventKind
from review.kernel.ids import new_id
from review.queueing import reopening_queries as queries
from review.queueing.conflicts import MOST_NAMES, people_in
from review.routing.rules import DEFAULT_PRIORITY


async def bring_back(
    tx: AsyncSession, *, who: Principal, config: ProjectConfig, item_id: UUID, told: Mapping[str, Any]
) -> bool:
    """Open a case for an item that a rule has decided; `told` goes into the audit beside where it waits.

    It waits in the default pool, as what rules may not decide does, and without a clock: nobody waits for it. What
    people make of it is a revision. Tells whether it did: not where the item is open, or people had part in it.
    """
    driver = await driver_of(tx)
    body = await queries.lock_decided(driver, who.project_id, item_id)
    if body is None:
        return False
    item_type = config.item_types.get(body["type"])
    details: dict[str, Any] = msgspec.json.decode(body["details"])
    people = people_in(
        item_type.relations if item_type else (),
        input=msgspec.json.decode(body["input"]),
        output=msgspec.json.decode(body["output"]),
        metadata=details.get("metadata"),
        subject=details.get("subject"),
        submitted_by=msgspec.json.decode(body["submitted_by"] or "null"),
    )
    pool, priority = config.default_pool, DEFAULT_PRIORITY
    seats = 2 if item_type is not None and item_type.two_person else 1
    await queries.reopen(
        driver,
        who.project_id,
        item_id,
        case_id=new_id(),
        pool=pool,
        priority=priority,
        seat_ids=[new_id() for _ in range(seats)],
        barred=people[:MOST_NAMES],
    )
    where = {"pool": pool, "priority": priority}
    audit.record(tx, who.project_id, who.actor, Action.ITEM_REOPENED, item_id=item_id, details={**where, **told})
    payload = {**where, "why": "brought_back", "by": who.actor.name}
    outbox.emit(tx, who.project_id, EventKind.REOPENED, item_id=item_id, payload=payload)
    return True
