"""The statements on what is claimed ahead: kept, shown, and laid aside again."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

from review.audit.rules import Action
from review.identity.rules import Principal
from review.kernel.db import Hot
from review.kernel.events import EventKind
from review.kernel.ids import new_id
from review.kernel.timers import TimerKind

_PARAMETER = re.compile(r"\$(\d+)")
# One person's requests for one pool come one after another, so that two open pages do not reserve an item each.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"

_MINE = "project_id = $1 AND holder_id = $2 AND state = 'held' AND lease_until > now()"
_COLUMNS = "id, case_id, item_id, kind, pool, fence, lease_until, sees_answers"

# What puts a seat before somebody is noted and told like a claim, in the same statement. `mine` is a row or none.
_NOTED = f"""
told AS (
  SELECT *, json_build_object('assignment_id', id, 'pool', pool, 'kind', kind, 'fence', fence,
                              'holder', $5::text, 'lease_until', lease_until) AS told
  FROM shown
), noted AS (
  INSERT INTO audit_entries (project_id, id, actor_kind, actor_id, actor_name, origin, config_version, action, item_id,
                             details)
  SELECT $1, $6::uuid, 'user', $2, $5::text, $7::text, $8::int, '{{action}}', item_id, told FROM told
), events AS (
  INSERT INTO events (project_id, id, kind, item_id, payload)
  SELECT $1, $9::uuid, '{EventKind.CLAIMED}', item_id, told FROM told
)
"""
_SHOWN = "SELECT id FROM shown"

# What somebody has locked is passed over, for whoever asks may hold the locks of another case meanwhile.
_SHOWING = f"""
mine AS MATERIALIZED (
  SELECT id FROM assignments
  WHERE {_MINE} AND pool = $3 AND ahead_fence = fence AND ($10::uuid IS NULL OR (id = $10 AND fence = $11::int))
  ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
), shown AS (
  UPDATE assignments a SET ahead_fence = NULL, claimed_at = now(), lease = $4, lease_until = now() + $4
  FROM mine WHERE a.project_id = $1 AND a.id = mine.id
  RETURNING a.id, a.item_id, a.kind, a.pool, a.fence, a.lease_until
), {_NOTED.format(action=Action.ASSIGNMENT_CLAIMED)}"""
SHOW = f"WITH {_SHOWING} {_SHOWN}"

_KEPT = """
FROM assignments a
JOIN asides s ON s.project_id = a.project_id AND s.assignment_id = a.id AND s.fence = a.fence AND s.kind = 'reserved'
WHERE a.project_id = $1 AND a.holder_id = $2 AND a.state = 'held' AND a.lease_until > now() AND a.pool = $3
  AND a.aside_fence = a.fence
"""
# One row at least, so that it also tells where something came back, beside which nothing is kept.
KEEP = f"""
WITH back AS MATERIALIZED (SELECT EXISTS (SELECT {_KEPT}) AS has_kept), mine AS (
  UPDATE assignments SET lease = $4, lease_until = now() + $4
  WHERE {_MINE} AND pool = $3 AND ahead_fence = fence AND NOT (SELECT has_kept FROM back)
  RETURNING {_COLUMNS}
)
SELECT back.has_kept, mine.* FROM back LEFT JOIN mine ON true
"""
TAKE_KEPT = f"""
WITH mine AS MATERIALIZED (
  SELECT a.id {_KEPT} ORDER BY s.put_at, a.id LIMIT 1 FOR UPDATE OF a SKIP LOCKED
), shown AS (
  UPDATE assignments a SET fence = a.fence + 1, claimed_at = now(), lease = $4, lease_until = now() + $4
  FROM mine WHERE a.project_id = $1 AND a.id = mine.id
  RETURNING a.id, a.item_id, a.kind, a.pool, a.fence, a.lease_until
), clocks AS (
  INSERT INTO timers (project_id, kind, subject_id, generation, fire_at)
  SELECT $1, '{TimerKind.LEASE}', id, fence, lease_until FROM shown
), {_NOTED.format(action=Action.ASSIGNMENT_TAKEN_UP)} {_SHOWN}"""

# What is pinned stays among the tabs.
STOW = f"""
WITH mine AS MATERIALIZED (
  SELECT id FROM assignments
  WHERE {_MINE} AND id = $3 AND fence = $4
    AND given_fence IS DISTINCT FROM fence AND aside_fence IS DISTINCT FROM fence
  FOR UPDATE SKIP LOCKED
)
UPDATE assignments a SET ahead_fence = fence, lease = $5, lease_until = now() + $5
FROM mine WHERE a.project_id = $1 AND a.id = mine.id AND NOT EXISTS (
  SELECT FROM assignments o WHERE o.project_id = $1 AND o.holder_id = $2 AND o.state = 'held' AND o.pool = a.pool
    AND o.ahead_fence = o.fence AND o.id <> a.id) AND NOT EXISTS (
  SELECT FROM asides s WHERE s.project_id = $1 AND s.assignment_id = a.id AND s.fence = a.fence)
RETURNING a.id
"""


async def lock(hot: Hot, who: Principal, pool: str) -> None:
    """Let one request at a time reserve for this person in this pool, until the transaction ends."""
    await hot.execute(LOCK, f"ahead {who.project_id} {who.id} {pool}")


async def keep(hot: Hot, who: Principal, pool: str, lease: timedelta) -> list[Any] | None:
    """Go on keeping what the caller has claimed ahead of this pool; None where something that came back is next."""
    rows = await hot.fetch(KEEP, who.project_id, who.id, pool, lease)
    return None if rows[0]["has_kept"] else [row for row in rows if row["id"] is not None]


async def show(hot: Hot, who: Principal, pool: str, lease: timedelta, only: tuple[UUID, int] | None) -> UUID | None:
    """Put what was claimed ahead before the caller: their time with it begins, and it is told; one statement."""
    found: UUID | None = await hot.fetchval(SHOW, *_told(who, pool, lease), *(only or (None, None)))
    return found


def beside(taken: int) -> str:
    """Give what `show` does as parts of another statement, which has so many parameters of its own before these.

    That one must not change the same seat, and tells by `shown` whether there was one to show.
    """
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + taken}", _SHOWING)


def shown_by(who: Principal, pool: str, lease: timedelta, only: tuple[UUID, int]) -> tuple[object, ...]:
    """Give the parameters of `beside`."""
    return *_told(who, pool, lease), *only


async def take_kept(hot: Hot, who: Principal, pool: str, lease: timedelta) -> UUID | None:
    """Put what came back to the caller into their hands, what has waited longest first; one statement."""
    found: UUID | None = await hot.fetchval(TAKE_KEPT, *_told(who, pool, lease))
    return found


def _told(who: Principal, pool: str, lease: timedelta) -> tuple[object, ...]:
    """Give what both statements are told, in the order of their parameters."""
    actor = who.actor
    return who.project_id, who.id, pool, lease, actor.name, new_id(), actor.origin, actor.config_version, new_id()


async def stow(hot: Hot, who: Principal, assignment_id: UUID, fence: int, lease: timedelta) -> bool:
    """Lay what the caller has in hand aside as claimed ahead, unless they have such a one in its pool."""
    return await hot.fetchval(STOW, who.project_id, who.id, assignment_id, fence, lease) is not None
