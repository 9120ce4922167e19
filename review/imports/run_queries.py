"""Every statement on imports of uploaded files: storing one, working on it, and what became of its rows."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from review.imports.schemas import Progress
from review.kernel.db import Hot

MOST_TRIES = 5
MOST_KEPT = 10_000  # rows of one import that are kept with the reason why they were left out

_SHOWN = """
 id, number, asked::text AS asked, layout, bytes, sha256, state, done, total, line, imported, repeated, left_out, kept,
 unseen, error, requested_by, requested_at, ended_at
"""
ADD_PIECE = "INSERT INTO import_pieces (project_id, import_id, number, content) VALUES ($1, $2, $3, $4)"
READ_PIECE = "SELECT content FROM import_pieces WHERE project_id = $1 AND import_id = $2 AND number = $3"
REMOVE_PIECES = "DELETE FROM import_pieces WHERE project_id = $1 AND import_id = $2"
LOCK_PROJECT = "SELECT FROM projects WHERE id = $1 FOR NO KEY UPDATE"
COUNT_UNDER_WAY = "SELECT count(*) FROM imports WHERE project_id = $1 AND state IN ('waiting', 'running')"
# The project's row is locked, so two who come at once get numbers one after the other.
ADD = """
INSERT INTO imports (project_id, id, number, asked, layout, bytes, sha256, idempotency_key, acted_kind, acted_by,
                     permissions, key_id, origin, requested_by)
SELECT $1, $2, 1 + coalesce((SELECT max(number) FROM imports WHERE project_id = $1), 0), $3::text::json, $4, $5, $6, $7,
       $8, $9, $10::text[], $11, $12, $13
RETURNING number
"""
FIND = f"SELECT {_SHOWN} FROM imports WHERE project_id = $1 AND number = $2"
FIND_BY_KEY = f"SELECT {_SHOWN} FROM imports WHERE project_id = $1 AND idempotency_key = $2"
LIST = f"SELECT {_SHOWN} FROM imports WHERE project_id = $1 AND number < $2 ORDER BY number DESC LIMIT $3"
STOP = """
UPDATE imports SET state = 'stopped', ended_at = now(), lease_until = NULL
WHERE project_id = $1 AND id = $2 AND state IN ('waiting', 'running') RETURNING id
"""
LIST_FAULTS = """
SELECT number, line, reason, row FROM import_faults
WHERE project_id = $1 AND import_id = $2 AND number > $3 ORDER BY number LIMIT $4
"""
# Of imports that ended long ago; they stay, with their counts.
FORGET_FAULTS = """
WITH old AS (
  UPDATE imports SET kept = 0 WHERE kept > 0 AND ended_at < now() - $1::interval RETURNING project_id, id
)
DELETE FROM import_faults f USING old WHERE f.project_id = old.project_id AND f.import_id = old.id
"""

LIST_DUE = """
SELECT project_id, id FROM imports
WHERE state IN ('waiting', 'running') AND (lease_until IS NULL OR lease_until < now()) ORDER BY requested_at LIMIT $1
"""
CLAIM = f"""
WITH taken AS (
  UPDATE imports SET state = 'running', fence = fence + 1, tries = tries + 1, lease_until = now() + $3::interval
  WHERE project_id = $1 AND id = $2 AND state IN ('waiting', 'running') AND (lease_until IS NULL OR lease_until < now())
  RETURNING *
)
SELECT {_SHOWN}, fence, tries, acted_kind, acted_by, permissions, key_id, origin,
       (SELECT slug FROM projects p WHERE p.id = project_id) AS project
