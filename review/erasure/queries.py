"""Every statement on erasures themselves: asking for one, working on it, and finding what a restore brought back."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from review.kernel.db import Hot

_OF_SUBJECT = """
FROM item_bodies b JOIN items i ON i.project_id = b.project_id AND i.id = b.item_id
WHERE b.project_id = $1 AND b.details ->> 'subject' = $2 AND i.erased_at IS NULL
"""
_OF_ITEM = "FROM items i WHERE i.project_id = $1 AND i.id = $2::uuid AND i.erased_at IS NULL"
_COUNT = """
SELECT count(*) AS items, count(*) FILTER (WHERE i.state = 'open') AS open,
       count((SELECT 1 FROM feedback f WHERE f.project_id = i.project_id AND f.item_id = i.id LIMIT 1)) AS judged
"""
COUNT = {"subject": _COUNT + _OF_SUBJECT, "item": _COUNT + _OF_ITEM}
# What is under way already is not taken twice.
_NOT_YET = """
 AND NOT EXISTS (SELECT FROM erasure_items e JOIN erasures r ON r.project_id = e.project_id AND r.id = e.erasure_id
                 WHERE e.project_id = i.project_id AND e.item_id = i.id AND r.state <> 'done')
"""
_TAKE = "INSERT INTO erasure_items (project_id, erasure_id, item_id) SELECT $1, $3, i.id "
TAKE = {"subject": _TAKE + _OF_SUBJECT + _NOT_YET, "item": _TAKE + _OF_ITEM + _NOT_YET}
_UNDER_WAY = """
SELECT e.erasure_id FROM erasure_items e JOIN erasures r ON r.project_id = e.project_id AND r.id = e.erasure_id
WHERE e.project_id = $1 AND r.state <> 'done' AND e.item_id IN (SELECT i.id {of}) ORDER BY r.requested_at LIMIT 1
"""
FIND_UNDER_WAY = {"subject": _UNDER_WAY.format(of=_OF_SUBJECT), "item": _UNDER_WAY.format(of=_OF_ITEM)}
ADD = """
INSERT INTO erasures (project_id, id, kind, reason, requested_by) VALUES ($1, $2, $3, $4, $5)
"""
REMOVE = "DELETE FROM erasures WHERE project_id = $1 AND id = $2"
LIST_VIEWS = "SELECT id, query FROM queue_views WHERE project_id = $1 AND strpos(query, 'subject=') > 0"
REMOVE_VIEWS = "DELETE FROM queue_views WHERE project_id = $1 AND id = ANY($2::uuid[])"

_SHOWN = """
 r.id, r.kind, r.state, r.reason, r.snapshots, r.error, r.requested_by, r.requested_at, r.ended_at,
 n.items, n.erased, n.checked
"""
_FROM = """
FROM erasures r CROSS JOIN LATERAL (
  SELECT count(*) AS items, count(erased_at) AS erased, count(checked_at) AS checked
  FROM erasure_items WHERE project_id = r.project_id AND erasure_id = r.id) n
"""
FIND = f"SELECT {_SHOWN} {_FROM} WHERE r.project_id = $1 AND r.id = $2"
LIST = f"""
SELECT {_SHOWN} {_FROM} WHERE r.project_id = $1 AND ($2::uuid IS NULL OR r.id < $2) ORDER BY r.id DESC LIMIT $3
"""

FIND_OF_ITEM = """
SELECT erasure_id FROM erasure_items WHERE project_id = $1 AND item_id = $2 ORDER BY erasure_id DESC LIMIT 1
"""

LIST_DUE = """
SELECT project_id, id FROM erasures
WHERE state IN ('waiting', 'running') AND (lease_until IS NULL OR lease_until < now()) ORDER BY requested_at LIMIT 10
"""
CLAIM = """
UPDATE erasures r
SET state = 'running', fence = fence + 1, tries = least(tries + 1, 1000), lease_until = now() + $3::interval
FROM projects p
WHERE r.project_id = $1 AND r.id = $2 AND p.id = r.project_id AND state IN ('waiting', 'running')
  AND (lease_until IS NULL OR lease_until < now())
