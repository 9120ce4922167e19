"""Every statement on endpoints and their secrets, as the configuration and people change them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from review.kernel.db import Hot

MOST_COUNTED = 10_000

FIND_VERSION = "SELECT endpoints_version FROM event_feeds WHERE project_id = $1"
OPEN_FEED = "INSERT INTO event_feeds (project_id) VALUES ($1) ON CONFLICT DO NOTHING"
LOCK_VERSION = "SELECT endpoints_version FROM event_feeds WHERE project_id = $1 FOR UPDATE"
SET_VERSION = "UPDATE event_feeds SET endpoints_version = $2 WHERE project_id = $1"
LIST_BEHIND = """
SELECT p.id, p.config_version FROM projects p LEFT JOIN event_feeds f ON f.project_id = p.id
WHERE coalesce(f.endpoints_version, 0) < p.config_version
  AND EXISTS (SELECT FROM webhook_endpoints w WHERE w.project_id = p.id)
"""
LOCK_ALL = "SELECT id FROM webhook_endpoints WHERE project_id = $1 ORDER BY id FOR UPDATE"
# A new address is a new chance: it ends a rest, and what a person or the receiver had disabled is sent to again.
# An endpoint is as old as the first configuration, of those not looked at before, that names it: events that happened
# since, and that nobody has relayed yet, are owed to it.
PUT = """
INSERT INTO webhook_endpoints AS w (project_id, id, name, url, events, max_in_flight, state, created_at)
SELECT $1, g.id, g.name, g.url, ARRAY(SELECT json_array_elements_text(g.events)), g.max_in_flight, 'active',
  coalesce((SELECT min(v.created_at) FROM config_versions v
            WHERE v.project_id = $1
              AND v.version > (SELECT endpoints_version FROM event_feeds WHERE project_id = $1)
              AND json_typeof(v.document -> 'webhooks') = 'array'
              AND EXISTS (SELECT FROM json_array_elements(v.document -> 'webhooks') h WHERE h ->> 'name' = g.name)),
           now())
FROM json_to_recordset($2::json) AS g(id uuid, name text, url text, events json, max_in_flight smallint)
ON CONFLICT (project_id, name) DO UPDATE SET url = excluded.url, events = excluded.events,
  max_in_flight = excluded.max_in_flight,
  state = CASE WHEN w.state = 'disabled' AND w.url = excluded.url THEN w.state ELSE 'active' END,
  reason = CASE WHEN w.state = 'disabled' AND w.url = excluded.url THEN w.reason END,
  created_at = CASE WHEN w.state = 'removed' THEN excluded.created_at ELSE w.created_at END,
  failures = CASE WHEN w.url = excluded.url AND w.state <> 'removed' THEN w.failures ELSE 0 END,
  resting_until = CASE WHEN w.url = excluded.url AND w.state <> 'removed' THEN w.resting_until END,
  resting_because = CASE WHEN w.url = excluded.url AND w.state <> 'removed' THEN w.resting_because END,
  wake_at = CASE WHEN w.url = excluded.url AND w.state <> 'removed' THEN w.wake_at ELSE now() END
"""
REMOVE = """
UPDATE webhook_endpoints SET state = 'removed', wake_at = NULL, reason = 'the configuration no longer has it'
WHERE project_id = $1 AND NOT name = ANY($2::text[]) AND state <> 'removed' RETURNING id
"""

LOCK = "SELECT id, state, reason FROM webhook_endpoints WHERE project_id = $1 AND name = $2 FOR UPDATE"
ENABLE = """
UPDATE webhook_endpoints SET state = 'active', reason = NULL, failures = 0, resting_until = NULL,
  resting_because = NULL, wake_at = now() WHERE project_id = $1 AND id = $2
"""
DISABLE = """
UPDATE webhook_endpoints SET state = 'disabled', reason = $3, wake_at = NULL WHERE project_id = $1 AND id = $2
"""
LIST = f"""
SELECT w.id, w.name, w.url, w.events, w.max_in_flight, w.state, w.reason, w.failures, w.created_at,
  CASE WHEN w.resting_until > now() THEN w.resting_until END AS resting_until,
  CASE WHEN w.resting_until > now() THEN w.resting_because END AS resting_because,
  (SELECT count(*) FROM (SELECT FROM deliveries d WHERE d.project_id = w.project_id AND d.endpoint_id = w.id
    AND d.state IN ('pending', 'sending') LIMIT {MOST_COUNTED}) x) AS pending,
  (SELECT count(*) FROM (SELECT FROM deliveries d WHERE d.project_id = w.project_id AND d.endpoint_id = w.id
    AND d.state = 'dead' LIMIT {MOST_COUNTED}) x) AS dead
