"""Every statement on the feed: taking what has no place yet, giving places and bodies, and reading in their order.

A place is given after the event's transaction has committed, by whoever holds the project's feed row. So places become
visible in their own order, and a reader that continues behind the last one it saw misses nothing (docs/adr/0020).
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from review.kernel.db import Hot
from review.kernel.events import EventKind

BATCH = 500  # a body is a few kilobytes: about 50 ms and 2 MB a batch
# A page reads over at most so many places, so that a filter which matches little ends within the statement timeout.
MOST_POSITIONS = 20_000

# From project to project by the index, so that the cost follows the projects that have news, not the events that wait.
LIST_WAITING = """
WITH RECURSIVE waiting AS (
  (SELECT project_id FROM events WHERE position IS NULL ORDER BY project_id LIMIT 1)
  UNION ALL
  SELECT (SELECT e.project_id FROM events e WHERE e.position IS NULL AND e.project_id > w.project_id
          ORDER BY e.project_id LIMIT 1)
  FROM waiting w WHERE w.project_id IS NOT NULL
)
SELECT p.id, p.slug, p.config_version FROM waiting JOIN projects p ON p.id = waiting.project_id
"""
OPEN_FEED = "INSERT INTO event_feeds (project_id) VALUES ($1) ON CONFLICT DO NOTHING"
LOCK_FEED = "SELECT last_position FROM event_feeds WHERE project_id = $1 FOR UPDATE SKIP LOCKED"
TAKE = """
SELECT id, kind, item_id, payload::text AS payload, created_at FROM events
WHERE project_id = $1 AND position IS NULL ORDER BY created_at, id LIMIT $2
"""
GIVE_PLACES = """
WITH given AS (
  UPDATE events e SET position = g.position, body = g.body
  FROM unnest($2::uuid[], $3::bigint[], $4::text[]) AS g(id, position, body)
  WHERE e.project_id = $1 AND e.id = g.id
)
UPDATE event_feeds SET last_position = last_position + cardinality($2::uuid[]) WHERE project_id = $1
"""
FIND_POSITION = "SELECT position FROM events WHERE project_id = $1 AND id = $2 AND position IS NOT NULL"
FIND_LAST = """
SELECT position, id FROM events WHERE project_id = $1 AND position IS NOT NULL ORDER BY position DESC LIMIT 1
"""
FIND_AT = "SELECT id FROM events WHERE project_id = $1 AND position = $2"
LIST_LAST_POSITIONS = "SELECT project_id, last_position FROM event_feeds WHERE project_id = ANY($1::uuid[])"
PAGE = f"""
SELECT position, id, kind, body FROM events
WHERE project_id = $1 AND position > $2 AND position <= $3 AND kind <> '{EventKind.WEBHOOK_TEST}'
  AND ($4::text[] IS NULL OR kind = ANY($4)) ORDER BY position LIMIT $5
"""
LIST_NEW = """
SELECT e.project_id, e.position, e.id, e.kind, e.body
FROM unnest($1::uuid[], $2::bigint[]) AS f(project_id, after)
CROSS JOIN LATERAL (
  SELECT * FROM events WHERE project_id = f.project_id AND position > f.after ORDER BY position LIMIT $3
) e ORDER BY e.project_id, e.position
"""


async def list_waiting(hot: Hot) -> list[Any]:
    """List the projects that have events without a place: id, name and active configuration version."""
    return await hot.fetch(LIST_WAITING)


async def lock_feed(hot: Hot, project_id: UUID) -> int | None:
    """Lock a project's feed until the transaction ends and give its last place; None while another has it."""
    last: int | None = await hot.fetchval(LOCK_FEED, project_id)
    if last is None:
        await hot.execute(OPEN_FEED, project_id)
        last = await hot.fetchval(LOCK_FEED, project_id)
    return last


async def take(hot: Hot, project_id: UUID) -> list[Any]:
    """Read the oldest events without a place, at most `BATCH`; the feed must be locked."""
    return await hot.fetch(TAKE, project_id, BATCH)


async def give_places(hot: Hot, project_id: UUID, placed: Sequence[tuple[UUID, int, str]]) -> None:
    """Give events their places and bodies, and move the feed on; the feed must be locked."""
    ids, positions, bodies = (list(column) for column in zip(*placed, strict=True))
    await hot.execute(GIVE_PLACES, project_id, ids, positions, bodies)


async def find_position(hot: Hot, project_id: UUID, event_id: UUID) -> int | None:
    """Find an event's place in the feed; None where it has none yet or is not there."""
    position: int | None = await hot.fetchval(FIND_POSITION, project_id, event_id)
    return position


async def find_last(hot: Hot, project_id: UUID) -> tuple[int, UUID] | None:
    """Find the last event of the feed: its place and its id."""
    row = await hot.fetchrow(FIND_LAST, project_id)
    return None if row is None else (row["position"], row["id"])


async def get_at(hot: Hot, project_id: UUID, position: int) -> UUID:
    """Give the id of the event at a place that has been given; places have no gaps."""
    event_id: UUID = await hot.fetchval(FIND_AT, project_id, position)
    return event_id


async def list_last_positions(hot: Hot, project_ids: list[UUID]) -> dict[UUID, int]:
    """Tell the last place given in each of these projects; one whose feed was never opened is left out."""
    return {row["project_id"]: row["last_position"] for row in await hot.fetch(LIST_LAST_POSITIONS, project_ids)}


async def list_page(
    hot: Hot, project_id: UUID, *, after: int, upto: int, kinds: list[str] | None, limit: int
) -> list[Any]:
    """List the events of a stretch of the feed in order, those of an endpoint's test left out."""
    return await hot.fetch(PAGE, project_id, after, upto, kinds, limit)


async def list_new(hot: Hot, reached: dict[UUID, int], limit: int) -> list[Any]:
    """List what came behind a place in each of several projects, at most `limit` of each; one statement for all."""
    return await hot.fetch(LIST_NEW, list(reached), list(reached.values()), limit)
