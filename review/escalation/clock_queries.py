"""Reading, locking and moving the clocks of cases.

The order of locks is that of everything on a case: its seats by id, then the item, then the case. Timers come last and
are never waited for: one that a sweep has in hand is left to it, and does nothing there, for its generation is over.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from review.audit.rules import Action
from review.escalation.clock_rules import STARTED, CaseClock, Movement, Setting
from review.identity.rules import Principal
from review.items.blindness import pause_words
from review.kernel.db import Hot
from review.kernel.timers import TimerKind
from review.queueing.snooze_rules import BEFORE_DUE
from review.sla.rules import Facts, Pause

# Cases of before there were clocks have started with their opening, under the item's own configuration. {words} is why
# each pause was made, as whoever asks may hear it.
_CLOCK = """
  c.project_id, c.id AS case_id, c.item_id, i.state AS item_state, c.sla_policy AS policy,
  c.due_at, c.first_claim_due_at, c.warn_at, c.paused_at, c.closed_at, c.marks_passed, c.clock_generation AS generation,
  coalesce(c.clock_version, i.config_version) AS version, i.config_version AS first_version,
  (SELECT config_version FROM projects WHERE projects.id = c.project_id) AS active_version,
  coalesce(c.clock_started_at, c.opened_at) AS started_at, (b.route ->> 'priority')::int AS priority,
  b.details ->> 'respond_by' AS respond_by,
  ARRAY(SELECT k.paused_at FROM clock_pauses k WHERE k.project_id = c.project_id AND k.case_id = c.id
        ORDER BY k.paused_at) AS pauses,
  ARRAY(SELECT k.resumed_at FROM clock_pauses k WHERE k.project_id = c.project_id AND k.case_id = c.id
        ORDER BY k.paused_at) AS resumptions,
  ARRAY(SELECT {words} FROM clock_pauses k WHERE k.project_id = c.project_id AND k.case_id = c.id
        ORDER BY k.paused_at) AS reasons,
  (SELECT k.resume_at FROM clock_pauses k WHERE k.project_id = c.project_id AND k.case_id = c.id
   AND k.paused_at = c.paused_at) AS resume_at,
  clock_timestamp() AS at
FROM cases c
JOIN items i ON i.project_id = c.project_id AND i.id = c.item_id
JOIN item_bodies b ON b.project_id = c.project_id AND b.item_id = c.item_id
"""

CLOCK = _CLOCK.format(words="k.reason")
GET_CLOCK = f"SELECT {_CLOCK.format(words=pause_words('$3', '$4'))} WHERE c.project_id = $1 AND c.item_id = $2"
LOCK_CLOCK = f"SELECT {CLOCK} WHERE c.project_id = $1 AND c.item_id = $2 FOR UPDATE OF c"

LIST_MOVEMENTS = f"""
SELECT at, actor_name, action, details::text AS details FROM audit_entries
WHERE project_id = $1 AND item_id = $2
  AND action IN ('{Action.ITEM_SUBMITTED}', '{Action.CLOCK_PAUSED}', '{Action.CLOCK_RESUMED}', '{Action.CLOCK_MOVED}')
ORDER BY at, id
"""

LOCK_SEATS = "SELECT id FROM assignments WHERE project_id = $1 AND item_id = $2 ORDER BY id FOR UPDATE"
LOCK_ITEM = "SELECT id FROM items WHERE project_id = $1 AND id = $2 FOR UPDATE"
FIND_ITEM = "SELECT item_id FROM cases WHERE project_id = $1 AND id = $2"

STOP = """
UPDATE cases SET paused_at = $3, clock_generation = clock_generation + 1 WHERE project_id = $1 AND id = $2
"""
REMEMBER_PAUSE = """
INSERT INTO clock_pauses (project_id, case_id, paused_at, resume_at, reason, paused_by) VALUES ($1, $2, $3, $4, $5, $6)
"""
END_PAUSE = """
UPDATE clock_pauses SET resumed_at = $3 WHERE project_id = $1 AND case_id = $2 AND resumed_at IS NULL
"""

SET_CLOCKS = """
UPDATE cases c SET due_at = g.due_at, first_claim_due_at = g.first_claim_due_at, warn_at = g.warn_at, paused_at = NULL,
                   clock_version = g.version, clock_generation = g.generation
FROM unnest($2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], $6::int[], $7::int[])
  AS g(id, due_at, first_claim_due_at, warn_at, version, generation)
WHERE c.project_id = $1 AND c.id = g.id
"""
SET_VERSION = "UPDATE cases SET clock_version = $3 WHERE project_id = $1 AND id = ANY($2::uuid[])"

# A null due time puts the seats behind the others of their priority. What is put aside comes back before its new due.
SET_SEATS = f"""
WITH seats AS (
  UPDATE assignments a SET due_at = coalesce(g.due_at, 'infinity')
  FROM unnest($2::uuid[], $3::timestamptz[]) AS g(item_id, due_at)
  WHERE a.project_id = $1 AND a.item_id = g.item_id AND a.state IN ('open', 'held')
  RETURNING a.id, a.fence, a.aside_fence, a.due_at - interval '{BEFORE_DUE.seconds} s' AS back_by
)
UPDATE timers t SET fire_at = greatest(now(), back_by) FROM seats
WHERE t.project_id = $1 AND t.kind = '{TimerKind.SNOOZE}' AND t.subject_id = seats.id AND t.generation = seats.fence
  AND seats.aside_fence = seats.fence AND t.fire_at > back_by
