"""Every statement on the queue: claiming, extending, locking, closing, counting."""

from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit.rules import Action
from review.identity.rules import Principal
from review.kernel.db import Hot
from review.kernel.events import EventKind
from review.kernel.ids import new_id
from review.kernel.timers import TimerKind
from review.queueing.floors import Place
from review.queueing.rules import AssignmentState, LeaseFate, Seat, Winner

# Ordered by the partial index alone. The reviewer's earlier part in a case is looked up in a scalar sub-select, because
# as NOT EXISTS the planner may turn it into a hash of everything they ever touched. Whom the item concerns stands in
# the seat's own row, which is read for its lock in any case. `DISTINCT ON` and the key of case_reviewers keep two seats
# of one case from the same person, whatever runs beside this.
_CLAIM = f"""
WITH picked AS MATERIALIZED (
  SELECT a.id, a.case_id FROM assignments a
  WHERE a.project_id = $1 AND a.pool = $2 AND a.state = 'open'
    AND (SELECT r.part FROM case_reviewers r
         WHERE r.project_id = a.project_id AND r.case_id = a.case_id AND r.user_id = $3) IS NULL
    AND (a.barred IS NULL OR NOT a.barred && ARRAY[$3::uuid::text, $5::text]){{floor}}{{rest}}
  ORDER BY -a.priority, a.due_at, a.id LIMIT {{limit:d}} FOR UPDATE OF a SKIP LOCKED
), one_each AS (
  SELECT DISTINCT ON (case_id) id, case_id FROM picked ORDER BY case_id, id
), seated AS (
  INSERT INTO case_reviewers (project_id, case_id, user_id, assignment_id, part)
  SELECT $1, case_id, $3, id, 'holding' FROM one_each ORDER BY case_id
  ON CONFLICT DO NOTHING RETURNING assignment_id
), claimed AS (
  UPDATE assignments a SET state = 'held', holder_id = $3, fence = a.fence + 1, {{mark}},
                           lease = $4, lease_until = now() + $4
  FROM seated s WHERE a.project_id = $1 AND a.id = s.assignment_id
  RETURNING a.id, a.case_id, a.item_id, a.kind, a.pool, a.priority, a.due_at, a.fence, a.lease_until,
            a.sees_answers
), numbered AS (
  SELECT *, row_number() OVER (ORDER BY -priority, due_at, id) AS n,
         json_build_object('assignment_id', id, 'pool', pool, 'kind', kind, 'fence', fence,
                           'holder', $5::text, 'lease_until', lease_until) AS told
  FROM claimed
), clocks AS (
  INSERT INTO timers (project_id, kind, subject_id, generation, fire_at)
  SELECT $1, '{TimerKind.LEASE}', id, fence, lease_until FROM numbered
), noted AS (
  INSERT INTO audit_entries (project_id, id, actor_kind, actor_id, actor_name, origin, config_version, action, item_id,
                             details)
  SELECT $1, ($6::uuid[])[n], 'user', $3, $5::text, $8::text, $9::int, '{{action}}', item_id, told
  FROM numbered
), events AS (
  INSERT INTO events (project_id, id, kind, item_id, payload)
  SELECT $1, ($7::uuid[])[n], '{EventKind.CLAIMED}', item_id, told FROM numbered{{told}}
)
SELECT id, case_id, item_id, kind, pool, fence, lease_until, priority, due_at, sees_answers FROM numbered ORDER BY n
"""
_FROM_FLOOR = "\n    AND (-a.priority, a.due_at, a.id) >= ($10::smallint, $11::timestamptz, $12::uuid)"
# Whoever has seen enough of some types is given others. A seat does not carry its item's type, so it is looked up, and
# in no more than the head of the queue: behind ten thousand of what they do not get, they find nothing.
_WITHOUT_TYPES = """
    AND (SELECT i.type FROM items i WHERE i.project_id = a.project_id AND i.id = a.item_id) <> ALL ($10::text[])
    AND (-a.priority, a.due_at, a.id) <= (SELECT h.urgency, h.due_at, h.id FROM (
      SELECT -priority AS urgency, due_at, id FROM assignments
      WHERE project_id = $1 AND pool = $2 AND state = 'open' ORDER BY -priority, due_at, id LIMIT 10000) h
      ORDER BY h.urgency DESC, h.due_at DESC, h.id DESC LIMIT 1)"""


# What a claim does to the seat, is called, and tells: a reservation is not seen, so it starts no time and tells nobody.
_SEEN = {"mark": "claimed_at = now()", "action": Action.ASSIGNMENT_CLAIMED, "told": ""}
_AHEAD = {"mark": "ahead_fence = a.fence + 1", "action": Action.ASSIGNMENT_RESERVED, "told": " WHERE false"}


