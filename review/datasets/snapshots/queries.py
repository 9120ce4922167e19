"""Every statement on snapshots: asking for one, working on it, and what became of it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from review.datasets.snapshots.rules import Stored, Tombstone
from review.kernel.db import Hot
from review.kernel.events import EventKind
from review.kernel.ids import new_id

MOST_TRIES = 5

_SHOWN = """
 s.id, s.tombstone::text AS tombstone,
 d.name AS dataset, s.number, s.state, s.definition::text AS definition, s.cut_off, s.done, s.records, s.error,
 s.requested_by, s.requested_at, s.ended_at
"""
_REGISTERED = """
 (SELECT json_agg(json_build_object('place', r.place, 'state', r.state, 'tries', r.tries, 'error', r.error,
                                    'url', r.url, 'told_at', r.told_at) ORDER BY r.place)::text
  FROM snapshot_registrations r WHERE r.project_id = s.project_id AND r.snapshot_id = s.id) AS registrations
"""
_FROM = "FROM snapshots s JOIN datasets d ON d.project_id = s.project_id AND d.id = s.dataset_id"
# Two who ask at once get numbers one after the other: the dataset's row is locked by the first.
ADD = """
WITH numbered AS (
  UPDATE datasets SET last_number = last_number + 1 WHERE project_id = $1 AND name = $2
  RETURNING id, last_number, definition
)
INSERT INTO snapshots (project_id, id, dataset_id, number, definition, cut_off, requested_by)
SELECT $1, $3, id, last_number, definition, $4, $5 FROM numbered RETURNING number
"""
LOCK_PROJECT = "SELECT FROM projects WHERE id = $1 FOR NO KEY UPDATE"
COUNT_UNDER_WAY = "SELECT count(*) FROM snapshots WHERE project_id = $1 AND state IN ('waiting', 'running')"
FIND = f"""
SELECT {_SHOWN}, {_REGISTERED}, s.manifest::text AS manifest {_FROM}
WHERE d.project_id = $1 AND d.name = $2 AND s.number = $3
"""
LIST = f"""
SELECT {_SHOWN}, {_REGISTERED}, NULL AS manifest {_FROM}
WHERE d.project_id = $1 AND d.name = $2 AND s.number < $3 ORDER BY s.number DESC LIMIT $4
"""
STOP = """
UPDATE snapshots SET state = 'stopped', ended_at = now(), lease_until = NULL
WHERE project_id = $1 AND id = $2 AND state IN ('waiting', 'running') RETURNING id
"""
RETRY = """
UPDATE snapshots
SET state = 'waiting', ended_at = NULL, lease_until = NULL, tries = 0, done = 0, records = 0, error = ''
WHERE project_id = $1 AND id = $2 AND state IN ('failed', 'stopped') RETURNING id
"""

LIST_DUE = """
SELECT project_id, id FROM snapshots
WHERE state IN ('waiting', 'running') AND (lease_until IS NULL OR lease_until < now()) ORDER BY requested_at LIMIT 10
"""
CLAIM = f"""
WITH taken AS (
  UPDATE snapshots SET state = 'running', fence = fence + 1, tries = tries + 1, lease_until = now() + $3::interval
  WHERE project_id = $1 AND id = $2 AND state IN ('waiting', 'running') AND (lease_until IS NULL OR lease_until < now())
  RETURNING *
)
SELECT {_SHOWN}, s.project_id, s.fence, s.tries, s.stored::text AS stored, p.slug AS project
FROM taken s
JOIN datasets d ON d.project_id = s.project_id AND d.id = s.dataset_id
JOIN projects p ON p.id = s.project_id
"""
_MINE = "WHERE project_id = $1 AND id = $2 AND fence = $3 AND state = 'running'"
SET_CUT_OFF = f"UPDATE snapshots SET cut_off = $4 {_MINE} RETURNING id"
MOVE_ON = f"UPDATE snapshots SET done = $4, records = $5, lease_until = now() + $6::interval {_MINE} RETURNING id"
END = f"""
UPDATE snapshots SET state = $4, manifest = $5::text::json, error = $6, records = $7, done = coalesce(cut_off, 0) * 2,
       labels = $8::text::json, course = $9::text::json, knows_records = $4 = 'ready',
       lease_until = NULL, ended_at = now()
{_MINE} RETURNING id
"""
NOTE_STORED = f"""
UPDATE snapshots SET stored = (coalesce(stored, '{{}}')::jsonb || $4::text::jsonb)::json {_MINE} RETURNING id
"""
LET_GO = f"UPDATE snapshots SET lease_until = now() + $4::interval, error = $5 {_MINE}"
# A process that is told to stop has not failed.
GIVE_BACK = f"UPDATE snapshots SET lease_until = NULL, tries = tries - 1 {_MINE}"

# What has read of the feed from a position on, or may have.
RESTART = f"""
WITH reaching AS (
  SELECT s.project_id, s.id, s.state, s.number, d.name AS dataset {_FROM}
  WHERE s.project_id = $1 AND s.state IN ('waiting', 'running', 'failed', 'stopped')
    AND coalesce(s.cut_off, $2) >= $2
), restarted AS (
  UPDATE snapshots s SET state = 'waiting', fence = s.fence + 1, lease_until = NULL, tries = 0, done = 0, records = 0,
         stored = NULL
  FROM reaching r WHERE r.project_id = s.project_id AND r.id = s.id AND s.state IN ('waiting', 'running')
)
SELECT number, dataset FROM reaching
"""
LIST_REACHING = f"""
SELECT s.id, s.manifest::text AS manifest {_FROM}
WHERE s.project_id = $1 AND s.state = 'ready' AND s.cut_off >= $2 ORDER BY s.requested_at
"""
# Those who may have copies are told in the same statement, and so are places that it is registered with.
WITHDRAW = f"""
WITH withdrawn AS (
  UPDATE snapshots SET state = 'withdrawn', manifest = NULL, labels = NULL, course = NULL,
         tombstone = $3::text::json, error = $4, files_removed_at = NULL
  WHERE project_id = $1 AND id = $2 AND state = 'ready' RETURNING id
), told AS (
  INSERT INTO events (project_id, id, kind, item_id, payload)
  SELECT $1, $5, '{EventKind.SNAPSHOT_WITHDRAWN}', NULL, $6::text::json FROM withdrawn
), registered AS (
  UPDATE snapshot_registrations r SET state = 'waiting', tries = 0, next_at = now(), error = ''
  FROM withdrawn w WHERE r.project_id = $1 AND r.snapshot_id = w.id
)
SELECT id FROM withdrawn
"""
LIST_UNREMOVED = f"""
SELECT s.id, s.number, d.name AS dataset, s.tombstone::text AS tombstone {_FROM}
WHERE s.project_id = $1 AND s.state = 'withdrawn' AND s.tombstone IS NOT NULL AND s.files_removed_at IS NULL
"""
NOTE_REMOVED = "UPDATE snapshots SET files_removed_at = now() WHERE project_id = $1 AND id = $2"

Mine = tuple[UUID, UUID, int]


async def restart(hot: Hot, project_id: UUID, position: int) -> Sequence[Any]:
    """Have snapshots begun anew that look at the feed from a position on; gives all that may have written files."""
    return await hot.fetch(RESTART, project_id, position)


async def list_reaching(hot: Hot, project_id: UUID, position: int) -> Sequence[Any]:
    """List ready snapshots that have looked at the feed from a position on."""
    return await hot.fetch(LIST_REACHING, project_id, position)


async def withdraw(hot: Hot, project_id: UUID, snapshot_id: UUID, tombstone: Tombstone, error: str) -> bool:
    """Withdraw a snapshot, and tell of it; False where it was already."""
    text = msgspec.json.encode(tombstone).decode()
    said = {name: getattr(tombstone, name) for name in ("dataset", "number", "records", "sha256", "items_erased")}
    payload = msgspec.json.encode({"snapshot": said}).decode()
    return await hot.fetchval(WITHDRAW, project_id, snapshot_id, text, error, new_id(), payload) is not None


async def list_unremoved(hot: Hot, project_id: UUID) -> Sequence[Any]:
    """List withdrawn snapshots whose files may still be there."""
    return await hot.fetch(LIST_UNREMOVED, project_id)


async def note_removed(hot: Hot, project_id: UUID, snapshot_id: UUID) -> None:
    """Note that the files of a withdrawn snapshot are gone."""
    await hot.execute(NOTE_REMOVED, project_id, snapshot_id)


async def count_under_way(hot: Hot, project_id: UUID) -> int:
    """Count the snapshots that are being made; locks the project's row, within the caller's transaction."""
    await hot.execute(LOCK_PROJECT, project_id)
    return int(await hot.fetchval(COUNT_UNDER_WAY, project_id))


async def add(
    hot: Hot, project_id: UUID, dataset: str, snapshot_id: UUID, cut_off: int | None, requested_by: str
) -> int | None:
    """Store that a snapshot is wanted under the next number, which is given; None without such a dataset."""
    number: int | None = await hot.fetchval(ADD, project_id, dataset, snapshot_id, cut_off, requested_by)
    return number


async def find(hot: Hot, project_id: UUID, dataset: str, number: int) -> Any:
    """Find a snapshot, with its manifest."""
    return await hot.fetchrow(FIND, project_id, dataset, number)


async def list_snapshots(hot: Hot, project_id: UUID, dataset: str, before: int, limit: int) -> Sequence[Any]:
    """List snapshots of a dataset without manifests, the last first."""
    return await hot.fetch(LIST, project_id, dataset, before, limit)


async def stop(hot: Hot, project_id: UUID, snapshot_id: UUID) -> bool:
    """End one that is being made; False where it is not."""
    return await hot.fetchval(STOP, project_id, snapshot_id) is not None


async def retry(hot: Hot, project_id: UUID, snapshot_id: UUID) -> bool:
    """Have one that failed or was stopped made after all; False where neither is so."""
    return await hot.fetchval(RETRY, project_id, snapshot_id) is not None


async def list_due(hot: Hot) -> list[tuple[UUID, UUID]]:
    """List those that nobody works on."""
    return [(row["project_id"], row["id"]) for row in await hot.fetch(LIST_DUE)]


async def claim(hot: Hot, project_id: UUID, snapshot_id: UUID, lease: timedelta) -> Any:
    """Take one to work on under a new fence; None where another worker has it."""
    return await hot.fetchrow(CLAIM, project_id, snapshot_id, lease)


async def set_cut_off(hot: Hot, mine: Mine, position: int) -> bool:
    """Fix where the feed ends for a snapshot; False where it is not the caller's any more."""
    return await hot.fetchval(SET_CUT_OFF, *mine, position) is not None