"""
END_TIMERS = f"""
DELETE FROM timers t USING (
  SELECT project_id, kind, subject_id, generation FROM timers
  WHERE project_id = $1 AND kind IN ('{TimerKind.DUE}', '{TimerKind.RESUME}') AND subject_id = ANY($2::uuid[])
  FOR UPDATE SKIP LOCKED
) free
WHERE t.project_id = free.project_id AND t.kind = free.kind AND t.subject_id = free.subject_id
  AND t.generation = free.generation
"""
SET_TIMERS = """
INSERT INTO timers (project_id, kind, subject_id, generation, fire_at)
SELECT $1, $2, * FROM unnest($3::uuid[], $4::int[], $5::timestamptz[])
"""
END_RESUME = f"""
DELETE FROM timers WHERE project_id = $1 AND kind = '{TimerKind.RESUME}' AND subject_id = $2 AND generation = $3
"""


async def find_clock(hot: Hot, who: Principal, item_id: UUID) -> CaseClock | None:
    """Read the clock of an item's case without locking it; None where there is no case.

    The reasons of its pauses are empty where the caller should not hear them before they have judged.
    """
    row = await hot.fetchrow(GET_CLOCK, who.project_id, item_id, who.id, who.is_blind)
    return None if row is None else case_clock(row)


async def lock_clock(driver: Hot, project_id: UUID, item_id: UUID) -> CaseClock | None:
    """Lock an item's case after its seats and the item, and read its clock and the database's time."""
    await driver.execute(LOCK_SEATS, project_id, item_id)
    await driver.execute(LOCK_ITEM, project_id, item_id)
    row = await driver.fetchrow(LOCK_CLOCK, project_id, item_id)
    return None if row is None else case_clock(row)


async def find_item(hot: Hot, project_id: UUID, case_id: UUID) -> UUID | None:
    """Tell which item a case is of."""
    found: UUID | None = await hot.fetchval(FIND_ITEM, project_id, case_id)
    return found


async def stop(driver: Hot, case: CaseClock, at: datetime, reason: str, by: str, until: datetime | None) -> None:
    """Stop a locked clock: no timer of it fires any more but the one that ends the pause, if there is to be one."""
    await driver.execute(STOP, case.project_id, case.case_id, at)
    await driver.execute(REMEMBER_PAUSE, case.project_id, case.case_id, at, until, reason, by)
    await driver.execute(SET_SEATS, case.project_id, [case.item_id], [None])
    await driver.execute(END_TIMERS, case.project_id, [case.case_id])
    if until is not None:
        given = ([case.case_id], [case.generation + 1], [until])
        await driver.execute(SET_TIMERS, case.project_id, TimerKind.RESUME.value, *given)


async def end_pause(driver: Hot, case: CaseClock, at: datetime) -> None:
    """Remember when the pause of a locked clock ended."""
    await driver.execute(END_PAUSE, case.project_id, case.case_id, at)


async def set_clocks(driver: Hot, project_id: UUID, settings: Sequence[Setting]) -> None:
    """Set locked clocks, and with them what their seats are ordered by and the timers of their next marks."""
    cases = [each.case for each in settings]
    clocks = [each.clock for each in settings]
    due = [clock.due_at if clock else None for clock in clocks]
    await driver.execute(
        SET_CLOCKS,
        project_id,
        [case.case_id for case in cases],
        due,
        [clock.first_claim_due_at if clock else None for clock in clocks],
        [clock.warn_at if clock else None for clock in clocks],
        [each.version for each in settings],
        [case.generation + 1 for case in cases],
    )
    await driver.execute(SET_SEATS, project_id, [case.item_id for case in cases], due)
    await driver.execute(END_TIMERS, project_id, [case.case_id for case in cases])
    marks = [(each.case, each.next_mark) for each in settings if each.next_mark is not None]
    await driver.execute(
        SET_TIMERS,
        project_id,
        TimerKind.DUE.value,
        [case.case_id for case, _ in marks],
        [case.generation + 1 for case, _ in marks],
        [mark.at for _, mark in marks],
    )


async def set_version(driver: Hot, project_id: UUID, case_ids: list[UUID], version: int) -> None:
    """Note of locked clocks that they run by another version, to the same moments."""
    await driver.execute(SET_VERSION, project_id, case_ids, version)


async def end_resume(driver: Hot, project_id: UUID, case_id: UUID, generation: int) -> None:
    """Delete the timer of a pause."""
    await driver.execute(END_RESUME, project_id, case_id, generation)


async def list_movements(hot: Hot, project_id: UUID, item_id: UUID) -> list[Movement]:
    """Read what started, stopped and moved an item's clock, oldest first."""
    rows = await hot.fetch(LIST_MOVEMENTS, project_id, item_id)
    return [
        msgspec.convert(
            {
                **msgspec.json.decode(row["details"]),
                "at": row["at"],
                "by": row["actor_name"],
                "action": STARTED if row["action"] == Action.ITEM_SUBMITTED else row["action"],
            },
            Movement,
            strict=False,
        )
        for row in rows
    ]


def case_clock(row: Any) -> CaseClock:
    """Give a clock as a row of these statements shows it."""
    fields = dict(row)
    pauses = zip(fields.pop("pauses"), fields.pop("resumptions"), fields.pop("reasons"), strict=True)
    asked = fields.pop("respond_by")
    facts = Facts(
        started_at=fields.pop("started_at"),
        priority=fields.pop("priority"),
        respond_by=msgspec.convert(asked, datetime) if asked else None,
        pauses=tuple(Pause(at, until, reason) for at, until, reason in pauses),
    )
    return CaseClock(**fields, facts=facts)
