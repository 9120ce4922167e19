"""How a rollout ends: by a person, by a guard, or because another version becomes active."""

from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action, Actor
from review.configuration import rollout_queries as queries
from review.configuration.models import Rollout
from review.kernel.events import EventKind
from review.kernel.outbox import emit

Ended = Literal["finished", "rolled_back", "ended"]


class Fired(msgspec.Struct, frozen=True, kw_only=True):
    """A guard that ended a rollout: what it measured, on how many items, and what it may be at most."""

    guard: str
    value: float
    of: int
    bound: float


async def end(
    tx: AsyncSession, row: Rollout, state: Ended, *, actor: Actor, because: str, fired: Fired | None = None
) -> None:
    """End a running rollout, whose row is locked, with its audit entry and its event; leads are told of a guard."""
    was, now = row.state, await tx.scalar(func.now().select())
    row.state, row.ended_at, row.ended_by, row.because = state, now, actor.name, because
    row.fired = None if fired is None else msgspec.to_builtins(fired)
    said = {
        "rollout_id": str(row.id),
        "version": row.version,
        "state": state,
        "was": was,
        "share": row.share,
        "reason": because,
        "fired": row.fired,
    }
    audit.record(tx, row.project_id, actor, Action.ROLLOUT_ENDED, details=said)
    told = said | {"by": actor.name, "notify": [] if fired is None else ["pool-leads"]}
    emit(tx, row.project_id, EventKind.ROLLOUT_ENDED, item_id=None, payload=told)
    await tx.flush()


async def end_for(tx: AsyncSession, project_id: UUID, version: int, actor: Actor) -> None:
    """End the rollout that runs, if one does, because this version becomes active; its own version finishes it.

    The project's row must be locked.
    """
    row = await queries.lock_running(tx, project_id)
    if row is not None:
        is_own = row.version == version
        because = f"Version {version} became active."
        await end(tx, row, "finished" if is_own else "ended", actor=actor, because=because)


async def end_withdrawn(tx: AsyncSession, project_id: UUID, version: int, actor: Actor) -> None:
    """End the rollout of a version that is withdrawn, if it runs; the project's row must be locked."""
    row = await queries.lock_running(tx, project_id)
    if row is not None and row.version == version:
        await end(tx, row, "ended", actor=actor, because=f"Version {version} was withdrawn.")
