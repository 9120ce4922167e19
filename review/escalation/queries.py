"""Every statement of the sweep: what is due, locked in order, and the effects of a batch written at once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit.rules import TIMER, Action
from review.escalation.rules import Case, ClockRow
from review.kernel.db import Hot, driver_of
from review.kernel.events import EventKind
from review.kernel.ids import new_id
from review.kernel.timers import TimerKind
from review.sla.rules import FIRST_CLAIM, Pause

POSTPONED = timedelta(minutes=1)  # until a case that could not be dealt with is tried again

# One look into the index for each kind, so that a sweep with nothing to do is one short statement.
LIST_DUE_KINDS = """
SELECT kind FROM unnest($1::text[]) AS k(kind)
WHERE EXISTS (SELECT FROM timers t WHERE t.kind = k.kind AND t.fire_at <= now())
"""

# In the order of the index (kind, fire_at), which stops at the limit. Timer and case are locked together; what another
# transaction holds is passed over, and never waited for.
LOCK_DUE = f"""
SELECT t.project_id, t.subject_id AS case_id, t.generation, now() AS at,
  c.item_id, c.state, c.pool, c.priority, c.reviews_required, c.sla_policy, c.escalation_level, c.clock_generation,
  c.paused_at, c.marks_passed, c.acknowledged_by, coalesce(c.clock_started_at, c.opened_at) AS started_at,
  coalesce(c.clock_version, i.config_version) AS version, p.config_version AS active_version,
  (b.route ->> 'priority')::int AS arrival_priority, b.details ->> 'respond_by' AS respond_by,
  ARRAY(SELECT s.paused_at FROM clock_pauses s WHERE s.project_id = c.project_id AND s.case_id = c.id
        ORDER BY s.paused_at) AS paused,
  ARRAY(SELECT s.resumed_at FROM clock_pauses s WHERE s.project_id = c.project_id AND s.case_id = c.id
        ORDER BY s.paused_at) AS resumed,
  CASE WHEN c.first_claim_due_at IS NOT NULL AND NOT '{FIRST_CLAIM}' = ANY (c.marks_passed) THEN NOT EXISTS (
    SELECT FROM assignments a WHERE a.project_id = c.project_id AND a.item_id = c.item_id AND a.fence > 0)
  END AS is_unclaimed
FROM timers t
JOIN cases c ON c.project_id = t.project_id AND c.id = t.subject_id
JOIN items i ON i.project_id = c.project_id AND i.id = c.item_id
JOIN item_bodies b ON b.project_id = c.project_id AND b.item_id = c.item_id
JOIN projects p ON p.id = t.project_id
WHERE t.kind = '{TimerKind.DUE}' AND t.fire_at <= now()
ORDER BY t.fire_at LIMIT {{limit:d}} FOR UPDATE OF t, c SKIP LOCKED
"""

LOCK_RESUMES = f"""
SELECT project_id, subject_id, generation FROM timers
WHERE kind = '{TimerKind.RESUME}' AND fire_at <= now() ORDER BY fire_at LIMIT {{limit:d}} FOR UPDATE SKIP LOCKED
"""
PUT_OFF_RESUME = f"""
UPDATE timers SET fire_at = now() + $4
WHERE project_id = $1 AND kind = '{TimerKind.RESUME}' AND subject_id = $2 AND generation = $3
"""

LOCK_SEATS = """
SELECT a.project_id, a.id, a.case_id FROM unnest($1::uuid[], $2::uuid[]) AS g(project_id, item_id)
JOIN assignments a ON a.project_id = g.project_id AND a.item_id = g.item_id
ORDER BY a.id FOR UPDATE OF a SKIP LOCKED
"""
# A statement of its own, so that it sees seats that were added while the one above waited for nothing.
LIST_SEATS = """
SELECT a.id, a.case_id FROM unnest($1::uuid[], $2::uuid[]) AS g(project_id, item_id)
JOIN assignments a ON a.project_id = g.project_id AND a.item_id = g.item_id
"""

# All that a batch does, in one statement: entries, events, the cases' marks, and the timers' next turn or end.
WRITE = f"""
WITH noted AS (
  INSERT INTO audit_entries (project_id, id, actor_kind, actor_name, action, item_id, details)
  SELECT project_id, id, '{TIMER.kind}', '{TIMER.name}', action, item_id, details::json
  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[]) AS g(project_id, id, action, item_id, details)
), told AS (
  INSERT INTO events (project_id, id, kind, item_id, payload)
  SELECT project_id, id, kind, item_id, payload::json
  FROM unnest($6::uuid[], $7::uuid[], $8::text[], $9::uuid[], $10::text[]) AS g(project_id, id, kind, item_id, payload)
), marked AS (
  UPDATE cases c SET marks_passed = c.marks_passed || string_to_array(g.marks, ','),
                     breached_at = CASE WHEN g.is_breached THEN coalesce(c.breached_at, now()) ELSE c.breached_at END
  FROM unnest($11::uuid[], $12::uuid[], $13::text[], $14::boolean[]) AS g(project_id, case_id, marks, is_breached)
  WHERE c.project_id = g.project_id AND c.id = g.case_id
), ended AS (
  DELETE FROM timers t USING unnest($15::uuid[], $16::uuid[], $17::int[]) AS g(project_id, case_id, generation)
  WHERE t.project_id = g.project_id AND t.kind = '{TimerKind.DUE}' AND t.subject_id = g.case_id
    AND t.generation = g.generation
)
UPDATE timers t SET fire_at = coalesce(g.fire_at, now() + $22::interval)
FROM unnest($18::uuid[], $19::uuid[], $20::int[], $21::timestamptz[]) AS g(project_id, case_id, generation, fire_at)
WHERE t.project_id = g.project_id AND t.kind = '{TimerKind.DUE}' AND t.subject_id = g.case_id
  AND t.generation = g.generation
