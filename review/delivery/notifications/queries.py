"""Every statement about notifications, preferences and channels."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from review.delivery.notifications.rules import Planned
from review.delivery.notifications.schemas import Facts, Preferences
from review.identity.queries import carries
from review.identity.rules import Permission
from review.kernel.db import Hot
from review.kernel.ids import new_id

LIST_STANDINGS = """
SELECT c.item_id, c.pool, array_remove(array_agg(DISTINCT u.email), NULL) AS holders, now() AS now
FROM cases c
LEFT JOIN assignments a ON a.project_id = c.project_id AND a.item_id = c.item_id AND a.state = 'held'
LEFT JOIN users u ON u.id = a.holder_id
WHERE c.project_id = $1 AND c.item_id = ANY ($2)
GROUP BY c.item_id, c.pool
"""

# Leads and admins, the members of the pools, and whoever is named; members of pools need no account. Leads of single
# pools come in with those.
LIST_PEOPLE = f"""
WITH wanted AS (
  SELECT p.email, p.pool FROM pool_members p WHERE p.project_id = $1 AND p.pool = ANY ($3)
  UNION SELECT named, NULL FROM unnest($2::text[]) AS named
  UNION SELECT u.email, NULL FROM memberships m JOIN users u ON u.id = m.user_id
        WHERE m.project_id = $1 AND {carries("m", Permission.OVERRIDE)} AND {carries("m", Permission.ALL_POOLS)}
)
SELECT w.email, array_remove(array_agg(w.pool), NULL) AS pools, u.disabled_at IS NOT NULL AS is_disabled,
       coalesce({carries("m", Permission.WRITE_CONFIG)}, false) AS is_admin,
       coalesce({carries("m", Permission.OVERRIDE)}, false) AS is_lead,
       coalesce({carries("m", Permission.ALL_POOLS)}, false) AS sees_all,
       n.settings::text AS settings
FROM wanted w
LEFT JOIN users u ON u.email = w.email
LEFT JOIN memberships m ON m.project_id = $1 AND m.user_id = u.id
LEFT JOIN notification_preferences n ON n.project_id = $1 AND n.user_id = u.id
GROUP BY w.email, m.project_id, m.role, u.disabled_at, n.settings::text
ORDER BY w.email
"""

QUEUE = """
INSERT INTO notifications (project_id, id, recipient, kind, event_id, item_id, facts, state, send_after, error)
SELECT $1, told.id, told.recipient, told.kind, told.event_id, told.item_id, told.facts::json,
       CASE WHEN told.error IS NULL THEN 'waiting' ELSE 'dropped' END, told.send_after, told.error
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::text[], $8::timestamptz[], $9::text[])
  AS told (id, recipient, kind, event_id, item_id, facts, send_after, error)
ON CONFLICT (project_id, event_id, recipient, kind) DO NOTHING
"""

# `send_after` is also the end of the lease, so that what a dead worker held comes due by itself. Pages travel alone.
TAKE = """
WITH ready AS (
  SELECT project_id, recipient, kind = 'page' AS is_page, min(send_after) AS since
  FROM notifications
  WHERE state IN ('waiting', 'sending') AND send_after <= now()
    AND recipient LIKE 'channel:%' = $5 AND NOT project_id || ' ' || recipient = ANY ($1)
  GROUP BY 1, 2, 3
  ORDER BY is_page DESC, since
  LIMIT $2
), taken AS (
  SELECT due.project_id, due.id, ready.is_page
  FROM ready CROSS JOIN LATERAL (
    SELECT n.project_id, n.id FROM notifications n
    WHERE n.project_id = ready.project_id AND n.recipient = ready.recipient AND (n.kind = 'page') = ready.is_page
      AND n.state IN ('waiting', 'sending') AND n.send_after <= now()
    ORDER BY n.send_after, n.id LIMIT $3 FOR UPDATE SKIP LOCKED
  ) AS due
)
UPDATE notifications n
SET state = 'sending', attempts = n.attempts + 1, lease_until = now() + $4, send_after = now() + $4
FROM taken JOIN projects p ON p.id = taken.project_id
WHERE n.project_id = taken.project_id AND n.id = taken.id
RETURNING n.project_id, n.id, n.recipient, n.kind, n.item_id, n.facts::text AS facts, n.attempts, n.created_at,
          taken.is_page, p.config_version, now() AS now
"""

LIST_CLOSED = "SELECT id FROM items WHERE project_id = $1 AND id = ANY ($2) AND state <> 'open'"

FIND_READER = """
SELECT u.disabled_at IS NOT NULL AS is_disabled, n.settings::text AS settings, u.preferences::text AS own
FROM users u LEFT JOIN notification_preferences n ON n.project_id = $1 AND n.user_id = u.id
WHERE u.email = $2
"""

# The fence: whoever was too slow finds another number of attempts, and records nothing.
SETTLE = """
UPDATE notifications n
SET state = $4, error = $5, lease_until = NULL, send_after = coalesce($6, n.send_after),
    sent_at = CASE WHEN $4 = 'sent' THEN now() END
