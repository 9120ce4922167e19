"""Every statement on feedback: writing a record, giving out positions, and reading in their order.

A position is given to a record after its transaction has committed, by whoever holds the project's feed row.
So positions become visible in their own order, and a reader that continues after the last one it saw can miss
nothing: not a transaction that began early and committed late, and not anything after a dump and restore.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

SEQUENCE_BATCH = 10_000  # rows given positions by one statement: about 0.2 s, well inside the statement timeout

INSERT = text("""
INSERT INTO feedback (project_id, id, item_id, revision, type, verdict, source, record, decided_at)
VALUES (:project_id, :id, :item_id, :revision, :type, :verdict, :source, CAST(:record AS json), :decided_at)
""")
WAITING = text("SELECT EXISTS (SELECT FROM feedback WHERE project_id = :project_id AND position IS NULL)")
OPEN_FEED = text("INSERT INTO feedback_feeds (project_id) VALUES (:project_id) ON CONFLICT DO NOTHING")
LOCK_FEED = text("SELECT last_position FROM feedback_feeds WHERE project_id = :project_id FOR UPDATE")
GIVE_POSITIONS = text("""
WITH waiting AS (
  SELECT id, row_number() OVER (ORDER BY decided_at, id) AS place
  FROM feedback WHERE project_id = :project_id AND position IS NULL
  ORDER BY decided_at, id LIMIT :batch
), given AS (
  UPDATE feedback f SET position = :last + waiting.place
  FROM waiting WHERE f.project_id = :project_id AND f.id = waiting.id
  RETURNING 1
)
UPDATE feedback_feeds SET last_position = :last + (SELECT count(*) FROM given)
WHERE project_id = :project_id
RETURNING last_position
""")
# What is left of a record is compact JSON like every other, so that followers read it as they read those.
_TOMBSTONE = r"""
('{{"id":"' || {id} || '","item_id":"' || {of}.item_id || '","type":' || to_json({of}.type)
 || ',"withdrawn"\:true,"withdrawn_at":' || to_json(now()) || '}}')::json
"""
WITHDRAW = text(f"""
UPDATE feedback f SET withdrawn_at = now(), record = {_TOMBSTONE.format(id="f.id", of="f")}
WHERE project_id = :project_id AND item_id = ANY(CAST(:item_ids AS uuid[])) AND withdrawn_at IS NULL
""")
TELL_WITHDRAWN = text(f"""
INSERT INTO feedback (project_id, id, item_id, revision, type, verdict, source, record, decided_at, withdrawn_at)
SELECT f.project_id, g.id, f.item_id, 0, f.type, f.verdict, f.source, {_TOMBSTONE.format(id="g.id", of="f")},
       now(), now()
FROM unnest(CAST(:item_ids AS uuid[]), CAST(:new_ids AS uuid[])) AS g(item_id, id)
JOIN LATERAL (SELECT * FROM feedback WHERE project_id = :project_id AND item_id = g.item_id
              ORDER BY revision DESC LIMIT 1) f ON f.revision > 0
ON CONFLICT DO NOTHING
""")
LIST_WAITING_PROJECTS = text("SELECT DISTINCT project_id FROM feedback WHERE position IS NULL")
FIND_POSITION = text("SELECT position FROM feedback WHERE project_id = :project_id AND id = :id")
LAST = text("""
SELECT position, id FROM feedback
WHERE project_id = :project_id AND position IS NOT NULL ORDER BY position DESC LIMIT 1
""")
PAGE = """
SELECT id, CAST(record AS text) FROM feedback
WHERE project_id = :project_id AND position > :after AND position <= :upto{of_type}
ORDER BY position LIMIT :limit
"""
PAGE_OF_ALL = text(PAGE.format(of_type=""))
PAGE_OF_TYPE = text(PAGE.format(of_type=" AND type = :type"))


async def insert(
    tx: AsyncSession, project_id: UUID, feedback_id: UUID, *, item_id: UUID, revision: int, columns: dict[str, Any]
) -> None:
    """Write a record without a position; one is given once this transaction has committed."""
    keys = {"project_id": project_id, "id": feedback_id, "item_id": item_id, "revision": revision}
    await tx.execute(INSERT, keys | columns)


async def withdraw(tx: AsyncSession, project_id: UUID, item_ids: Sequence[UUID], new_ids: Sequence[UUID]) -> None:
    """Leave nothing but ids of these items' records, and add a row for each item that says so."""
    given = {"project_id": project_id, "item_ids": list(item_ids)}
    await tx.execute(WITHDRAW, given)
    await tx.execute(TELL_WITHDRAWN, given | {"new_ids": list(new_ids)})


async def sequence(tx: AsyncSession, project_id: UUID) -> int:
    """Give the next positions to the committed records that have none, oldest decision first; tell how many.

    Locks the project's feed row until the transaction ends, unless nothing is waiting. One call gives at most
    `SEQUENCE_BATCH`.
    """
    project = {"project_id": project_id}
    if not (await tx.execute(WAITING, project)).scalar_one():
        return 0
    await tx.execute(OPEN_FEED, project)
    last = (await tx.execute(LOCK_FEED, project)).scalar_one()
    given = await tx.execute(GIVE_POSITIONS, project | {"last": last, "batch": SEQUENCE_BATCH})
    return int(given.scalar_one()) - int(last)


async def list_waiting_projects(tx: AsyncSession) -> list[UUID]:
    """List the projects with records that wait for a position."""
    return list((await tx.execute(LIST_WAITING_PROJECTS)).scalars())


async def find_position(tx: AsyncSession, project_id: UUID, feedback_id: UUID) -> int | None:
    """Find a record's place in the feed."""
    return (await tx.execute(FIND_POSITION, {"project_id": project_id, "id": feedback_id})).scalar_one_or_none()


async def find_last(tx: AsyncSession, project_id: UUID) -> tuple[int, UUID] | None:
    """Find the last record of the feed: its position and its id."""
    row = (await tx.execute(LAST, {"project_id": project_id})).one_or_none()
    return None if row is None else (row[0], row[1])


async def list_page(
    tx: AsyncSession, project_id: UUID, *, of_type: str | None, after: int, upto: int, limit: int
) -> Sequence[tuple[UUID, str]]:
    """List records behind a position, in feed order: id and the record's JSON text as it was frozen."""
    bounds = {"project_id": project_id, "after": after, "upto": upto, "limit": limit}
    if of_type is None:
        rows = await tx.execute(PAGE_OF_ALL, bounds)
    else:
        rows = await tx.execute(PAGE_OF_TYPE, bounds | {"type": of_type})
    return [(row[0], row[1]) for row in rows]
