"""Every statement on which records of the feed a snapshot holds."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from review.datasets.snapshots.positions import SPAN, Positions
from review.kernel.db import Hot

ROWS_AT_ONCE: Final = 1_000  # about 1 MiB
MOST_RECORDS: Final = 100  # revisions of one decision

KEEP = (
    "INSERT INTO snapshot_positions SELECT $1, span, $2, bits FROM unnest($3::int[], $4::bytea[]) AS given(span, bits)"
)
# The records of an item that have a place in the feed, the last first. An erased one has nothing but its place.
RECORDS = """
SELECT f.position, f.revision, f.record::text AS record, f.withdrawn_at IS NOT NULL AS is_erased,
       b.details ->> 'subject' AS subject
FROM feedback f LEFT JOIN item_bodies b ON b.project_id = f.project_id AND b.item_id = f.item_id
WHERE f.project_id = $1 AND f.item_id = $2 AND f.revision > 0 AND f.position IS NOT NULL
ORDER BY f.revision DESC LIMIT $3
"""
# One row of the key for each record and each snapshot that reaches there: about 5 us each.
HOLDING = f"""
WITH held AS (
  SELECT p.snapshot_id, max(r.position) AS position, count(*) AS records
  FROM unnest($2::bigint[]) AS r(position)
  JOIN snapshot_positions p ON p.project_id = $1 AND p.span = (r.position / {SPAN})::int
  WHERE p.snapshot_id < $3 AND get_bit(p.bits, (r.position % {SPAN})::int) = 1
  GROUP BY p.snapshot_id ORDER BY p.snapshot_id DESC LIMIT $4
)
SELECT h.snapshot_id, h.position, h.records, d.name AS dataset, s.number, s.state, s.definition::text AS definition,
       s.ended_at
FROM held h
JOIN snapshots s ON s.project_id = $1 AND s.id = h.snapshot_id
JOIN datasets d ON d.project_id = $1 AND d.id = s.dataset_id
ORDER BY h.snapshot_id DESC
"""
# Made before positions were kept, of a stretch of the feed in which the item has a record.
COUNT_UNKNOWN = """
SELECT count(*) FROM snapshots
WHERE project_id = $1 AND state IN ('ready', 'withdrawn') AND NOT knows_records AND cut_off >= $2
"""

COURSE = "SELECT course::text FROM snapshots WHERE project_id = $1 AND id = $2"
# One made before labels were kept beside the manifest has them there.
LABELS = """
SELECT s.number, s.records, coalesce(s.labels, s.manifest -> 'classes')::text AS classes
FROM snapshots s JOIN datasets d ON d.project_id = s.project_id AND d.id = s.dataset_id
WHERE s.project_id = $1 AND d.name = $2 AND s.state = 'ready' ORDER BY s.number DESC LIMIT $3
"""


async def keep(hot: Hot, project_id: UUID, snapshot_id: UUID, positions: Positions) -> None:
    """Store which records a snapshot holds."""
    rows = list(positions.rows())
    for at in range(0, len(rows), ROWS_AT_ONCE):
        some = rows[at : at + ROWS_AT_ONCE]
        await hot.execute(KEEP, project_id, snapshot_id, [span for span, _ in some], [bits for _, bits in some])


async def list_records(hot: Hot, project_id: UUID, item_id: UUID) -> Sequence[Any]:
    """Read the records of an item, the last revision first."""
    return await hot.fetch(RECORDS, project_id, item_id, MOST_RECORDS)


async def list_holding(hot: Hot, project_id: UUID, positions: list[int], before: UUID, limit: int) -> Sequence[Any]:
    """List the snapshots that hold a record at one of these positions, the last made first, each with its last one."""
    return await hot.fetch(HOLDING, project_id, positions, before, limit)


async def count_unknown(hot: Hot, project_id: UUID, position: int) -> int:
    """Count the snapshots that may hold what stands at a position and of which nobody knows."""
    return int(await hot.fetchval(COUNT_UNKNOWN, project_id, position))


async def find_course(hot: Hot, project_id: UUID, snapshot_id: UUID) -> str | None:
    """Read how a snapshot's classes went over time; None where that was not kept."""
    found: str | None = await hot.fetchval(COURSE, project_id, snapshot_id)
    return found


async def list_labels(hot: Hot, project_id: UUID, dataset: str, limit: int) -> Sequence[Any]:
    """Read the classes of the last snapshots of a dataset that are ready, the last first."""
    return await hot.fetch(LABELS, project_id, dataset, limit)