RETURNING r.kind, r.reason, r.fence, r.tries, r.requested_by, p.slug AS project
"""
_MINE = "WHERE project_id = $1 AND id = $2 AND fence = $3 AND state = 'running'"
# Locks the erasure's row until the end of the caller's transaction: whoever is late does nothing.
KEEP = f"UPDATE erasures SET lease_until = now() + $4::interval {_MINE} RETURNING id"
LET_GO = f"UPDATE erasures SET lease_until = now() + $4::interval, error = $5 {_MINE}"
END = f"""
UPDATE erasures SET state = 'done', error = '', lease_until = NULL, ended_at = now(), tries = 0
{_MINE} RETURNING id
"""
COUNT_SNAPSHOTS = "UPDATE erasures SET snapshots = snapshots + $3 WHERE project_id = $1 AND id = $2"
_NEXT = """
SELECT item_id FROM erasure_items
WHERE project_id = $1 AND erasure_id = $2 AND checked_at IS NULL AND erased_at IS {null} AND item_id > $3
ORDER BY item_id LIMIT $4
"""
NEXT_TO_ERASE = _NEXT.format(null="NULL")
NEXT_TO_CHECK = _NEXT.format(null="NOT NULL")
MARK_ERASED = """
UPDATE erasure_items SET erased_at = now() WHERE project_id = $1 AND erasure_id = $2 AND item_id = ANY($3::uuid[])
"""
MARK_CHECKED = """
UPDATE erasure_items SET checked_at = now() WHERE project_id = $1 AND erasure_id = $2 AND item_id = ANY($3::uuid[])
"""
FIRST_POSITION = """
SELECT min(f.position) FROM erasure_items e JOIN feedback f ON f.project_id = e.project_id AND f.item_id = e.item_id
WHERE e.project_id = $1 AND e.erasure_id = $2 AND f.revision > 0
"""
LIST_ITEMS = "SELECT item_id FROM erasure_items WHERE project_id = $1 AND erasure_id = $2 ORDER BY item_id"

# Items of erasures that are done and whose data is there: a restore brought it back.
REOPEN = """
WITH returned AS (
  UPDATE erasure_items e SET erased_at = NULL, checked_at = NULL
  FROM items i JOIN item_bodies b ON b.project_id = i.project_id AND b.item_id = i.id
  WHERE e.project_id = i.project_id AND e.item_id = i.id AND e.checked_at IS NOT NULL
    AND (i.erased_at IS NULL OR b.input::text <> 'null' OR b.output::text <> 'null')
  RETURNING e.project_id, e.erasure_id
), distinctly AS (SELECT DISTINCT project_id, erasure_id FROM returned)
UPDATE erasures r SET state = 'waiting', lease_until = NULL, ended_at = NULL
FROM distinctly d WHERE r.project_id = d.project_id AND r.id = d.erasure_id AND r.state = 'done'
RETURNING r.id
"""
LIST_UNKEPT = """
SELECT project_id, id FROM erasures WHERE kept_at IS NULL ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED
"""
LIST_ALL = "SELECT project_id, id FROM erasures WHERE id > $1 ORDER BY id LIMIT 100"
GET_KEPT = """
SELECT p.slug AS project, r.id, r.kind, r.reason, r.requested_by, r.requested_at,
       ARRAY(SELECT item_id FROM erasure_items e WHERE e.project_id = r.project_id AND e.erasure_id = r.id
             ORDER BY item_id) AS items
