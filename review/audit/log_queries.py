"""Every statement on the log: giving entries their place, and reading leaves, kept hashes, checkpoints and lines.

A place is given after the entry's transaction has committed, by whoever holds the project's log row. So places become
visible in their own order, and the tree only ever grows at its right edge (docs/adr/0022).

What a leaf binds is text put together from integers, identifiers and JSON strings, here and nowhere else. A line of the
export carries exactly the bytes that were hashed.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from review.audit.notes import Checkpoint
from review.audit.rules import Action
from review.audit.tree import Subtree
from review.kernel.db import Hot

BATCH = 2_000  # entries that are given their place in one transaction: about 60 ms

# The personal part is committed to with a random salt, so that it can be erased, and guessed from no hash.
_PERSONAL = """
'{"actor_name":' || to_json(e.actor_name) || ',"origin":' || to_json(e.origin)
  || ',"details":' || translate(e.details::text, E'\\n\\r', '  ') || '}'
"""
_BOUND = """
'{"v":1,"project":"' || e.project_id || '","position":' || POSITION || ',"id":"' || e.id
  || '","at":' || (extract(epoch FROM e.at) * 1000000)::bigint || ',"action":' || to_json(e.action)
  || ',"actor_kind":' || to_json(e.actor_kind) || ',"actor_id":' || coalesce('"' || e.actor_id || '"', 'null')
  || ',"item_id":' || coalesce('"' || e.item_id || '"', 'null')
  || ',"config_version":' || coalesce(e.config_version::text, 'null')
  || ',"commitment":"' || encode(COMMITMENT, 'hex') || '"}'
"""
_LINE = f"""
'{{"bound":' || {_BOUND.replace("POSITION", "e.position").replace("COMMITMENT", "e.commitment")}
  || ',"leaf":"' || encode(e.leaf_hash, 'hex') || '","salt":' || coalesce('"' || encode(e.salt, 'hex') || '"', 'null')
  || ',"personal":' || CASE WHEN e.erased_at IS NULL THEN {_PERSONAL} ELSE 'null' END || '}}'
"""

# From project to project by the index, so that the cost follows the projects that have news, not the entries that wait.
LIST_WAITING = """
WITH RECURSIVE waiting AS (
  (SELECT project_id FROM audit_entries WHERE position IS NULL ORDER BY project_id LIMIT 1)
  UNION ALL
  SELECT (SELECT e.project_id FROM audit_entries e WHERE e.position IS NULL AND e.project_id > w.project_id
          ORDER BY e.project_id LIMIT 1)
  FROM waiting w WHERE w.project_id IS NOT NULL
)
SELECT p.id, p.slug FROM waiting JOIN projects p ON p.id = waiting.project_id
"""
LIST_UNSIGNED = """
SELECT p.id, p.slug FROM audit_logs l JOIN projects p ON p.id = l.project_id
WHERE l.size > l.signed_size AND (l.signed_at IS NULL OR l.signed_at <= now() - $1::interval)
"""
LIST_UNKEPT = """
SELECT DISTINCT p.id, p.slug FROM audit_checkpoints c JOIN projects p ON p.id = c.project_id WHERE c.kept_at IS NULL
"""
OPEN_LOG = "INSERT INTO audit_logs (project_id) VALUES ($1) ON CONFLICT DO NOTHING"
LOCK_LOG = "SELECT size, signed_size, now() AS at FROM audit_logs WHERE project_id = $1 FOR UPDATE SKIP LOCKED"
FIND_LAST = "SELECT max(position) FROM audit_entries WHERE project_id = $1"
FIND_SIZE = "SELECT size FROM audit_logs WHERE project_id = $1"
LIST_WAITING_ERASURES = f"""
SELECT value::text::bigint AS position
FROM audit_entries e CROSS JOIN LATERAL json_array_elements(e.details -> 'positions') AS value
WHERE e.project_id = $1 AND e.position IS NULL AND e.action = '{Action.AUDIT_ERASED}'
"""
COUNT_WAITING = "SELECT count(*) FROM audit_entries WHERE project_id = $1 AND position IS NULL"
GIVE_PLACES = f"""
WITH waiting AS MATERIALIZED (
  SELECT *, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) AS new_salt,
         $2::bigint + row_number() OVER (ORDER BY at, id) - 1 AS place
  FROM audit_entries WHERE project_id = $1 AND position IS NULL ORDER BY at, id LIMIT $3
), bound AS MATERIALIZED (
  SELECT e.id, e.place, e.new_salt,
         sha256(convert_to(encode(e.new_salt, 'hex') || {_PERSONAL}, 'UTF8')) AS new_commitment
  FROM waiting e
)
UPDATE audit_entries e SET
  position = b.place, salt = b.new_salt, commitment = b.new_commitment,
  leaf_hash = sha256('\\x00'::bytea || convert_to(
    {_BOUND.replace("POSITION", "b.place").replace("COMMITMENT", "b.new_commitment")}, 'UTF8'))
