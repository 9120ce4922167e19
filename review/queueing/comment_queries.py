"""Every statement on comments; times are the database's."""

from typing import Any
from uuid import UUID

from review.identity.rules import Principal
from review.kernel.db import Hot
from review.queueing.queries import BY_SEVERAL

MOST = 200  # the newest of a thread

_COMMENT = """
 id, author_kind, author_id, author, text, written_at, edited_at, removed_at, hidden_by,
 written_at > now() - $3::interval AS is_fresh
"""
LIST_COMMENTS = f"""
SELECT {_COMMENT} FROM item_comments WHERE project_id = $1 AND item_id = $2 AND removed_at IS NULL
ORDER BY id DESC LIMIT {MOST}
"""
LOCK_COMMENT = f"""
SELECT {_COMMENT} FROM item_comments WHERE project_id = $1 AND id = $2 AND item_id = $4 AND removed_at IS NULL
FOR UPDATE
"""
EDIT = "UPDATE item_comments SET text = $3, edited_at = now() WHERE project_id = $1 AND id = $2"
REMOVE = "UPDATE item_comments SET removed_at = now() WHERE project_id = $1 AND id = $2"
HIDE = "UPDATE item_comments SET hidden_by = $3 WHERE project_id = $1 AND id = $2"

IS_JUDGED_BY_SEVERAL = f"""
SELECT EXISTS (SELECT FROM cases c WHERE c.project_id = $1 AND c.item_id = $2 AND {BY_SEVERAL})
"""


async def list_comments(hot: Hot, who: Principal, item_id: UUID, fresh: Any) -> list[Any]:
    """Read the newest comments of an item, the oldest of them first; `fresh` is how long one's own may be changed."""
    return (await hot.fetch(LIST_COMMENTS, who.project_id, item_id, fresh))[::-1]


async def lock_comment(driver: Hot, who: Principal, item_id: UUID, comment_id: UUID, fresh: Any) -> Any:
    """Lock a comment that was not taken back; None where there is no such one on this item."""
    return await driver.fetchrow(LOCK_COMMENT, who.project_id, comment_id, fresh, item_id)


async def is_judged_by_several(hot: Hot, project_id: UUID, item_id: UUID) -> bool:
    """Tell whether others judge an item's case too, or have; false where it has none."""
    return bool(await hot.fetchval(IS_JUDGED_BY_SEVERAL, project_id, item_id))