@lru_cache(maxsize=64)
def claim_statement(limit: int, *, from_floor: bool, is_ahead: bool = False, is_resting: bool = False) -> str:
    """Give the statement that claims up to so many; from a floor, or without the types that rest, never both.

    The limit stands in its text, because for a limit it does not know the planner assumes a tenth of the queue, and
    then plans every single claim anew: at 200,000 open that took as long as the claim itself.
    """
    floor, rest = _FROM_FLOOR if from_floor else "", _WITHOUT_TYPES if is_resting else ""
    return _CLAIM.format(limit=limit, floor=floor, rest=rest, **(_AHEAD if is_ahead else _SEEN))


# Only lease_until changes and nothing indexes it, so the beat stays on its page (HOT; promise G8).
EXTEND = """
UPDATE assignments SET lease_until = now() + lease
WHERE project_id = $1 AND id = $2 AND holder_id = $3 AND fence = $4 AND state = 'held' AND lease_until > now()
  AND aside_fence IS DISTINCT FROM fence AND given_fence IS DISTINCT FROM fence
RETURNING lease_until
"""

# Where the queue begins for everybody: also what the claimer was passed by for.
FIND_HEAD = """
SELECT priority, due_at, id FROM assignments WHERE project_id = $1 AND pool = $2 AND state = 'open'
ORDER BY -priority, due_at, id LIMIT 1
"""

SEAT = """
 id, case_id, item_id, kind, pool, priority, state, holder_id, fence, claimed_at, lease_until, sees_answers,
 aside_fence, ahead_fence, given_fence, clock_timestamp() AS at
"""

GET_SEAT = f"SELECT {SEAT} FROM assignments WHERE project_id = $1 AND id = $2"

FIND_WINNER = """
SELECT i.state AS item_state, d.decided_by, d.verdict, r.reviewer_id, u.email AS holder
FROM assignments a
JOIN items i ON i.project_id = a.project_id AND i.id = a.item_id
LEFT JOIN reviews r ON r.project_id = a.project_id AND r.assignment_id = a.id
LEFT JOIN users u ON u.id = a.holder_id
LEFT JOIN LATERAL (
  SELECT decided_by, verdict FROM decisions
  WHERE project_id = a.project_id AND item_id = a.item_id ORDER BY revision DESC LIMIT 1
) d ON true
WHERE a.project_id = $1 AND a.id = $2
"""

# An adjudicator's seat keeps its pool: it stands in the pool that was named for it, not in the case's.
_POOL_NOW = """CASE WHEN a.kind = 'review' THEN
 (SELECT c.pool FROM cases c WHERE c.project_id = a.project_id AND c.id = a.case_id) ELSE a.pool END"""

# Whether others judge a case `c` too, or have.
BY_SEVERAL = """(c.reviews_required > 1 OR EXISTS (
 SELECT FROM reviews r WHERE r.project_id = c.project_id AND r.case_id = c.id))"""

LIST_ANSWERS = """
SELECT a.id, u.email AS reviewer, r.verdict, coalesce(r.output::text, 'null') AS output, r.reasons::text AS reasons,
       r.comment, r.submitted_at
FROM assignments a
JOIN reviews r ON r.project_id = a.project_id AND r.case_id = a.case_id
JOIN users u ON u.id = r.reviewer_id
WHERE a.project_id = $1 AND a.id = ANY($2::uuid[]) AND a.sees_answers
ORDER BY a.id, r.submitted_at, r.id
"""

# The caller may know of an assignment if it is in their pools or they have had part in its case.
# Whoever was told of a claim knows of the assignment, wherever it went.
WAS_HELD_BY = f"""
SELECT EXISTS (SELECT FROM audit_entries WHERE project_id = $1 AND item_id = $2 AND actor_id = $3
               AND action IN ('{Action.ASSIGNMENT_CLAIMED}', '{Action.ASSIGNMENT_TAKEN_UP}')
               AND details::jsonb ->> 'assignment_id' = $4::text)
"""
IS_KNOWN_TO = """
SELECT EXISTS (SELECT FROM pool_members m WHERE m.project_id = $1 AND m.pool = $2 AND m.email = $3)
    OR EXISTS (SELECT FROM case_reviewers r WHERE r.project_id = $1 AND r.case_id = $4 AND r.user_id = $5)
"""