FROM bound b WHERE e.project_id = $1 AND e.id = b.id
RETURNING e.position, e.leaf_hash
"""
GROW = "UPDATE audit_logs SET size = $2 WHERE project_id = $1"
KEEP_NODES = """
INSERT INTO audit_nodes (project_id, height, place, hash)
SELECT $1, g.height, g.place, g.hash FROM unnest($2::smallint[], $3::bigint[], $4::bytea[]) AS g(height, place, hash)
"""
LIST_LEAVES = """
SELECT position, leaf_hash FROM audit_entries WHERE project_id = $1 AND position = ANY($2::bigint[])
"""
LIST_NODES = """
SELECT n.height, n.place, n.hash FROM unnest($2::smallint[], $3::bigint[]) AS g(height, place)
JOIN audit_nodes n ON n.project_id = $1 AND n.height = g.height AND n.place = g.place
"""
SIGN = """
WITH signed AS (
  INSERT INTO audit_checkpoints (project_id, size, root, note, signed_at) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT DO NOTHING
)
UPDATE audit_logs SET signed_size = $2, signed_at = $5 WHERE project_id = $1
"""
FIND_CHECKPOINT = """
SELECT size, root, note, signed_at FROM audit_checkpoints
WHERE project_id = $1 ORDER BY size DESC LIMIT 1
"""
LIST_CHECKPOINTS = """
SELECT size, note FROM audit_checkpoints WHERE project_id = $1 AND size > $2 AND size <= $3 ORDER BY size LIMIT $4
"""
TAKE_UNKEPT = """
SELECT size, note FROM audit_checkpoints WHERE project_id = $1 AND kept_at IS NULL ORDER BY size LIMIT $2
FOR UPDATE SKIP LOCKED
"""
MARK_KEPT = "UPDATE audit_checkpoints SET kept_at = now() WHERE project_id = $1 AND size = ANY($2::bigint[])"
LIST_LINES = f"""
SELECT e.position, {_LINE} AS line FROM audit_entries e
WHERE e.project_id = $1 AND e.position >= $2 AND e.position < $3 ORDER BY e.position
"""
COUNT_OF_ITEM = "SELECT count(*) FROM audit_entries WHERE project_id = $1 AND item_id = $2"
LIST_LINES_OF_ITEM = f"""
SELECT e.position, {_LINE} AS line FROM audit_entries e
WHERE e.project_id = $1 AND e.item_id = $2 AND e.position < $3 ORDER BY e.position LIMIT $4
"""


async def list_waiting(hot: Hot) -> list[Any]:
    """List the projects with entries that wait for their place: id and name."""
    return await hot.fetch(LIST_WAITING)


async def list_unsigned(hot: Hot, every: timedelta) -> list[Any]:
    """List the projects whose log has grown since it was signed, if that is long enough ago: id and name."""
    return await hot.fetch(LIST_UNSIGNED, every)


async def list_unkept(hot: Hot) -> list[Any]:
    """List the projects with checkpoints that were not written outside the database yet: id and name."""
    return await hot.fetch(LIST_UNKEPT)


async def lock_log(hot: Hot, project_id: UUID) -> Any:
    """Lock a project's log until the transaction ends and give its sizes and the time; None while another has it."""
    row = await hot.fetchrow(LOCK_LOG, project_id)
    if row is None:
        await hot.execute(OPEN_LOG, project_id)
        row = await hot.fetchrow(LOCK_LOG, project_id)
    return row


async def get_size(hot: Hot, project_id: UUID) -> int:
    """Give how many entries of a project have their place."""
    return int(await hot.fetchval(FIND_SIZE, project_id) or 0)


async def get_end(hot: Hot, project_id: UUID) -> int:
    """Give the place behind the last entry that has one."""
    last: int | None = await hot.fetchval(FIND_LAST, project_id)
    return 0 if last is None else last + 1


