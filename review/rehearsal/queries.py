"""Every statement on backtests: the items they look at, and how far each has come.

What is known of an item is read out of tables of packages below this one, as a database view would.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from review.kernel.db import Hot

SKEW = timedelta(days=1)  # by how much the clock that made an id may differ from the database's
MOST_BYTES = 8 * 1024 * 1024  # of stored payload in one batch, so that a few large items do not fill the memory
MOST_TRIES = 5
MOST_REVIEWS = 20_000  # the newest, for how long one takes: a page waits for it
_LONG = "120s"  # counting the items of a year takes longer than any other statement may

# Only what the conditions of either version read is fetched; sums over sizes leave what is compressed as it is.
_ROWS = """
SELECT id, type, created_at, (SELECT count(*) FROM next) AS found,
       CASE WHEN $6 THEN input::text END AS input, CASE WHEN $7 THEN output::text END AS output,
       details::text AS details, verdict, chance, measured
FROM (
  SELECT n.id, n.type, n.created_at, b.input, b.output, b.details, d.verdict,
         CASE WHEN $9 THEN (b.route -> 'measured')::text END AS measured,
         CASE WHEN d.verdict IS NOT NULL THEN (b.route ->> 'inclusion_probability')::float8 END AS chance,
         sum(pg_column_size(b.details) + CASE WHEN $6 THEN pg_column_size(b.input) ELSE 0 END
             + CASE WHEN $7 THEN pg_column_size(b.output) ELSE 0 END) OVER (ORDER BY n.id {order})
         - pg_column_size(b.details) AS before
  FROM next n
  JOIN item_bodies b ON b.project_id = $1 AND b.item_id = n.id
  LEFT JOIN LATERAL (
    SELECT CASE WHEN d.source IN ('review', 'consensus', 'adjudication', 'override')
                 AND b.route ->> 'action' = 'review' AND b.route ->> 'imported' IS NULL THEN d.verdict END AS verdict
    FROM decisions d WHERE d.project_id = $1 AND d.item_id = n.id AND d.decided_at < $5
    ORDER BY d.revision DESC LIMIT 1
  ) d ON true
) AS sized
WHERE before < {bytes} OR id = (SELECT id FROM next ORDER BY id {order} LIMIT 1)
ORDER BY id
"""
_NEXT = """
WITH next AS MATERIALIZED (
  SELECT id, type, created_at FROM items
  WHERE project_id = $1 AND id > $2 AND id < $3 AND created_at >= $4 AND created_at < $5
    AND erased_at IS NULL
  ORDER BY id {order} LIMIT $8
)
"""
READ_NEXT = (_NEXT + _ROWS).format(order="", bytes=MOST_BYTES)
READ_LAST = (_NEXT + _ROWS).format(order="DESC", bytes=MOST_BYTES)
COUNT = """
SELECT count(*) FROM items WHERE project_id = $1 AND id > $2 AND id < $3 AND created_at >= $4 AND created_at < $5
  AND erased_at IS NULL
"""

HANDLING = f"""
SELECT c.pool, count(*) AS reviews, percentile_cont(0.5) WITHIN GROUP (ORDER BY r.held_seconds) AS median
FROM (SELECT case_id, held_seconds FROM reviews
      WHERE project_id = $1 AND id > $2 AND id < $3 AND submitted_at >= $4 AND submitted_at < $5
      ORDER BY id DESC LIMIT {MOST_REVIEWS}) r
JOIN cases c ON c.project_id = $1 AND c.id = r.case_id GROUP BY c.pool
"""
OTHER_MEMBERS = """
SELECT pool, array_agg(DISTINCT email) AS emails FROM pool_members WHERE project_id = $1 AND source <> 'config'
GROUP BY pool
"""
FORGET = """
DELETE FROM backtests b USING (
  SELECT project_id, id FROM backtests WHERE ended_at < now() - $1::interval ORDER BY ended_at LIMIT $2
  FOR UPDATE SKIP LOCKED
) old WHERE b.project_id = old.project_id AND b.id = old.id
"""
HAS_VERSION = "SELECT EXISTS (SELECT FROM config_versions WHERE project_id = $1 AND version = $2)"

_SHOWN = """
 id, state, from_version, to_version, since, until, given::text AS given, requested_by, requested_at, ended_at, done,
 estimated, worked_seconds, error