async def move_on(hot: Hot, mine: Mine, done: int, records: int, lease: timedelta) -> bool:
    """Note how far it has come, and keep it; False where it is not the caller's any more."""
    return await hot.fetchval(MOVE_ON, *mine, done, records, lease) is not None


async def end(
    hot: Hot,
    mine: Mine,
    state: str,
    manifest: str | None,
    error: str,
    records: int,
    labels: str | None = None,
    course: str | None = None,
) -> bool:
    """Set what became of it; False where it is not the caller's any more."""
    return await hot.fetchval(END, *mine, state, manifest, error, records, labels, course) is not None


async def note_stored(hot: Hot, mine: Mine, files: Mapping[str, Stored]) -> bool:
    """Note that files are where they are kept; False where the snapshot is not the caller's any more."""
    text = msgspec.json.encode(files).decode()
    return await hot.fetchval(NOTE_STORED, *mine, text) is not None


async def let_go(hot: Hot, mine: Mine, pause: timedelta, error: str) -> None:
    """Leave it to whoever comes first after a pause."""
    await hot.execute(LET_GO, *mine, pause, error)


async def give_back(hot: Hot, mine: Mine) -> None:
    """Leave it to whoever comes first, as if it had not been tried."""
    await hot.execute(GIVE_BACK, *mine)
