"""The statements of kept views: those that somebody sees, with the pools they are in, keeping one, taking one away."""

from typing import Any
from uuid import UUID

from review.identity.rules import Principal
from review.kernel.db import Hot

# One's own and those shared, each by its index: $4 of each is more than anybody has tabs for. One row in any case.
LIST_VIEWS = """
SELECT ARRAY(SELECT pool FROM pool_members WHERE project_id = $1 AND email = $3) AS pools,
  ARRAY(SELECT json_build_object('id', v.id, 'name', v.name, 'pool', v.pool, 'query', v.query,
                                 'is_shared', v.is_shared, 'is_mine', v.owner_id = $2)::text
  FROM (
    (SELECT * FROM queue_views WHERE project_id = $1 AND owner_id = $2 ORDER BY id LIMIT $4)
    UNION
    (SELECT * FROM queue_views WHERE project_id = $1 AND is_shared ORDER BY id LIMIT $4)
  ) v ORDER BY v.is_shared, v.name, v.id) AS views
"""

COUNT_MINE = "SELECT count(*) FROM queue_views WHERE project_id = $1 AND owner_id = $2"

LOCK_VIEW = """
SELECT id, name, owner_id, is_shared, pool FROM queue_views WHERE project_id = $1 AND id = $2 FOR UPDATE
"""

REMOVE = "DELETE FROM queue_views WHERE project_id = $1 AND id = $2"


async def list_views(hot: Hot, who: Principal, most: int) -> Any:
    """Read the views that are somebody's own or shared with the project, and the pools they are in."""
    return await hot.fetchrow(LIST_VIEWS, who.project_id, who.id, who.email, most)


async def count_mine(hot: Hot, project_id: UUID, user_id: UUID) -> int:
    """Count the views that somebody keeps."""
    return int(await hot.fetchval(COUNT_MINE, project_id, user_id))


async def lock_view(hot: Hot, project_id: UUID, view_id: UUID) -> Any:
    """Lock a view and read whose it is; None where there is none."""
    return await hot.fetchrow(LOCK_VIEW, project_id, view_id)


async def remove(hot: Hot, project_id: UUID, view_id: UUID) -> None:
    """Take a view away."""
    await hot.execute(REMOVE, project_id, view_id)