FROM unnest($2::uuid[], $3::smallint[]) AS done (id, attempts)
WHERE n.project_id = $1 AND n.id = done.id AND n.state = 'sending' AND n.attempts = done.attempts
RETURNING n.id
"""

# What waits for the same recipient waits with what has just failed, or each of a thousand would fail by itself.
HOLD_BACK = """
UPDATE notifications SET send_after = $3
WHERE project_id = $1 AND recipient = $2 AND state = 'waiting' AND send_after < $3 AND kind <> 'page'
"""

NOTE_FAILURE = """
INSERT INTO channel_states AS c (project_id, name, url_sha256, failures, disabled_at, reason)
VALUES ($1, $2, $3, 1, CASE WHEN $5 THEN now() END, $4)
ON CONFLICT (project_id, name) DO UPDATE SET
  failures = CASE WHEN c.url_sha256 IS DISTINCT FROM $3 THEN 1 ELSE c.failures + 1 END,
  url_sha256 = $3, reason = $4,
  disabled_at = CASE WHEN $5 OR (c.url_sha256 IS NOT DISTINCT FROM $3 AND c.failures + 1 >= $6)
                     THEN coalesce(c.disabled_at, now()) END
RETURNING failures, disabled_at
"""

FORGET_FAILURES = "DELETE FROM channel_states WHERE project_id = $1 AND name = $2"

LIST_CHANNELS = "SELECT name, url_sha256, failures, disabled_at, reason FROM channel_states WHERE project_id = $1"

DROP_WAITING = """
UPDATE notifications SET state = 'dropped', error = $3, lease_until = NULL
WHERE project_id = $1 AND recipient = $2 AND state = 'waiting'
"""

SAVE_PREFERENCES = """
INSERT INTO notification_preferences (project_id, user_id, settings) VALUES ($1, $2, $3::json)
ON CONFLICT (project_id, user_id) DO UPDATE SET settings = excluded.settings, updated_at = now()
"""

FIND_PREFERENCES = "SELECT settings::text FROM notification_preferences WHERE project_id = $1 AND user_id = $2"

# One test at a time for each person: a waiting one is not doubled by a second press of the button.
QUEUE_TEST = """
INSERT INTO notifications (project_id, id, recipient, kind, event_id, item_id, facts, state, send_after)
SELECT $1, $2, $3, 'test', $2, NULL, $4::json, 'waiting', now()
WHERE NOT EXISTS (SELECT FROM notifications WHERE project_id = $1 AND recipient = $3 AND kind = 'test'
                  AND state IN ('waiting', 'sending'))
RETURNING id
"""

GLANCE = """
SELECT (SELECT count(*) FROM notifications WHERE project_id = $1 AND recipient = $2
        AND state IN ('waiting', 'sending')) AS waiting,
       (SELECT min(send_after) FROM notifications WHERE project_id = $1 AND recipient = $2
        AND state IN ('waiting', 'sending')) AS next_at,
       last.state AS last_state, last.error AS last_error, coalesce(last.sent_at, last.created_at) AS last_at
FROM (SELECT) AS one LEFT JOIN LATERAL (
  SELECT state, error, sent_at, created_at FROM notifications
  WHERE project_id = $1 AND recipient = $2 AND state IN ('sent', 'failed')
  ORDER BY id DESC LIMIT 1) AS last ON true
"""


# Ids begin with the time they were made at, so the oldest stand first under the primary key.
FORGET = """
DELETE FROM notifications n USING (
  SELECT old.project_id, old.id FROM projects p JOIN notifications old ON old.project_id = p.id AND old.id < $1
  WHERE old.state IN ('sent', 'failed', 'dropped') LIMIT $2 FOR UPDATE OF old SKIP LOCKED
) AS gone
WHERE n.project_id = gone.project_id AND n.id = gone.id
RETURNING n.id
"""


async def list_standings(hot: Hot, project_id: UUID, item_ids: Sequence[UUID]) -> list[Any]:
    """List the pool and the holders of the items' cases."""
    return await hot.fetch(LIST_STANDINGS, project_id, item_ids)


async def list_people(hot: Hot, project_id: UUID, emails: Sequence[str], pools: Sequence[str]) -> list[Any]:
    """List the leads and admins, the members of the pools and whoever is named, by e-mail."""
    return await hot.fetch(LIST_PEOPLE, project_id, emails, pools)


