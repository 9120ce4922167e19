"""The outbox: events written beside the change they tell, so that neither exists without the other."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from review.kernel.events import EventKind
from review.kernel.ids import new_id
from review.kernel.models import Event


def emit(tx: AsyncSession, project_id: UUID, kind: EventKind, *, item_id: UUID | None, payload: dict[str, Any]) -> UUID:
    """Write the event in the caller's transaction and give its id; it is told only if that commits."""
    event_id = new_id()
    tx.add(Event(project_id=project_id, id=event_id, kind=kind.value, item_id=item_id, payload=payload))
    return event_id