"""
# Two who ask at once are counted one after the other: whoever waited for the lock has to look anew behind it.
LOCK_PROJECT = "SELECT FROM projects WHERE id = $1 FOR NO KEY UPDATE"
COUNT_UNDER_WAY = "SELECT count(*) FROM backtests WHERE project_id = $1 AND state IN ('waiting', 'running')"
ADD = f"""
INSERT INTO backtests (project_id, id, from_version, to_version, since, until, given, requested_by)
SELECT $1, $2, $3, $4, coalesce($5, ends - $7::interval), ends, $8::text::json, $9
FROM least(coalesce($6::timestamptz, now()), now()) AS ends
RETURNING {_SHOWN}
"""
FIND = f"SELECT {_SHOWN}, result::text AS result FROM backtests WHERE project_id = $1 AND id = $2"
LIST = f"""
SELECT {_SHOWN}, NULL AS result FROM backtests WHERE project_id = $1 AND ($2::uuid IS NULL OR id < $2)
ORDER BY id DESC LIMIT $3
"""
STOP = """
UPDATE backtests SET state = 'stopped', ended_at = now(), lease_until = NULL, tally = NULL
WHERE project_id = $1 AND id = $2 AND state IN ('waiting', 'running') RETURNING id
"""

LIST_DUE = """
SELECT project_id, id FROM backtests
WHERE state IN ('waiting', 'running') AND until <= now() - $1::interval
  AND (lease_until IS NULL OR lease_until < now())
