"""Every statement that owes, claims and settles deliveries.

Whoever changes an endpoint's deliveries holds the endpoint's row; several rows are locked in the order of their keys.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from review.kernel.db import Hot

KEYS = "unnest($1::uuid[], $2::uuid[]) AS k(project_id, id)"
SECRETS = """
ARRAY(SELECT s.id FROM webhook_secrets s
      WHERE s.project_id = w.project_id AND s.endpoint_id = w.id AND (s.expires_at IS NULL OR s.expires_at > now())
      ORDER BY s.id DESC) AS secrets
"""
ENDPOINT = f"""
w.project_id, w.id, w.name, w.url, w.max_in_flight, w.state, w.failures, w.resting_until, w.resting_because,
now() AS now, {SECRETS}
"""

LIST_SUBSCRIBERS = """
SELECT id, name, events, created_at FROM webhook_endpoints WHERE project_id = $1 AND state <> 'removed' ORDER BY id
"""
LOCK_SUBSCRIBERS = """
SELECT id, state FROM webhook_endpoints
WHERE project_id = $1 AND id = ANY($2::uuid[]) AND state <> 'removed' ORDER BY id FOR UPDATE
"""
# What a disabled endpoint misses is written down as dead, so that it can be replayed.
OWE = """
WITH owed AS (
  INSERT INTO deliveries (project_id, id, endpoint_id, event_id, item_id, state, next_attempt_at, finished_at, reason)
  SELECT $1, o.id, o.endpoint_id, o.event_id, e.item_id, CASE WHEN o.sent THEN 'pending' ELSE 'dead' END,
    CASE WHEN o.sent THEN now() END, CASE WHEN NOT o.sent THEN now() END,
    CASE WHEN NOT o.sent THEN 'the endpoint was disabled when this happened' END
  FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::bool[]) AS o(id, endpoint_id, event_id, sent)
  LEFT JOIN events e ON e.project_id = $1 AND e.id = o.event_id
  ON CONFLICT (project_id, event_id, endpoint_id) DO NOTHING RETURNING endpoint_id
), woken AS (
  UPDATE webhook_endpoints SET wake_at = least(wake_at, greatest(now(), resting_until))
  WHERE project_id = $1 AND state = 'active' AND id IN (SELECT endpoint_id FROM owed)
)
SELECT count(*) FROM owed
"""

IS_ANY_DUE = "SELECT EXISTS (SELECT FROM webhook_endpoints WHERE state = 'active' AND wake_at <= now())"
LOCK_ENDPOINTS = f"""
SELECT {ENDPOINT} FROM webhook_endpoints w JOIN {KEYS} ON w.project_id = k.project_id AND w.id = k.id
ORDER BY w.project_id, w.id FOR UPDATE OF w
"""
LOCK_DUE = f"""
SELECT {ENDPOINT} FROM webhook_endpoints w
WHERE w.state = 'active' AND w.wake_at <= now() ORDER BY w.wake_at LIMIT $1 FOR UPDATE SKIP LOCKED
"""
LIST_SENDING = f"""
SELECT d.project_id, d.endpoint_id, d.id, d.event_id, d.fence, d.tries, d.attempts, d.lease_until,
       d.lease_until <= now() AS lapsed
FROM {KEYS} JOIN deliveries d ON d.project_id = k.project_id AND d.endpoint_id = k.id AND d.state = 'sending'
"""
SETTLE = """
UPDATE deliveries d SET state = o.state, next_attempt_at = o.next_attempt_at, reason = o.reason, lease_until = NULL,
  finished_at = CASE WHEN o.state <> 'pending' THEN now() END
FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::timestamptz[], $6::text[])
  AS o(project_id, id, fence, state, next_attempt_at, reason)
WHERE d.project_id = o.project_id AND d.id = o.id AND d.fence = o.fence AND d.state = 'sending'
"""
NOTE_ATTEMPTS = """
INSERT INTO delivery_attempts (project_id, delivery_id, number, started_at, seconds, status, request_headers,
  response_headers, response_body, error)
SELECT project_id, delivery_id, number, started_at, seconds, status, request_headers::json, response_headers::json,
  response_body, error
FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::timestamptz[], $5::float8[], $6::smallint[], $7::text[], $8::text[],
  $9::text[], $10::text[]) AS a(project_id, delivery_id, number, started_at, seconds, status, request_headers,
  response_headers, response_body, error)
ON CONFLICT (project_id, delivery_id, number) DO UPDATE SET started_at = excluded.started_at,
  seconds = excluded.seconds, status = excluded.status, request_headers = excluded.request_headers,
  response_headers = excluded.response_headers, response_body = excluded.response_body, error = excluded.error
"""
CLAIM = """
WITH asked AS (
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[]) AS a(project_id, endpoint_id, room)
), picked AS (
  SELECT d.project_id, d.id, d.event_id FROM asked a CROSS JOIN LATERAL (
    SELECT project_id, id, event_id FROM deliveries
    WHERE project_id = a.project_id AND endpoint_id = a.endpoint_id AND state = 'pending' AND next_attempt_at <= now()
    ORDER BY next_attempt_at LIMIT a.room
  ) d
)
UPDATE deliveries d SET state = 'sending', tries = d.tries + 1, attempts = d.attempts + 1, fence = d.fence + 1,
  lease_until = now() + $4::interval