async def queue(hot: Hot, project_id: UUID, planned: Sequence[Planned]) -> None:
    """Store notifications; one that is stored already stays as it is."""
    await hot.execute(
        QUEUE,
        project_id,
        [new_id() for _ in planned],
        [each.recipient for each in planned],
        [each.kind.value for each in planned],
        [each.event_id for each in planned],
        [each.item_id for each in planned],
        [_text(each.facts) for each in planned],
        [each.send_after for each in planned],
        [each.dropped for each in planned],
    )


async def take(
    hot: Hot, busy: Sequence[str], recipients: int, each: int, lease: timedelta, *, is_channel: bool
) -> list[Any]:
    """Take what is due for some people, or channels, that are not busy: pages first, then the longest waiting."""
    return await hot.fetch(TAKE, busy, recipients, each, lease, is_channel)


async def list_closed(hot: Hot, project_id: UUID, item_ids: Sequence[UUID]) -> set[UUID]:
    """Tell which of the items are decided or withdrawn."""
    return {row["id"] for row in await hot.fetch(LIST_CLOSED, project_id, item_ids)}


async def find_reader(hot: Hot, project_id: UUID, email: str) -> Any:
    """Find whether an account is disabled, and its preferences of both kinds as JSON text; None without account."""
    return await hot.fetchrow(FIND_READER, project_id, email)


async def settle(
    hot: Hot,
    project_id: UUID,
    held: Sequence[tuple[UUID, int]],
    state: str,
    *,
    error: str | None = None,
    send_after: datetime | None = None,
) -> int:
    """Record what became of what was taken, by id and attempt; gives how many were still ours."""
    ids, attempts = [each[0] for each in held], [each[1] for each in held]
    return len(await hot.fetch(SETTLE, project_id, ids, attempts, state, error, send_after))


async def hold_back(hot: Hot, project_id: UUID, recipient: str, until: datetime) -> None:
    """Put off what waits for a recipient; pages are not put off."""
    await hot.execute(HOLD_BACK, project_id, recipient, until)


async def note_failure(
    hot: Hot, project_id: UUID, name: str, *, url_sha256: bytes, reason: str, is_final: bool, most: int
) -> Any:
    """Count a failure of a channel, and disable it at the `most`th in a row, or at once if it is final."""
    return await hot.fetchrow(NOTE_FAILURE, project_id, name, url_sha256, reason, is_final, most)


async def forget_failures(hot: Hot, project_id: UUID, name: str) -> bool:
    """Let a channel start afresh; tells whether there was anything to forget."""
    status: str = await hot.execute(FORGET_FAILURES, project_id, name)
    return status != "DELETE 0"


async def list_channels(hot: Hot, project_id: UUID) -> list[Any]:
    """List the channels that have failed since they last worked."""
    return await hot.fetch(LIST_CHANNELS, project_id)


async def drop_waiting(hot: Hot, project_id: UUID, recipient: str, why: str) -> None:
    """Give up what waits for a recipient."""
    await hot.execute(DROP_WAITING, project_id, recipient, why)


async def save_preferences(hot: Hot, project_id: UUID, user_id: UUID, preferences: Preferences) -> None:
    """Keep what somebody wants."""
    await hot.execute(SAVE_PREFERENCES, project_id, user_id, _text(preferences))


async def find_preferences(hot: Hot, project_id: UUID, user_id: UUID) -> Preferences:
    """Give what somebody wants, which is the usual until they say otherwise."""
    return read_preferences(await hot.fetchval(FIND_PREFERENCES, project_id, user_id))


async def queue_test(hot: Hot, project_id: UUID, email: str, facts: Facts) -> bool:
    """Store a test for somebody; False where one waits already."""
    return await hot.fetchval(QUEUE_TEST, project_id, new_id(), email, _text(facts)) is not None


async def glance(hot: Hot, project_id: UUID, recipient: str) -> Any:
    """Give how many wait for a recipient and until when, and what became of the last."""
    return await hot.fetchrow(GLANCE, project_id, recipient)


async def forget(hot: Hot, before: UUID, limit: int) -> int:
    """Delete up to so many settled notifications whose ids are smaller; gives how many."""
    return len(await hot.fetch(FORGET, before, limit))


def read_preferences(text: str | None) -> Preferences:
    """Read stored preferences; what cannot be read, of another version perhaps, counts as the usual."""
    try:
        return Preferences() if text is None else msgspec.json.decode(text, type=Preferences)
    except msgspec.ValidationError:
        return Preferences()


def read_facts(text: str) -> Facts:
    """Read stored facts."""
    return msgspec.json.decode(text, type=Facts)


def _text(value: Facts | Preferences) -> str:
    return msgspec.json.encode(value).decode()