ORDER BY requested_at LIMIT 10
"""
CLAIM = f"""
UPDATE backtests SET state = 'running', fence = fence + 1, tries = tries + 1, lease_until = now() + $3::interval
WHERE project_id = $1 AND id = $2 AND state IN ('waiting', 'running') AND (lease_until IS NULL OR lease_until < now())
RETURNING {_SHOWN}, project_id, fence, tries, cursor, tally::text AS tally
"""
_MINE = "WHERE project_id = $1 AND id = $2 AND fence = $3 AND state = 'running'"
SET_ESTIMATE = f"UPDATE backtests SET estimated = $4 {_MINE} RETURNING id"
MOVE_ON = f"""
UPDATE backtests SET cursor = $4, done = $5, tally = $6::text::json, tries = 0, lease_until = now() + $7::interval,
       worked_seconds = worked_seconds + $8, estimated = greatest(estimated, $5)
{_MINE} RETURNING id
"""
END = f"""
UPDATE backtests SET state = $4, result = $5::text::json, error = $6, tally = NULL, lease_until = NULL, ended_at = now()
{_MINE} RETURNING id
"""
LET_GO = f"UPDATE backtests SET lease_until = NULL {_MINE}"


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """The items of a span of time, and which parts of them are read; the ids beyond `after` alone."""

    project_id: UUID
    since: datetime
    until: datetime
    after: UUID | None = None
    with_input: bool = True
    with_output: bool = True
    with_measured: bool = False

    @property
    def bounds(self) -> tuple[Any, ...]:
        """The first parameters of every statement over it: ids are bounded too, for the key begins with them."""
        first = self.after or first_id(self.since - SKEW)
        return self.project_id, first, first_id(self.until + SKEW), self.since, self.until


def first_id(moment: datetime) -> UUID:
    """Give the lowest id that can have been made at a moment."""
    return UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)


async def read_next(hot: Hot, part: Slice, limit: int) -> Sequence[Any]:
    """Read the next items by id, as many as fit."""
    return await hot.fetch(READ_NEXT, *part.bounds, part.with_input, part.with_output, limit, part.with_measured)


async def read_last(hot: Hot, part: Slice, limit: int) -> Sequence[Any]:
    """Read the newest items, as many as fit, in the order of their ids."""
    return await hot.fetch(READ_LAST, *part.bounds, part.with_input, part.with_output, limit, part.with_measured)


async def allow_long(hot: Hot) -> None:
    """Let the statements of this transaction take longer than others may."""
    await hot.execute(f"SET LOCAL statement_timeout = '{_LONG}'")


async def count_items(hot: Hot, part: Slice) -> int:
    """Count the items of a span."""
    return int(await hot.fetchval(COUNT, *part.bounds))


async def handling(hot: Hot, project_id: UUID, since: datetime, until: datetime) -> dict[str, tuple[float, int]]:
    """Give the median seconds that a review took, and of how many, by the pool of its case."""
    rows = await hot.fetch(HANDLING, project_id, first_id(since - SKEW), first_id(until + SKEW), since, until)
    return {row["pool"]: (row["median"], row["reviews"]) for row in rows if row["median"]}


async def list_other_members(hot: Hot, project_id: UUID) -> dict[str, set[str]]:
    """List who is in which pool without the configuration saying so."""
    return {row["pool"]: set(row["emails"]) for row in await hot.fetch(OTHER_MEMBERS, project_id)}


async def has_version(hot: Hot, project_id: UUID, version: int) -> bool:
    """Tell whether a configuration version is stored."""
    return bool(await hot.fetchval(HAS_VERSION, project_id, version))


async def count_under_way(hot: Hot, project_id: UUID) -> int:
    """Count the backtests that go on; locks the project's row, within the caller's transaction."""
    await hot.execute(LOCK_PROJECT, project_id)
    return int(await hot.fetchval(COUNT_UNDER_WAY, project_id))


async def add(hot: Hot, *values: Any) -> Any:
    """Store a backtest and read it back."""
    return await hot.fetchrow(ADD, *values)


async def find(hot: Hot, project_id: UUID, backtest_id: UUID) -> Any:
    """Find a backtest, with its result."""
    return await hot.fetchrow(FIND, project_id, backtest_id)


async def list_backtests(hot: Hot, project_id: UUID, before: UUID | None, limit: int) -> Sequence[Any]:
    """List backtests without their results, the last first."""
    return await hot.fetch(LIST, project_id, before, limit)


async def stop(hot: Hot, project_id: UUID, backtest_id: UUID) -> bool:
    """End one that goes on; False where none does."""
    return await hot.fetchval(STOP, project_id, backtest_id) is not None


async def list_due(hot: Hot, settled: timedelta) -> list[tuple[UUID, UUID]]:
    """List those that nobody works on and whose span has been over for long enough."""
    return [(row["project_id"], row["id"]) for row in await hot.fetch(LIST_DUE, settled)]


async def claim(hot: Hot, project_id: UUID, backtest_id: UUID, lease: timedelta) -> Any:
    """Take one to work on under a new fence; None where another worker has it."""
    return await hot.fetchrow(CLAIM, project_id, backtest_id, lease)


async def set_estimate(hot: Hot, mine: tuple[UUID, UUID, int], count: int) -> bool:
    """Note how many items there are; False where it is not the caller's any more."""
    return await hot.fetchval(SET_ESTIMATE, *mine, count) is not None


async def move_on(hot: Hot, mine: tuple[UUID, UUID, int], *values: Any) -> bool:
    """Add a batch: the cursor and what was counted up to it change together; False where it is not the caller's."""
    return await hot.fetchval(MOVE_ON, *mine, *values) is not None


async def end(hot: Hot, mine: tuple[UUID, UUID, int], state: str, result: str | None, error: str) -> bool:
    """Set the result; False where it is not the caller's any more."""
    return await hot.fetchval(END, *mine, state, result, error) is not None


async def let_go(hot: Hot, mine: tuple[UUID, UUID, int]) -> None:
    """Leave it to whoever comes first."""
    await hot.execute(LET_GO, *mine)


async def forget(hot: Hot, kept: timedelta, limit: int) -> int:
    """Forget backtests that were over longer ago than that; gives how many."""
    told = await hot.execute(FORGET, kept, limit)
    return int(told.split()[-1])