"""

_json = msgspec.json.Encoder().encode


class Effects(msgspec.Struct):
    """What becomes of cases whose marks have passed, gathered in the order in which it happens.

    Each field has the rows of one part of `WRITE`.
    """

    entries: list[tuple[UUID, UUID, str, UUID, str]] = []
    events: list[tuple[UUID, UUID, str, UUID, str]] = []
    marked: list[tuple[UUID, UUID, str, bool]] = []
    ended: list[tuple[UUID, UUID, int]] = []
    moved: list[tuple[UUID, UUID, int, datetime | None]] = []

    def note(self, case: Case, action: Action, details: dict[str, Any]) -> None:
        """Add an audit entry by the timer."""
        self.entries.append((case.project_id, new_id(), action.value, case.item_id, _json(details).decode()))

    def tell(self, case: Case, kind: EventKind, payload: dict[str, Any]) -> None:
        """Add an event."""
        self.events.append((case.project_id, new_id(), kind.value, case.item_id, _json(payload).decode()))

    def mark(self, case: Case, keys: Sequence[str], *, is_breached: bool) -> None:
        """Keep it that these marks of the case have passed."""
        if keys:
            self.marked.append((case.project_id, case.id, ",".join(keys), is_breached))

    def end(self, row: ClockRow) -> None:
        """Let the timer go."""
        self.ended.append((row.case.project_id, row.case.id, row.generation))

    def put_off(self, row: ClockRow, fire_at: datetime | None) -> None:
        """Have the timer fire again; without a time, in a minute."""
        self.moved.append((row.case.project_id, row.case.id, row.generation, fire_at))

    def add(self, other: "Effects") -> None:
        """Take over what was gathered apart."""
        self.entries += other.entries
        self.events += other.events
        self.marked += other.marked
        self.ended += other.ended
        self.moved += other.moved

    async def write(self, hot: Hot) -> None:
        """Write all of it, in one statement."""
        columns = [
            *_columns(self.entries, 5),
            *_columns(self.events, 5),
            *_columns(self.marked, 4),
            *_columns(self.ended, 3),
            *_columns(self.moved, 4),
        ]
        await hot.execute(WRITE, *columns, POSTPONED)


def _columns(rows: Sequence[tuple[Any, ...]], count: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(count)]


async def list_due_kinds(hot: Hot, kinds: Sequence[TimerKind]) -> set[TimerKind]:
    """Tell which kinds have a timer that is due."""
    return {TimerKind(row["kind"]) for row in await hot.fetch(LIST_DUE_KINDS, [kind.value for kind in kinds])}


async def lock_due(tx: AsyncSession, limit: int) -> list[ClockRow]:
    """Lock clock timers that are due, with their cases, the longest due first.

    What another transaction holds is left for the next sweep.
    """
    return [_clock_row(row) for row in await (await driver_of(tx)).fetch(LOCK_DUE.format(limit=limit))]


async def lock_resumes(tx: AsyncSession, limit: int) -> list[tuple[UUID, UUID, int]]:
    """Lock timers that end a pause and are due; gives project, case and generation."""
    rows = await (await driver_of(tx)).fetch(LOCK_RESUMES.format(limit=limit))
    return [(row["project_id"], row["subject_id"], row["generation"]) for row in rows]


async def put_off_resume(tx: AsyncSession, *, project_id: UUID, case_id: UUID, generation: int) -> None:
    """Have a locked timer that ends a pause fire again in a minute."""
    await (await driver_of(tx)).execute(PUT_OFF_RESUME, project_id, case_id, generation, POSTPONED)


async def lock_seats_of(tx: AsyncSession, cases: Sequence[Case]) -> set[UUID]:
    """Lock the seats of these cases without waiting; gives the ids of the cases of which every seat is ours.

    Everybody else locks a case's seats before the case; who holds the case already must not wait for them.
    """
    hot = await driver_of(tx)
    given = [case.project_id for case in cases], [case.item_id for case in cases]
    ours = {row["id"] for row in await hot.fetch(LOCK_SEATS, *given)}
    others = {row["case_id"] for row in await hot.fetch(LIST_SEATS, *given) if row["id"] not in ours}
    return {case.id for case in cases} - others


def _clock_row(row: Any) -> ClockRow:
    case = Case(
        project_id=row["project_id"],
        id=row["case_id"],
        item_id=row["item_id"],
        pool=row["pool"],
        priority=row["priority"],
        reviews_required=row["reviews_required"],
        level=row["escalation_level"],
        sla_policy=row["sla_policy"],
        version=row["version"],
        active_version=row["active_version"],
        passed=frozenset(row["marks_passed"]),
        acknowledged_by=row["acknowledged_by"],
    )
    return ClockRow(
        case=case,
        started_at=row["started_at"],
        arrival_priority=row["arrival_priority"],
        respond_by=row["respond_by"],
        pauses=tuple(map(Pause, row["paused"], row["resumed"])),
        state=row["state"],
        generation=row["generation"],
        clock_generation=row["clock_generation"],
        is_paused=row["paused_at"] is not None,
        is_unclaimed=bool(row["is_unclaimed"]),
        at=row["at"],
    )