FROM taken
"""
_MINE = "WHERE project_id = $1 AND id = $2 AND fence = $3 AND state = 'running'"
# Locks the import's row until the end of the caller's transaction: whoever is late does nothing.
KEEP = f"UPDATE imports SET lease_until = now() + $4::interval {_MINE} RETURNING id"
BEGIN = f"UPDATE imports SET total = $4 {_MINE} RETURNING id"
# What gets on is not what fails again and again.
MOVE_ON = f"""
UPDATE imports SET done = $4, line = $5, imported = $6, repeated = $7, left_out = $8, unseen = $9::text[],
       kept = kept + $10, tries = 1, error = ''
{_MINE}
"""
KEEP_FAULTS = """
INSERT INTO import_faults (project_id, import_id, number, line, reason, row, external_id, subject)
SELECT $1, $2, g.number, g.line, g.reason, g.row, g.external_id, g.subject
FROM unnest($3::int[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[])
  AS g(number, line, reason, row, external_id, subject)
"""
END = f"UPDATE imports SET state = $4, error = $5, lease_until = NULL, ended_at = now() {_MINE} RETURNING id"
LET_GO = f"UPDATE imports SET lease_until = now() + $4::interval, error = $5 {_MINE}"
# A process that is told to stop has not failed.
GIVE_BACK = f"UPDATE imports SET lease_until = NULL, tries = tries - 1 {_MINE}"

Mine = tuple[UUID, UUID, int]
Kept = tuple[int, int, str, str, str | None, str | None]


async def add_piece(hot: Hot, project_id: UUID, import_id: UUID, number: int, content: bytes) -> None:
    """Store a piece of a file."""
    await hot.execute(ADD_PIECE, project_id, import_id, number, content)


async def find_piece(hot: Hot, project_id: UUID, import_id: UUID, number: int) -> bytes | None:
    """Find a piece of a file; None behind the last."""
    found: bytes | None = await hot.fetchval(READ_PIECE, project_id, import_id, number)
    return found


async def remove_pieces(hot: Hot, project_id: UUID, import_id: UUID) -> None:
    """Remove a file."""
    await hot.execute(REMOVE_PIECES, project_id, import_id)


async def count_under_way(hot: Hot, project_id: UUID) -> int:
    """Count the imports that are waiting or running; locks the project's row, within the caller's transaction."""
    await hot.execute(LOCK_PROJECT, project_id)
    return int(await hot.fetchval(COUNT_UNDER_WAY, project_id))


async def add(hot: Hot, project_id: UUID, import_id: UUID, *columns: Any) -> int:
    """Store an import, and give its number."""
    return int(await hot.fetchval(ADD, project_id, import_id, *columns))


async def find(hot: Hot, project_id: UUID, number: int) -> Any:
    """Find an import."""
    return await hot.fetchrow(FIND, project_id, number)


async def find_by_key(hot: Hot, project_id: UUID, key: str) -> Any:
    """Find the import that came with an idempotency key."""
    return await hot.fetchrow(FIND_BY_KEY, project_id, key)


async def list_imports(hot: Hot, project_id: UUID, before: int, limit: int) -> Sequence[Any]:
    """List imports with lower numbers, the last first."""
    return await hot.fetch(LIST, project_id, before, limit)


async def stop(hot: Hot, project_id: UUID, import_id: UUID) -> bool:
    """Stop an import; False where it has ended."""
    return await hot.fetchval(STOP, project_id, import_id) is not None


async def list_faults(hot: Hot, project_id: UUID, import_id: UUID, after: int, limit: int) -> Sequence[Any]:
    """List rows that were left out, in the order of the file."""
    return await hot.fetch(LIST_FAULTS, project_id, import_id, after, limit)


async def forget_faults(hot: Hot, kept_for: timedelta) -> int:
    """Forget rows that imports left out which ended that long ago; tells how many."""
    status: str = await hot.execute(FORGET_FAULTS, kept_for)
    return int(status.rsplit(" ", 1)[-1])


async def list_due(hot: Hot, limit: int) -> list[tuple[UUID, UUID]]:
    """List those that nobody works on, the oldest first."""
    return [(row["project_id"], row["id"]) for row in await hot.fetch(LIST_DUE, limit)]


async def claim(hot: Hot, project_id: UUID, import_id: UUID, lease: timedelta) -> Any:
    """Take one to work on under a new fence; None where another worker has it."""
    return await hot.fetchrow(CLAIM, project_id, import_id, lease)


async def keep(hot: Hot, mine: Mine, lease: timedelta) -> bool:
    """Keep it, and lock its row within a transaction; False where it is not the caller's any more."""
    return await hot.fetchval(KEEP, *mine, lease) is not None


async def begin(hot: Hot, mine: Mine, total: int) -> bool:
    """Say how far there is to go; False where it is not the caller's any more."""
    return await hot.fetchval(BEGIN, *mine, total) is not None


async def move_on(hot: Hot, mine: Mine, reached: Progress, unseen: Collection[str], kept: Sequence[Kept]) -> None:
    """Say how far it has come, and keep the rows that were left out on the way."""
    counts = reached.done, reached.line, reached.imported, reached.repeated, reached.left_out
    await hot.execute(MOVE_ON, *mine, *counts, sorted(unseen), len(kept))
    if kept:
        await hot.execute(KEEP_FAULTS, mine[0], mine[1], *(list(column) for column in zip(*kept, strict=True)))


async def end(hot: Hot, mine: Mine, state: str, error: str) -> bool:
    """Say how it ended; False where it is not the caller's any more."""
    return await hot.fetchval(END, *mine, state, error) is not None


async def let_go(hot: Hot, mine: Mine, pause: timedelta, error: str) -> None:
    """Leave it to whoever comes first after a pause."""
    await hot.execute(LET_GO, *mine, pause, error)


async def give_back(hot: Hot, mine: Mine) -> None:
    """Leave it to whoever comes first, as if it had not been tried."""
    await hot.execute(GIVE_BACK, *mine)