async def count_waiting(hot: Hot, project_id: UUID) -> int:
    """Count the entries of a project that wait for their place."""
    return int(await hot.fetchval(COUNT_WAITING, project_id))


async def list_waiting_erasures(hot: Hot, project_id: UUID) -> list[int]:
    """List what was erased by acts whose entries wait for their place."""
    return [row["position"] for row in await hot.fetch(LIST_WAITING_ERASURES, project_id)]


async def give_places(hot: Hot, project_id: UUID, size: int) -> list[tuple[int, bytes]]:
    """Give the next places to the oldest entries without one, and give their leaf hashes; the log must be locked."""
    rows = await hot.fetch(GIVE_PLACES, project_id, size, BATCH)
    return sorted((row["position"], row["leaf_hash"]) for row in rows)


async def grow(hot: Hot, project_id: UUID, size: int, nodes: Sequence[tuple[Subtree, bytes]]) -> None:
    """Keep the hashes that became complete, and the log's new size; the log must be locked."""
    if nodes:
        heights, places = [each.height for each, _ in nodes], [each.place for each, _ in nodes]
        await hot.execute(KEEP_NODES, project_id, heights, places, [digest for _, digest in nodes])
    await hot.execute(GROW, project_id, size)


async def get_hashes(hot: Hot, project_id: UUID, wanted: Iterable[Subtree]) -> dict[Subtree, bytes]:
    """Read leaf hashes and kept ones; what is not there is left out."""
    leaves = [each.place for each in wanted if not each.height]
    nodes = [each for each in wanted if each.height]
    found: dict[Subtree, bytes] = {}
    if leaves:
        rows = await hot.fetch(LIST_LEAVES, project_id, leaves)
        found |= {Subtree(0, row["position"]): row["leaf_hash"] for row in rows if row["leaf_hash"] is not None}
    if nodes:
        columns = [each.height for each in nodes], [each.place for each in nodes]
        rows = await hot.fetch(LIST_NODES, project_id, *columns)
        found |= {Subtree(row["height"], row["place"]): row["hash"] for row in rows}
    return found


async def sign(hot: Hot, project_id: UUID, checkpoint: Checkpoint) -> None:
    """Store a checkpoint; the log must be locked."""
    await hot.execute(SIGN, project_id, checkpoint.size, checkpoint.root, checkpoint.note, checkpoint.signed_at)


async def find_checkpoint(hot: Hot, project_id: UUID) -> Any:
    """Find the newest checkpoint."""
    return await hot.fetchrow(FIND_CHECKPOINT, project_id)


async def list_checkpoints(hot: Hot, project_id: UUID, after: int, upto: int, limit: int) -> list[tuple[int, str]]:
    """List checkpoints of sizes above `after` up to and with `upto`, the smallest first."""
    rows = await hot.fetch(LIST_CHECKPOINTS, project_id, after, upto, limit)
    return [(row["size"], row["note"]) for row in rows]


async def take_unkept(hot: Hot, project_id: UUID, limit: int) -> list[tuple[int, str]]:
    """Lock checkpoints that were not written outside the database yet; those of another transaction are left to it."""
    return [(row["size"], row["note"]) for row in await hot.fetch(TAKE_UNKEPT, project_id, limit)]


async def mark_kept(hot: Hot, project_id: UUID, sizes: Sequence[int]) -> None:
    """Say that checkpoints were written outside the database."""
    await hot.execute(MARK_KEPT, project_id, list(sizes))


async def list_lines(hot: Hot, project_id: UUID, start: int, end: int) -> list[tuple[int, str | None]]:
    """Read entries in their order as lines of the export; one that was mangled may have no line."""
    return [(row["position"], row["line"]) for row in await hot.fetch(LIST_LINES, project_id, start, end)]


async def list_lines_of_item(
    hot: Hot, project_id: UUID, item_id: UUID, size: int, limit: int
) -> list[tuple[int, str | None]]:
    """Read an item's entries within a tree of this size, the first before the later."""
    rows = await hot.fetch(LIST_LINES_OF_ITEM, project_id, item_id, size, limit)
    return [(row["position"], row["line"]) for row in rows]


async def count_of_item(hot: Hot, project_id: UUID, item_id: UUID) -> int:
    """Count the entries about an item."""
    return int(await hot.fetchval(COUNT_OF_ITEM, project_id, item_id))
