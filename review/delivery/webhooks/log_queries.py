"""Every statement on the log of deliveries, as people read it and start them again."""

from datetime import datetime
from typing import Any
from uuid import UUID

from review.delivery.webhooks.rules import State
from review.kernel.db import Hot

MOST_REPLAYED = 10_000

DELIVERY = """
SELECT d.id, w.name AS endpoint, w.url, d.endpoint_id, d.event_id, e.kind AS type, e.item_id, d.state, d.reason,
  d.tries, d.attempts, d.created_at, d.next_attempt_at, d.finished_at, a.started_at AS last_attempt_at,
  a.status AS last_status,
  a.error AS last_error{more}
FROM deliveries d
JOIN webhook_endpoints w ON w.project_id = d.project_id AND w.id = d.endpoint_id
JOIN events e ON e.project_id = d.project_id AND e.id = d.event_id
LEFT JOIN LATERAL (
  SELECT started_at, status, error FROM delivery_attempts
  WHERE project_id = d.project_id AND delivery_id = d.id ORDER BY number DESC LIMIT 1
) a ON true
WHERE d.project_id = $1
"""
PAGE = f"""
{DELIVERY.format(more="")} AND d.endpoint_id = $2 AND ($3::uuid IS NULL OR d.id < $3){{of_state}}
ORDER BY d.id DESC LIMIT $4
"""
# The state stands in the text, so that the indexes of a few states can serve.
PAGES = {None: PAGE.format(of_state="")} | {
    state: PAGE.format(of_state=f" AND d.state = '{state.value}'") for state in State
}
FIND_DELIVERY = f"{DELIVERY.format(more=', e.body')} AND d.id = $2"
LIST_ATTEMPTS = """
SELECT number, started_at, seconds, status, error, request_headers::text, response_headers::text, response_body
FROM delivery_attempts WHERE project_id = $1 AND delivery_id = $2 ORDER BY number
"""
RESTART = """
UPDATE deliveries SET state = 'pending', tries = 0, next_attempt_at = now(), finished_at = NULL, reason = NULL,
  lease_until = NULL
"""
REPLAY_ONE = (
    f"{RESTART} WHERE project_id = $1 AND id = $2 AND (state <> 'sending' OR lease_until <= now()) RETURNING id"
)
REPLAY_DEAD = f"""
{RESTART} WHERE project_id = $1 AND id IN (
  SELECT id FROM deliveries WHERE project_id = $1 AND endpoint_id = $2 AND state = 'dead'
  ORDER BY id LIMIT {MOST_REPLAYED}) RETURNING id
"""
REPLAY_RANGE = f"""
{RESTART} WHERE project_id = $1 AND id IN (
  SELECT id FROM deliveries WHERE project_id = $1 AND endpoint_id = $2 AND state IN ('delivered', 'dead')
    AND created_at >= $3 AND created_at < $4 ORDER BY id LIMIT {MOST_REPLAYED}) RETURNING id
"""
WAKE = """
UPDATE webhook_endpoints SET wake_at = least(wake_at, greatest(now(), resting_until))
WHERE project_id = $1 AND id = $2 AND state = 'active'
"""

# What receivers were told of an item's decisions, and what they could not be told.
LIST_OF_ITEM = """
SELECT w.name AS endpoint, e.kind, d.state, d.attempts, coalesce(d.finished_at, d.created_at) AS at
FROM deliveries d
JOIN webhook_endpoints w ON w.project_id = d.project_id AND w.id = d.endpoint_id
JOIN events e ON e.project_id = d.project_id AND e.id = d.event_id
WHERE d.project_id = $1 AND d.item_id = $2 AND d.state IN ('delivered', 'dead')
  AND e.kind IN ('item.decided', 'item.withdrawn', 'decision.revised')
ORDER BY at, d.id LIMIT 100
"""


async def list_of_item(hot: Hot, project_id: UUID, item_id: UUID) -> list[Any]:
    """List what became of the deliveries that tell of an item's outcome, in the order in which they ended."""
    return await hot.fetch(LIST_OF_ITEM, project_id, item_id)


async def list_page(
    hot: Hot, project_id: UUID, endpoint_id: UUID, *, state: State | None, before: UUID | None, limit: int
) -> list[Any]:
    """List an endpoint's deliveries, newest first, with the last attempt of each."""
    return await hot.fetch(PAGES[state], project_id, endpoint_id, before, limit)


async def find_delivery(hot: Hot, project_id: UUID, delivery_id: UUID) -> Any:
    """Find a delivery with its body."""
    return await hot.fetchrow(FIND_DELIVERY, project_id, delivery_id)


async def list_attempts(hot: Hot, project_id: UUID, delivery_id: UUID) -> list[Any]:
    """List a delivery's attempts, oldest first."""
    return await hot.fetch(LIST_ATTEMPTS, project_id, delivery_id)


async def replay_one(hot: Hot, project_id: UUID, endpoint_id: UUID, delivery_id: UUID) -> bool:
    """Start a delivery of a locked endpoint again; false if it is being sent."""
    started = await hot.fetchval(REPLAY_ONE, project_id, delivery_id) is not None
    await hot.execute(WAKE, project_id, endpoint_id)
    return started


async def replay_dead(hot: Hot, project_id: UUID, endpoint_id: UUID) -> int:
    """Start dead deliveries of a locked endpoint again, the oldest first, at most `MOST_REPLAYED`; tell how many."""
    started = await hot.fetch(REPLAY_DEAD, project_id, endpoint_id)
    await hot.execute(WAKE, project_id, endpoint_id)
    return len(started)


async def replay_range(hot: Hot, project_id: UUID, endpoint_id: UUID, begin: datetime, end: datetime) -> int:
    """Start finished deliveries that were made in a span of time again, at most `MOST_REPLAYED`; tell how many."""
    started = await hot.fetch(REPLAY_RANGE, project_id, endpoint_id, begin, end)
    await hot.execute(WAKE, project_id, endpoint_id)
    return len(started)
