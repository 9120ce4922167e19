"""Writing audit entries in the acting transaction, and taking what is personal out of old ones."""

import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import queries
from review.audit.models import AuditEntry
from review.audit.rules import Action, Actor
from review.kernel.db import Hot, after_rollback, driver_of
from review.kernel.ids import new_id

log = logging.getLogger(__name__)


def record(
    tx: AsyncSession,
    project_id: UUID,
    actor: Actor,
    action: Action,
    *,
    item_id: UUID | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """Add an entry to the caller's transaction; it exists exactly if the act does."""
    tx.add(
        AuditEntry(
            project_id=project_id,
            id=new_id(),
            actor_kind=actor.kind,
            actor_id=actor.id,
            actor_name=actor.name,
            origin=actor.origin,
            config_version=actor.config_version,
            action=action.value,
            item_id=item_id,
            details=details or {},
        )
    )


def record_refused(tx: AsyncSession, project_id: UUID, actor: Actor, *, item_id: UUID, details: dict[str, Any]) -> None:
    """Have a refused act on an assignment recorded once the caller's transaction is rolled back, as it will be."""

    async def note(after: AsyncSession) -> None:
        await queries.note_refused(await driver_of(after), project_id, actor, item_id=item_id, details=details)

    after_rollback(tx, note)


async def record_refused_at_once(
    hot: Hot, project_id: UUID, actor: Actor, *, item_id: UUID, details: dict[str, Any]
) -> None:
    """Record a refused act that has no transaction to be rolled back; a failure is logged, and the refusal stands."""
    try:
        await queries.note_refused(hot, project_id, actor, item_id=item_id, details=details)
    except Exception:
        log.exception("a refused act could not be recorded; the refusal stands")


async def erase(tx: AsyncSession, project_id: UUID, entry_ids: Sequence[UUID], *, actor: Actor, reason: str) -> int:
    """Erase name, origin and particulars of entries, and record that; tells how many were erased.

    The tree still verifies, because it binds a salted commitment to them and no hash of them. Entries without a place
    yet, and those about erasing, are left as they are.
    """
    positions = await queries.erase(await driver_of(tx), project_id, entry_ids)
    return _note_erased(tx, project_id, positions, actor, reason)


async def erase_of_items(
    tx: AsyncSession, project_id: UUID, item_ids: Sequence[UUID], *, actor: Actor, reason: str
) -> int:
    """Erase, as `erase` does, all entries about items, but for those that say they were erased."""
    positions = await queries.erase_of_items(await driver_of(tx), project_id, item_ids)
    return _note_erased(tx, project_id, positions, actor, reason)


def _note_erased(tx: AsyncSession, project_id: UUID, positions: list[int], actor: Actor, reason: str) -> int:
    if positions:
        details = {"positions": positions, "reason": reason}
        record(tx, project_id, actor, Action.AUDIT_ERASED, details=details)
    return len(positions)