async def claim(
    hot: Hot,
    who: Principal,
    pool: str,
    limit: int,
    lease: timedelta,
    *,
    floor: Place | None = None,
    is_ahead: bool = False,
    resting: Sequence[str] = (),
) -> list[Any]:
    """Claim up to `limit` open assignments of the pool, most urgent first; one statement.

    With a floor, what is more urgent than that place is not looked at; it does not go with `resting`, the item types
    that are left for others. What is claimed ahead counts as not seen yet.
    """
    ids = [new_id() for _ in range(2 * limit)]
    statement = claim_statement(limit, from_floor=floor is not None, is_ahead=is_ahead, is_resting=bool(resting))
    actor = who.actor
    seen = actor.origin, actor.config_version
    given = (who.project_id, pool, who.id, lease, actor.name, ids[:limit], ids[limit:], *seen)
    if resting:
        return await hot.fetch(statement, *given, list(resting))
    if floor is None:
        return await hot.fetch(statement, *given)
    return await hot.fetch(statement, *given, -floor.priority, floor.due_at, floor.id)


async def find_head(hot: Hot, project_id: UUID, pool: str) -> Any:
    """Find the most urgent open assignment of a pool, whoever may have it."""
    return await hot.fetchrow(FIND_HEAD, project_id, pool)


async def extend(hot: Hot, who: Principal, assignment_id: UUID, fence: int) -> Any:
    """Move the lease's end to a full lease from now if the claim still stands; gives the new end or None."""
    return await hot.fetchval(EXTEND, who.project_id, assignment_id, who.id, fence)


async def find_seat(hot: Hot, project_id: UUID, assignment_id: UUID) -> Seat | None:
    """Read one assignment without locking it."""
    row = await hot.fetchrow(GET_SEAT, project_id, assignment_id)
    return None if row is None else _seat(dict(row))


async def get_winner(hot: Hot, project_id: UUID, assignment_id: UUID) -> Winner:
    """Read who has a seat now, or what became of its item."""
    row = await hot.fetchrow(FIND_WINNER, project_id, assignment_id)
    return Winner(**dict(row or {}))


async def list_answers(hot: Hot, project_id: UUID, assignment_ids: list[UUID]) -> list[Any]:
    """Read what was judged before, for those of these assignments that show it, in the order it was submitted."""
    return await hot.fetch(LIST_ANSWERS, project_id, assignment_ids)


async def is_known_to(hot: Hot, who: Principal, seat: Seat) -> bool:
    """Tell whether the caller may know of this assignment at all."""
    return bool(await hot.fetchval(IS_KNOWN_TO, who.project_id, seat.pool, who.email, seat.case_id, who.id))


async def was_held_by(hot: Hot, who: Principal, seat: Seat) -> bool:
    """Tell whether the caller had this assignment before their eyes once."""
    return bool(await hot.fetchval(WAS_HELD_BY, who.project_id, seat.item_id, who.id, str(seat.id)))


async def lock_seats(tx: AsyncSession, project_id: UUID, item_id: UUID) -> list[Seat]:
    """Lock every assignment of an item's case, in id order.

    The order of locks is everywhere the same: a case's assignments by id, then the item, then the case.
    """
    rows = await tx.execute(
        text(f"SELECT {SEAT} FROM assignments WHERE project_id = :project AND item_id = :item ORDER BY id FOR UPDATE"),
        {"project": project_id, "item": item_id},
    )
    return [_seat(dict(row)) for row in rows.mappings()]


async def is_judged_by_several(tx: AsyncSession, project_id: UUID, case_id: UUID) -> bool:
    """Tell whether others judge a case, so that what one of them writes could sway the rest."""
    found = await tx.scalar(
        text(f"SELECT {BY_SEVERAL} FROM cases c WHERE c.project_id = :project AND c.id = :case"),
        {"project": project_id, "case": case_id},
    )
    return bool(found)


async def list_held_items(tx: AsyncSession, user_id: UUID, only: UUID | None) -> list[tuple[UUID, UUID]]:
    """List the items of which a person holds an assignment, in every project or one only, in the order of locks."""
    rows = await tx.execute(
        text(
            "SELECT DISTINCT a.project_id, a.item_id FROM projects p JOIN assignments a ON a.project_id = p.id"
            " AND a.holder_id = :user AND a.state = 'held' WHERE :only ::uuid IS NULL OR p.id = :only ORDER BY 1, 2"
        ),
        {"user": user_id, "only": only},
    )
    return [(row.project_id, row.item_id) for row in rows]


async def settle(tx: AsyncSession, project_id: UUID, seat: Seat, state: AssignmentState, part: str | None) -> None:
    """Take a locked seat from its holder: into `state`, the person's part in the case kept as `part` or forgotten.

    A reviewer's seat that opens again stands in the queue where its case is now, for that may have moved meanwhile.
    """
    key = {"project": project_id, "id": seat.id, "case": seat.case_id, "user": seat.holder_id, "part": part}
    pool = f", pool = {_POOL_NOW}" if state is AssignmentState.OPEN else ""
    mine = "WHERE project_id = :project AND case_id = :case AND user_id = :user"
    parted = "DELETE FROM case_reviewers" if part is None else "UPDATE case_reviewers SET part = :part"
    await tx.execute(
        text(
            f"WITH parted AS ({parted} {mine})"
            f" UPDATE assignments a SET state = :state, holder_id = NULL, lease_until = NULL{pool}"
            " WHERE a.project_id = :project AND a.id = :id"
        ),
        {**key, "state": state.value},
    )