FROM erasures r JOIN projects p ON p.id = r.project_id WHERE r.project_id = $1 AND r.id = $2
"""
MARK_KEPT = "UPDATE erasures SET kept_at = now() WHERE project_id = $1 AND id = $2"
BRING_BACK = """
INSERT INTO erasures (project_id, id, kind, reason, requested_by, requested_at, kept_at)
SELECT p.id, $2, $3, $4, $5, $6, now() FROM projects p WHERE p.slug = $1 ON CONFLICT DO NOTHING RETURNING project_id
"""
BRING_BACK_ITEMS = """
INSERT INTO erasure_items (project_id, erasure_id, item_id) SELECT $1, $2, g.id FROM unnest($3::uuid[]) AS g(id)
ON CONFLICT DO NOTHING
"""
TAKE_OUTLIVED = f"""
WITH stretch AS (SELECT * FROM items WHERE project_id = $1 AND id > $2 ORDER BY id LIMIT $6), outlived AS (
  INSERT INTO erasure_items (project_id, erasure_id, item_id)
  SELECT $1, $5, i.id
  FROM stretch i JOIN unnest($3::text[], $4::interval[]) AS kept(type, for_time) ON kept.type = i.type
  WHERE i.state <> 'open' AND i.erased_at IS NULL AND i.closed_at <= now() - kept.for_time {_NOT_YET}
  RETURNING 1
)
SELECT (SELECT count(*) FROM outlived) AS taken, (SELECT id FROM stretch ORDER BY id DESC LIMIT 1) AS last
"""
LIST_PROJECTS = "SELECT id, config_version FROM projects WHERE config_version > 0 ORDER BY id"

Mine = tuple[UUID, UUID, int]


async def count(hot: Hot, project_id: UUID, kind: str, of: str) -> Any:
    """Count what an erasure of this would reach."""
    return await hot.fetchrow(COUNT[kind], project_id, of)


async def add(hot: Hot, project_id: UUID, erasure_id: UUID, kind: str, reason: str, requested_by: str) -> None:
    """Store an erasure without items."""
    await hot.execute(ADD, project_id, erasure_id, kind, reason, requested_by)


async def take(hot: Hot, project_id: UUID, erasure_id: UUID, kind: str, of: str) -> int:
    """Take in the items that are there now and in no other erasure that goes on; tells how many."""
    status: str = await hot.execute(TAKE[kind], project_id, of, erasure_id)
    return int(status.rsplit(" ", 1)[-1])


async def remove(hot: Hot, project_id: UUID, erasure_id: UUID) -> None:
    """Take away an erasure that has no items."""
    await hot.execute(REMOVE, project_id, erasure_id)


async def find_under_way(hot: Hot, project_id: UUID, kind: str, of: str) -> UUID | None:
    """Find the erasure that goes on for some of these items."""
    found: UUID | None = await hot.fetchval(FIND_UNDER_WAY[kind], project_id, of)
    return found


async def list_views(hot: Hot, project_id: UUID) -> list[tuple[UUID, str]]:
    """List the saved filters that name a subject."""
    return [(row["id"], row["query"]) for row in await hot.fetch(LIST_VIEWS, project_id)]


async def remove_views(hot: Hot, project_id: UUID, view_ids: list[UUID]) -> None:
    """Remove saved filters."""
    await hot.execute(REMOVE_VIEWS, project_id, view_ids)


async def find(hot: Hot, project_id: UUID, erasure_id: UUID) -> Any:
    """Find an erasure with its counts."""
    return await hot.fetchrow(FIND, project_id, erasure_id)


async def find_of_item(hot: Hot, project_id: UUID, item_id: UUID) -> UUID | None:
    """Find the last erasure that an item is part of."""
    found: UUID | None = await hot.fetchval(FIND_OF_ITEM, project_id, item_id)
    return found


async def list_erasures(hot: Hot, project_id: UUID, before: UUID | None, limit: int) -> Sequence[Any]:
    """List erasures, the last first."""
    return await hot.fetch(LIST, project_id, before, limit)


async def list_due(hot: Hot) -> list[tuple[UUID, UUID]]:
    """List those that nobody works on."""
    return [(row["project_id"], row["id"]) for row in await hot.fetch(LIST_DUE)]


async def claim(hot: Hot, project_id: UUID, erasure_id: UUID, lease: timedelta) -> Any:
    """Take one to work on under a new fence; None where another worker has it."""
    return await hot.fetchrow(CLAIM, project_id, erasure_id, lease)


async def keep(hot: Hot, mine: Mine, lease: timedelta) -> bool:
    """Keep it, and lock its row within a transaction; False where it is not the caller's any more."""
    return await hot.fetchval(KEEP, *mine, lease) is not None