FROM webhook_endpoints w WHERE w.project_id = $1 AND ($2::text IS NULL OR w.name = $2)
ORDER BY w.state = 'removed', w.name
"""
VALID = "(expires_at IS NULL OR expires_at > now())"
LIST_VALID = f"""
SELECT id, endpoint_id, kind, created_at, shown_at, expires_at, public_key FROM webhook_secrets
WHERE project_id = $1 AND endpoint_id = ANY($2::uuid[]) AND {VALID} ORDER BY id DESC
"""
FIND_NEWEST = f"""
SELECT id, kind, sealed, public_key, shown_at FROM webhook_secrets
WHERE project_id = $1 AND endpoint_id = $2 AND {VALID} ORDER BY id DESC LIMIT 1
"""
MARK_SHOWN = "UPDATE webhook_secrets SET shown_at = now() WHERE project_id = $1 AND id = $2"
# Whatever was rotated out longest ago ends at once where there are too many to sign with.
EXPIRE = f"""
WITH ranked AS (
  SELECT id, row_number() OVER (ORDER BY id DESC) AS place FROM webhook_secrets
  WHERE project_id = $1 AND endpoint_id = $2 AND {VALID}
)
UPDATE webhook_secrets s
SET expires_at = least(s.expires_at, CASE WHEN r.place > $4 THEN now() ELSE now() + $3::interval END)
FROM ranked r WHERE s.project_id = $1 AND s.id = r.id RETURNING s.expires_at
"""


async def find_version(hot: Hot, project_id: UUID) -> int:
    """Tell which configuration version the endpoints are those of; 0 if of none yet."""
    return int(await hot.fetchval(FIND_VERSION, project_id) or 0)


async def lock_version(hot: Hot, project_id: UUID) -> int:
    """Tell it under the lock of the project's feed, waiting for that."""
    await hot.execute(OPEN_FEED, project_id)
    return int(await hot.fetchval(LOCK_VERSION, project_id))


async def list_behind(hot: Hot) -> list[tuple[UUID, int]]:
    """List projects with endpoints whose configuration has moved on, and the version it has."""
    return [(row["id"], row["config_version"]) for row in await hot.fetch(LIST_BEHIND)]


async def put_endpoints(hot: Hot, project_id: UUID, version: int, endpoints: str, names: Sequence[str]) -> list[UUID]:
    """Make the endpoints those of a configuration version, given as JSON; gives the ones that were removed by it."""
    await hot.fetch(LOCK_ALL, project_id)
    await hot.execute(PUT, project_id, endpoints)
    removed = [row["id"] for row in await hot.fetch(REMOVE, project_id, list(names))]
    await hot.execute(SET_VERSION, project_id, version)
    return removed


async def lock(hot: Hot, project_id: UUID, name: str) -> Any:
    """Lock an endpoint by name; None if there is none."""
    return await hot.fetchrow(LOCK, project_id, name)


async def set_standing(hot: Hot, project_id: UUID, endpoint_id: UUID, *, disabled_because: str | None) -> None:
    """Disable a locked endpoint for a reason, or enable it with a clean slate."""
    if disabled_because is None:
        await hot.execute(ENABLE, project_id, endpoint_id)
    else:
        await hot.execute(DISABLE, project_id, endpoint_id, disabled_because)


async def list_endpoints(hot: Hot, project_id: UUID, name: str | None) -> list[Any]:
    """List endpoints with what is pending and dead, all of them or the one of a name."""
    return await hot.fetch(LIST, project_id, name)


async def list_secrets(hot: Hot, project_id: UUID, endpoints: Sequence[UUID]) -> list[Any]:
    """List the secrets that still count, newest first, without the secrets."""
    return await hot.fetch(LIST_VALID, project_id, list(endpoints))


async def find_newest_secret(hot: Hot, project_id: UUID, endpoint_id: UUID) -> Any:
    """Find the newest secret that counts; the endpoint must be locked."""
    return await hot.fetchrow(FIND_NEWEST, project_id, endpoint_id)


async def mark_shown(hot: Hot, project_id: UUID, secret_id: UUID) -> None:
    """Note that a secret was shown."""
    await hot.execute(MARK_SHOWN, project_id, secret_id)


async def expire_secrets(
    hot: Hot, project_id: UUID, endpoint_id: UUID, overlap: timedelta, keep: int
) -> datetime | None:
    """Let the secrets of a locked endpoint count for so long still; tell until when the last of them does."""
    ends = [row["expires_at"] for row in await hot.fetch(EXPIRE, project_id, endpoint_id, overlap, keep)]
    return max(ends, default=None)