async def lapse_seats(tx: AsyncSession, seats: Sequence[tuple[UUID, Seat]]) -> None:
    """Take locked seats, each named with its project, from holders whose leases ended; one statement for all."""
    if not seats:
        return
    key = {
        "projects": [project_id for project_id, _ in seats],
        "ids": [seat.id for _, seat in seats],
        "cases": [seat.case_id for _, seat in seats],
        "holders": [seat.holder_id for _, seat in seats],
    }
    await tx.execute(
        text(
            "WITH g AS MATERIALIZED (SELECT * FROM unnest(:projects ::uuid[], :ids ::uuid[], :cases ::uuid[],"
            " :holders ::uuid[]) AS g(project_id, id, case_id, user_id)),"
            " parted AS (DELETE FROM case_reviewers r USING g"
            " WHERE r.project_id = g.project_id AND r.case_id = g.case_id AND r.user_id = g.user_id)"
            f" UPDATE assignments a SET state = 'open', holder_id = NULL, lease_until = NULL, pool = {_POOL_NOW}"
            " FROM g WHERE a.project_id = g.project_id AND a.id = g.id"
        ),
        key,
    )


async def close_case(tx: AsyncSession, project_id: UUID, item_id: UUID) -> None:
    """Close the item's case and cancel what is left of its seats; the seats must be locked."""
    await tx.execute(
        text(
            "WITH cancelled AS (UPDATE assignments SET state = 'cancelled', holder_id = NULL, lease_until = NULL"
            " WHERE project_id = :project AND item_id = :item AND state IN ('open', 'held')),"
            " parted AS (DELETE FROM case_reviewers r USING cases c WHERE c.project_id = :project AND c.item_id = :item"
            " AND r.project_id = c.project_id AND r.case_id = c.id AND r.part = 'holding')"
            " UPDATE cases SET state = 'closed', closed_at = now()"
            " WHERE project_id = :project AND item_id = :item AND state = 'open'"
        ),
        {"project": project_id, "item": item_id},
    )


async def lock_due_leases(tx: AsyncSession, limit: int) -> list[tuple[UUID, int, Seat]]:
    """Lock lease timers that are due, with their seats; gives project, generation and seat.

    What another transaction holds is left for the next sweep.
    """
    columns = ", ".join(f"a.{name}" for name in Seat.__struct_fields__ if name != "at")
    rows = await tx.execute(
        text(
            f"SELECT t.project_id, t.generation, {columns}, now() AS at"
            " FROM timers t JOIN assignments a ON a.project_id = t.project_id AND a.id = t.subject_id"
            " WHERE t.kind = 'lease' AND t.fire_at <= now() ORDER BY t.fire_at LIMIT :limit FOR UPDATE SKIP LOCKED"
        ),
        {"limit": limit},
    )
    found: list[tuple[UUID, int, Seat]] = []
    for row in rows.mappings():
        fields = dict(row)
        found.append((fields.pop("project_id"), fields.pop("generation"), _seat(fields)))
    return found


async def end_lease_timers(tx: AsyncSession, fate: LeaseFate, timers: Sequence[tuple[UUID, int, Seat]]) -> None:
    """Put timers of extended leases off to the lease's new end, and delete the others."""
    if not timers:
        return
    key = {
        "projects": [project_id for project_id, _, _ in timers],
        "subjects": [seat.id for _, _, seat in timers],
        "generations": [generation for _, generation, _ in timers],
    }
    given = "unnest(:projects ::uuid[], :subjects ::uuid[], :generations ::int[]{more}) AS g({columns})"
    match = (
        "t.kind = 'lease' AND t.project_id = g.project_id AND t.subject_id = g.subject_id"
        " AND t.generation = g.generation"
    )
    if fate is LeaseFate.EXTENDED:
        source = given.format(more=", :ends ::timestamptz[]", columns="project_id, subject_id, generation, fire_at")
        ends = [seat.lease_until for _, _, seat in timers]
        statement = f"UPDATE timers t SET fire_at = g.fire_at FROM {source} WHERE {match}"
        await tx.execute(text(statement), {**key, "ends": ends})
        return
    source = given.format(more="", columns="project_id, subject_id, generation")
    await tx.execute(text(f"DELETE FROM timers t USING {source} WHERE {match}"), key)


def _seat(fields: dict[str, Any]) -> Seat:
    given: dict[str, Any] = {**fields, "state": AssignmentState(fields["state"])}
    return Seat(**given)
