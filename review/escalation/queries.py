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
from review.sla.rules import DUE, FIRST_CLAIM

POSTPONED = timedelta(minutes=1)  # until a case that could not be dealt with is tried again

# One look into the index for each kind, so that a sweep with nothing to do is one short statement.
LIST_DUE_KINDS = """
SELECT kind FROM unnest($1::text[]) AS k(kind)
WHERE EXISTS (SELECT FROM timers t WHERE t.kind = k.kind AND t.fire_at <= now())
"""

# In the order of the index (kind, fire_at), which stops at the limit. Timer and case are locked together; what another
# transaction holds is passed over, and never waited for.
LOCK_DUE = f"""
SELECT t.project_id, t.subject_id, t.generation, now(), c.item_id, c.state, c.pool, c.priority, c.reviews_required,
  c.sla_policy, c.escalation_level, c.clock_generation, c.paused_at, c.marks_passed, c.acknowledged_by,
  coalesce(c.clock_started_at, c.opened_at), coalesce(c.clock_version, i.config_version), p.config_version,
  (b.route ->> 'priority')::int, b.details ->> 'respond_by',
  ARRAY(SELECT s.paused_at FROM clock_pauses s WHERE s.project_id = c.project_id AND s.case_id = c.id
        ORDER BY s.paused_at),
  ARRAY(SELECT s.resumed_at FROM clock_pauses s WHERE s.project_id = c.project_id AND s.case_id = c.id
        ORDER BY s.paused_at),
  CASE WHEN c.first_claim_due_at IS NOT NULL AND NOT '{FIRST_CLAIM}' = ANY (c.marks_passed) THEN NOT EXISTS (
    SELECT FROM assignments a WHERE a.project_id = c.project_id AND a.item_id = c.item_id AND a.claimed_at IS NOT NULL)
  END
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
WITH said AS MATERIALIZED (
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::uuid[], $7::text[], $16::int[])
    AS g(project_id, item_id, details, entry_id, action, event_id, kind, config_version)
), turned AS MATERIALIZED (
  SELECT * FROM unnest($8::uuid[], $9::uuid[], $10::int[], $11::text[], $12::boolean[], $13::boolean[],
                       $14::timestamptz[])
    AS g(project_id, case_id, generation, marks, is_breached, ends, fire_at)
), noted AS (
  INSERT INTO audit_entries (project_id, id, actor_kind, actor_name, config_version, action, item_id, details)
  SELECT project_id, entry_id, '{TIMER.kind}', '{TIMER.name}', config_version, action, item_id, details::json FROM said
), told AS (
  INSERT INTO events (project_id, id, kind, item_id, payload)
  SELECT project_id, event_id, kind, item_id, details::json FROM said WHERE event_id IS NOT NULL
), marked AS (
  UPDATE cases c SET marks_passed = c.marks_passed || string_to_array(g.marks, ','),
                     breached_at = CASE WHEN g.is_breached THEN coalesce(c.breached_at, now()) ELSE c.breached_at END
  FROM turned g WHERE g.marks <> '' AND c.project_id = g.project_id AND c.id = g.case_id
), ended AS (
  DELETE FROM timers t USING turned g
  WHERE g.ends AND t.project_id = g.project_id AND t.kind = '{TimerKind.DUE}' AND t.subject_id = g.case_id
    AND t.generation = g.generation
)
UPDATE timers t SET fire_at = coalesce(g.fire_at, now() + $15::interval)
FROM turned g
WHERE NOT g.ends AND t.project_id = g.project_id AND t.kind = '{TimerKind.DUE}' AND t.subject_id = g.case_id
  AND t.generation = g.generation
"""

_json = msgspec.json.Encoder().encode


class Effects(msgspec.Struct):
    """What becomes of cases whose marks have passed, in the order in which it happens: the rows of `WRITE`."""

    said: list[tuple[UUID, UUID, str, UUID, str, UUID | None, str | None]] = []
    versions: list[int] = []
    turned: list[tuple[UUID, UUID, int, str, bool, bool, datetime | None]] = []

    def note(self, row: ClockRow, action: Action, details: dict[str, Any], tells: EventKind | None = None) -> None:
        """Add an audit entry by the timer, and an event that says the same, if it is to be told."""
        event_id = None if tells is None else new_id()
        self.said.append((row.project_id, row.item_id, _json(details).decode(), new_id(), action, event_id, tells))
        self.versions.append(row.version)

    def end(self, row: ClockRow, passed: Sequence[str] = ()) -> None:
        """Keep which marks have passed, and let the timer go."""
        breached = DUE in passed
        self.turned.append((row.project_id, row.case_id, row.generation, ",".join(passed), breached, True, None))

    def put_off(self, row: ClockRow, fire_at: datetime | None, passed: Sequence[str] = ()) -> None:
        """Keep which marks have passed, and have the timer fire again; without a time, in a minute."""
        breached = DUE in passed
        self.turned.append((row.project_id, row.case_id, row.generation, ",".join(passed), breached, False, fire_at))

    def add(self, other: "Effects") -> None:
        """Take over what was gathered apart."""
        self.said += other.said
        self.versions += other.versions
        self.turned += other.turned

    async def write(self, hot: Hot) -> None:
        """Write all of it, in one statement."""
        await hot.execute(WRITE, *_columns(self.said), *_columns(self.turned), POSTPONED, self.versions)


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return list(zip(*rows, strict=True)) if rows else [()] * 7


async def list_due_kinds(hot: Hot, kinds: Sequence[TimerKind]) -> set[TimerKind]:
    """Tell which kinds have a timer that is due."""
    return {TimerKind(row["kind"]) for row in await hot.fetch(LIST_DUE_KINDS, [kind.value for kind in kinds])}


async def lock_due(tx: AsyncSession, limit: int) -> list[ClockRow]:
    """Lock clock timers that are due, with their cases, the longest due first.

    What another transaction holds is left for the next sweep.
    """
    return [ClockRow(*row) for row in await (await driver_of(tx)).fetch(LOCK_DUE.format(limit=limit))]


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
