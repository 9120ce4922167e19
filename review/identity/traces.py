"""Recording what concerns a person and no single project: an entry in each project they are in."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action, Actor
from review.identity import account_queries


async def note(
    tx: AsyncSession,
    user_id: UUID,
    action: Action,
    *,
    actor: Actor | None = None,
    origin: str = "",
    details: dict[str, Any] | None = None,
) -> None:
    """Record an act that concerns a person; without an actor it is their own. In no project, it leaves no entry."""
    email, projects = await account_queries.list_places(tx, user_id)
    by = actor or Actor("user", user_id, email, origin)
    whose = {} if actor is None else {"email": email, "user_id": str(user_id)}
    for project_id in projects:
        audit.record(tx, project_id, by, action, details={**whose, **(details or {})})
