"""Writing audit entries in the acting transaction."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from review.audit.models import AuditEntry
from review.audit.rules import Action, Actor
from review.kernel.ids import new_id


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
            action=action.value,
            item_id=item_id,
            details=details or {},
        )
    )
