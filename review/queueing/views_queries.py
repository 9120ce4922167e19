"""The statements of kept views: those that somebody sees, keeping one, taking one away."""

from typing import Any
from uuid import UUID

from review.kernel.db import Hot

# One's own and those shared, each by its index; {most} of each is more than anybody has tabs for.
LIST_VIEWS = """
SELECT v.id, v.name, v.pool, v.query, v.is_shared, v.owner_id = $2 AS is_mine FROM (
  (SELECT * FROM queue_views WHERE project_id = $1 AND owner_id = $2 ORDER BY id LIMIT $3)
  UNION
  (SELECT * FROM queue_views WHERE project_id = $1 AND is_shared ORDER BY id LIMIT $3)
) v ORDER BY v.is_shared, v.name, v.id
"""

COUNT_MINE = "SELECT count(*) FROM queue_views WHERE project_id = $1 AND owner_id = $2"

LOCK_VIEW = """
SELECT id, name, owner_id, is_shared, pool FROM queue_views WHERE project_id = $1 AND id = $2 FOR UPDATE
"""

REMOVE = "DELETE FROM queue_views WHERE project_id = $1 AND id = $2"


async def list_views(hot: Hot, project_id: UUID, user_id: UUID, most: int) -> list[Any]:
    """Read the views that are somebody's own or shared with the project."""
    return await hot.fetch(LIST_VIEWS, project_id, user_id, most)


async def count_mine(hot: Hot, project_id: UUID, user_id: UUID) -> int:
    """Count the views that somebody keeps."""
    return int(await hot.fetchval(COUNT_MINE, project_id, user_id))


async def lock_view(hot: Hot, project_id: UUID, view_id: UUID) -> Any:
    """Lock a view and read whose it is; None where there is none."""
    return await hot.fetchrow(LOCK_VIEW, project_id, view_id)


async def remove(hot: Hot, project_id: UUID, view_id: UUID) -> None:
    """Take a view away."""
    await hot.execute(REMOVE, project_id, view_id)