async def let_go(hot: Hot, mine: Mine, pause: timedelta, error: str) -> None:
    """Leave it to whoever comes first after a pause."""
    await hot.execute(LET_GO, *mine, pause, error)


async def end(hot: Hot, mine: Mine) -> bool:
    """Say that it is done; False where it is not the caller's any more."""
    return await hot.fetchval(END, *mine) is not None


async def count_snapshots(hot: Hot, project_id: UUID, erasure_id: UUID, withdrawn: int) -> None:
    """Count snapshots that were withdrawn for it."""
    await hot.execute(COUNT_SNAPSHOTS, project_id, erasure_id, withdrawn)


async def list_next(hot: Hot, mine: Mine, after: UUID, limit: int, *, erased: bool) -> list[UUID]:
    """List items that are to be erased, or that are erased and to be looked at again."""
    rows = await hot.fetch(NEXT_TO_CHECK if erased else NEXT_TO_ERASE, mine[0], mine[1], after, limit)
    return [row["item_id"] for row in rows]


async def mark_erased(hot: Hot, mine: Mine, item_ids: list[UUID]) -> None:
    """Note that items were erased."""
    await hot.execute(MARK_ERASED, mine[0], mine[1], item_ids)


async def mark_checked(hot: Hot, mine: Mine, item_ids: list[UUID]) -> None:
    """Note that nothing came after to items that were erased."""
    await hot.execute(MARK_CHECKED, mine[0], mine[1], item_ids)


async def first_position(hot: Hot, mine: Mine) -> int | None:
    """Tell where in the feed the first record of its items stands, None where they left none."""
    found: int | None = await hot.fetchval(FIRST_POSITION, mine[0], mine[1])
    return found


async def list_items(hot: Hot, project_id: UUID, erasure_id: UUID) -> list[UUID]:
    """List the items of an erasure."""
    return [row["item_id"] for row in await hot.fetch(LIST_ITEMS, project_id, erasure_id)]


async def reopen(hot: Hot) -> int:
    """Have erasures done again whose items have their data back; tells how many."""
    return len(await hot.fetch(REOPEN))


async def list_unkept(hot: Hot) -> list[tuple[UUID, UUID]]:
    """Lock erasures that are not written outside the database yet."""
    return [(row["project_id"], row["id"]) for row in await hot.fetch(LIST_UNKEPT)]


async def list_all(hot: Hot, after: UUID) -> list[tuple[UUID, UUID]]:
    """List erasures of all projects, in order."""
    return [(row["project_id"], row["id"]) for row in await hot.fetch(LIST_ALL, after)]


async def get_kept(hot: Hot, project_id: UUID, erasure_id: UUID) -> Any:
    """Read an erasure with its items, as it is written outside the database."""
    return await hot.fetchrow(GET_KEPT, project_id, erasure_id)


async def mark_kept(hot: Hot, project_id: UUID, erasure_id: UUID) -> None:
    """Note that it is written outside the database."""
    await hot.execute(MARK_KEPT, project_id, erasure_id)


async def bring_back(hot: Hot, project: str, columns: tuple[Any, ...], items: list[UUID]) -> bool:
    """Store an erasure that the database has lost; False where it has it, or has no such project."""
    project_id = await hot.fetchval(BRING_BACK, project, *columns)
    if project_id is not None:
        await hot.execute(BRING_BACK_ITEMS, project_id, columns[0], items)
    return project_id is not None


async def take_outlived(
    hot: Hot, project_id: UUID, erasure_id: UUID, after: UUID, kept: dict[str, timedelta], looked_at: int
) -> tuple[int, UUID | None]:
    """Take in what has outlived its type's retention among the next items; tells how many, and the last looked at."""
    row: Any = await hot.fetchrow(
        TAKE_OUTLIVED, project_id, after, list(kept), list(kept.values()), erasure_id, looked_at
    )
    return row["taken"], row["last"]


async def list_projects(hot: Hot) -> list[tuple[UUID, int]]:
    """List projects with their configuration versions."""
    return [(row["id"], row["config_version"]) for row in await hot.fetch(LIST_PROJECTS)]
