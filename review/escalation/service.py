"""Sweeping due timers, in batches, by any number of workers at once."""

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import TIMER, Action
from review.kernel import outbox
from review.kernel.db import Database
from review.kernel.events import EventKind
from review.queueing import service as queueing

BATCH = 500

LOCK_DUE = """
SELECT t.project_id, c.id AS case_id, c.item_id, c.state, c.due_at, c.sla_policy, c.breached_at
FROM timers t JOIN cases c ON c.project_id = t.project_id AND c.id = t.subject_id
WHERE t.kind = 'due' AND t.fire_at <= now() ORDER BY t.fire_at LIMIT :limit FOR UPDATE SKIP LOCKED
"""


class Swept(msgspec.Struct, frozen=True):
    """How many timers of each kind a sweep dealt with."""

    leases: int
    due: int


async def sweep(db: Database) -> Swept:
    """Act on everything that is due; effect and timer go in one transaction, so a crash repeats or keeps both."""
    leases = due = 0
    while True:
        async with db.transaction() as tx:
            lapsed = await queueing.lapse_due(tx, BATCH)
        async with db.transaction() as tx:
            breached = await _mark_breaches(tx, BATCH)
        leases, due = leases + lapsed, due + breached
        if lapsed < BATCH and breached < BATCH:
            return Swept(leases, due)


async def _mark_breaches(tx: AsyncSession, limit: int) -> int:
    """Say of open cases whose time is up that it is; it decides nothing."""
    rows = (await tx.execute(text(LOCK_DUE), {"limit": limit})).mappings().all()
    for row in rows:
        key = {"project": row["project_id"], "case": row["case_id"]}
        await tx.execute(
            text(
                "DELETE FROM timers"
                " WHERE project_id = :project AND kind = 'due' AND subject_id = :case AND generation = 0"
            ),
            key,
        )
        if row["state"] != "open" or row["breached_at"] is not None:
            continue
        await tx.execute(text("UPDATE cases SET breached_at = now() WHERE project_id = :project AND id = :case"), key)
        details = {"policy": row["sla_policy"], "due_at": row["due_at"].isoformat()}
        audit.record(tx, row["project_id"], TIMER, Action.CASE_BREACHED, item_id=row["item_id"], details=details)
        outbox.emit(tx, row["project_id"], EventKind.SLA_BREACHED, item_id=row["item_id"], payload=details)
    return len(rows)
