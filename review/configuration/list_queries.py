"""Every statement on lists that stand apart from documents."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from review.configuration.entries import Packed
from review.kernel.db import Hot

FIND_PIECES = """
SELECT content FROM entry_list_pieces WHERE project_id = $1 AND sha256 = $2 ORDER BY n
"""
# Whoever sends a list again, or names it, keeps it from being forgotten meanwhile.
ADD = """
INSERT INTO entry_lists (project_id, sha256, entries, uploaded_by) VALUES ($1, $2, $3, $4)
ON CONFLICT (project_id, sha256) DO UPDATE SET uploaded_at = now()
RETURNING xmax = 0 AS is_new
"""
ADD_PIECES = """
INSERT INTO entry_list_pieces (project_id, sha256, n, content)
SELECT $1, $2, n, content FROM unnest($3::bytea[]) WITH ORDINALITY AS u(content, n)
"""
NAME = """
UPDATE entry_lists SET is_named = true WHERE project_id = $1 AND sha256 = ANY($2::bytea[]) RETURNING sha256
"""
FORGET = """
WITH old AS (
  SELECT project_id, sha256 FROM entry_lists
  WHERE NOT is_named AND uploaded_at < now() - $1::interval
  ORDER BY uploaded_at LIMIT 10 FOR UPDATE SKIP LOCKED
), gone AS (
  DELETE FROM entry_list_pieces p USING old WHERE p.project_id = old.project_id AND p.sha256 = old.sha256
)
DELETE FROM entry_lists l USING old WHERE l.project_id = old.project_id AND l.sha256 = old.sha256
"""


async def find_pieces(hot: Hot, project_id: UUID, sha256: str) -> list[bytes]:
    """Read the pieces of a list, in order; none where it is not stored."""
    return [row["content"] for row in await hot.fetch(FIND_PIECES, project_id, bytes.fromhex(sha256))]


async def add(hot: Hot, project_id: UUID, packed: Packed, by: str) -> None:
    """Store a list, within the caller's transaction; one that is there already stays."""
    digest = bytes.fromhex(packed.sha256)
    if await hot.fetchval(ADD, project_id, digest, packed.entries, by):
        await hot.execute(ADD_PIECES, project_id, digest, list(packed.pieces))


async def name(hot: Hot, project_id: UUID, digests: Collection[str]) -> Sequence[str]:
    """Note that a version names these lists, which keeps them for good; gives those that are stored."""
    rows = await hot.fetch(NAME, project_id, [bytes.fromhex(each) for each in digests])
    return [row["sha256"].hex() for row in rows]


async def forget_unnamed(hot: Hot, kept: timedelta) -> int:
    """Delete some lists that no version has named for so long; gives how many."""
    told = await hot.execute(FORGET, kept)
    return int(told.rsplit(" ", 1)[-1])