FROM picked p JOIN events e ON e.project_id = p.project_id AND e.id = p.event_id
WHERE d.project_id = p.project_id AND d.id = p.id
RETURNING d.project_id, d.id, d.endpoint_id, d.event_id, d.fence, d.tries, d.attempts AS number, e.body, now() AS now
"""
# Woken when the next is due while there is room, at the latest when a lease under way ends; never before it has rested.
SET_ENDPOINTS = """
WITH given AS (
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
    $8::bool[]) AS g(project_id, id, failures, resting_until, because, state, reason, has_room)
), next AS (
  SELECT g.*, least(
    CASE WHEN g.has_room THEN (SELECT min(next_attempt_at) FROM deliveries d
     WHERE d.project_id = g.project_id AND d.endpoint_id = g.id AND d.state = 'pending') END,
    (SELECT min(lease_until) FROM deliveries d
     WHERE d.project_id = g.project_id AND d.endpoint_id = g.id AND d.state = 'sending')) AS at
  FROM given g
)
UPDATE webhook_endpoints w SET failures = n.failures, resting_until = n.resting_until, resting_because = n.because,
  state = n.state, reason = coalesce(n.reason, w.reason),
  wake_at = CASE WHEN n.state = 'active' AND n.at IS NOT NULL THEN greatest(n.resting_until, n.at) END
FROM next n WHERE w.project_id = n.project_id AND w.id = n.id
"""
GIVE_UP = """
UPDATE deliveries SET state = 'dead', finished_at = now(), next_attempt_at = NULL, reason = $3
WHERE project_id = $1 AND endpoint_id = ANY($2::uuid[]) AND state = 'pending'
"""

LIST_SECRETS = f"""
SELECT s.id, s.sealed FROM webhook_secrets s JOIN {KEYS} ON s.project_id = k.project_id AND s.id = k.id
"""
KEEP_SEALED = """
INSERT INTO webhook_secrets (project_id, id, endpoint_id, kind, sealed, public_key, shown_at)
VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $7 THEN now() END)
"""


async def list_subscribers(hot: Hot, project_id: UUID) -> list[Any]:
    """List the endpoints that the configuration has, the disabled ones too."""
    return await hot.fetch(LIST_SUBSCRIBERS, project_id)


async def owe(hot: Hot, project_id: UUID, owed: Sequence[tuple[UUID, UUID, UUID]]) -> int:
    """Write deliveries (id, endpoint, event) that are to be sent now and wake their endpoints; tell how many are new.

    Locks the endpoints. One that is disabled is owed nothing but a note of what it misses, one that is removed nothing.
    """
    endpoints = sorted({endpoint for _, endpoint, _ in owed})
    states = {row["id"]: row["state"] for row in await hot.fetch(LOCK_SUBSCRIBERS, project_id, endpoints)}
    kept = [(*each, states[each[1]] == "active") for each in owed if each[1] in states]
    return int(await hot.fetchval(OWE, project_id, *_columns(kept))) if kept else 0


async def is_any_due(hot: Hot) -> bool:
    """Tell whether any endpoint wants to be looked at."""
    return bool(await hot.fetchval(IS_ANY_DUE))


async def lock_endpoints(hot: Hot, keys: Sequence[tuple[UUID, UUID]]) -> list[Any]:
    """Lock endpoints (project, endpoint), waiting for them in the order of their keys; removed ones too."""
    return await hot.fetch(LOCK_ENDPOINTS, *_columns(sorted(keys)))


async def lock_due(hot: Hot, limit: int) -> list[Any]:
    """Lock the endpoints that want to be looked at and that nobody else looks at, the longest due first."""
    return await hot.fetch(LOCK_DUE, limit)


async def list_sending(hot: Hot, keys: Sequence[tuple[UUID, UUID]]) -> list[Any]:
    """List what is under way to these endpoints, and whether its lease has lapsed."""
    return await hot.fetch(LIST_SENDING, *_columns(keys))


async def settle(hot: Hot, outcomes: Sequence[tuple[UUID, UUID, int, str, datetime | None, str | None]]) -> None:
    """Write what became of deliveries (project, id, fence, state, next attempt, reason); one of an old fence stays."""
    await hot.execute(SETTLE, *_columns(outcomes))


async def note_attempts(hot: Hot, attempts: Sequence[tuple[Any, ...]]) -> None:
    """Add attempts to the log; who sent one knows better than who found that its lease had lapsed."""
    await hot.execute(NOTE_ATTEMPTS, *_columns(attempts))


async def claim(hot: Hot, rooms: Sequence[tuple[UUID, UUID, int]], lease: Any) -> list[Any]:
    """Take what is due to locked endpoints (project, endpoint, how many), the longest due first."""
    return await hot.fetch(CLAIM, *_columns(rooms), lease)


async def set_endpoints(hot: Hot, states: Sequence[tuple[Any, ...]]) -> None:
    """Write how locked endpoints fare, and when each wants to be looked at again."""
    await hot.execute(SET_ENDPOINTS, *_columns(states))


async def give_up(hot: Hot, project_id: UUID, endpoints: Sequence[UUID], reason: str) -> None:
    """End what locked endpoints are still owed as dead; it can be replayed."""
    await hot.execute(GIVE_UP, project_id, list(endpoints), reason)


async def list_sealed(hot: Hot, keys: Sequence[tuple[UUID, UUID]]) -> dict[UUID, bytes]:
    """Give secrets (project, secret) by id, as they are stored."""
    return {row["id"]: bytes(row["sealed"]) for row in await hot.fetch(LIST_SECRETS, *_columns(keys))}


async def add_secret(hot: Hot, project_id: UUID, endpoint_id: UUID, secret: tuple[Any, ...]) -> None:
    """Store a secret (id, kind, sealed, public key, whether it was shown)."""
    secret_id, kind, sealed, public_key, shown = secret
    await hot.execute(KEEP_SEALED, project_id, secret_id, endpoint_id, kind, sealed, public_key, shown)


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
