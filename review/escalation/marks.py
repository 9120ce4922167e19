"""The marks of clocks as they pass: warnings, breaches and steps, a batch of cases at a time, each effect once."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit.rules import Action
from review.configuration.service import ConfigCache
from review.escalation import ladder, queries
from review.escalation.ladder import TellClosed
from review.escalation.queries import Effects
from review.escalation.rules import ClockRow, Clocks, due_marks, number_of
from review.kernel.db import UNREACHABLE, driver_of
from review.kernel.events import EventKind
from review.kernel.timers import TimerKind
from review.sla.rules import DUE, FIRST_CLAIM, STEP, Mark, SlaPolicy

log = logging.getLogger(__name__)

LADDERS_AT_A_TIME = 50  # cases with a step to take in one transaction, so that people wait for none of them for long


class Passing(msgspec.Struct, frozen=True, kw_only=True):
    """A case whose marks have come: when it is due, those marks in order, and when the next one comes."""

    row: ClockRow
    policy: SlaPolicy | None
    due_at: datetime
    marks: list[Mark]
    next_at: datetime | None

    @property
    def has_steps(self) -> bool:
        """Tell whether the ladder has a step to take."""
        return any(mark.key.startswith(STEP) for mark in self.marks)


async def pass_due(tx: AsyncSession, configs: ConfigCache, tell_closed: TellClosed, limit: int) -> int:
    """Let every mark that has come have its effect, in order; gives how many timers it dealt with.

    Effects, marks and timers are of one transaction. A case that cannot be worked out, or whose step fails, is put off
    by a minute, and the others are not held up. Cases whose seats somebody has locked are left for the next sweep.
    """
    rows = await queries.lock_due(tx, limit)
    if not rows:
        return 0
    effects, running = Effects(), Clocks()
    passing = [found for row in rows if (found := await _examine(row, configs, running, effects))]
    for each in passing:
        if not each.has_steps:
            _settle(each, _pass_plain(each, each.marks, effects), effects)
    climbing = [each for each in passing if each.has_steps]
    left = await _climb(tx, climbing, configs, tell_closed, effects)
    await effects.write(await driver_of(tx))
    return len(rows) - left


async def _examine(row: ClockRow, configs: ConfigCache, running: Clocks, effects: Effects) -> Passing | None:
    """Work out what has come on a case's clock; None where there is nothing to do but to end or move the timer."""
    if row.state != "open":
        effects.end(row)
        return None
    if row.is_stale:
        details = {"timer": TimerKind.DUE, "generation": row.generation, "now": row.clock_generation}
        effects.note(row, Action.CLOCK_STALE, details)
        effects.end(row)
        return None
    try:
        config = await configs.get(row.project_id, row.version)
        policy = config.sla_policies.get(row.sla_policy) if row.sla_policy else None
        clock = running.run(policy, row)
    except UNREACHABLE:
        raise  # that is not this clock's fault, and the next sweep has another connection
    except Exception:
        log.exception("the clock of item %s cannot be worked out; it is tried again in a minute", row.item_id)
        effects.put_off(row, None)
        return None
    if clock is None:
        effects.end(row)
        return None
    due_at, marks = clock
    come, next_at = due_marks(marks, row.passed, row.at)
    return Passing(row=row, policy=policy, due_at=due_at, marks=come, next_at=next_at)


def _settle(each: Passing, passed: Sequence[str], effects: Effects) -> None:
    """Keep which marks have passed, and set the timer to the next or let it go."""
    if each.next_at is None:
        effects.end(each.row, passed)
    else:
        effects.put_off(each.row, each.next_at, passed)


def _pass_plain(each: Passing, marks: Sequence[Mark], effects: Effects) -> list[str]:
    """Warn and tell of breaches, for marks that are no steps; gives their keys."""
    row = each.row
    for mark in marks:
        told: dict[str, Any] = {"policy": row.sla_policy, "due_at": each.due_at}
        if mark.key == DUE:
            told["target"] = "decide"
            effects.note(row, Action.CASE_BREACHED, told, EventKind.SLA_BREACHED)
        elif mark.key != FIRST_CLAIM:
            told["mark"] = mark.key
            effects.note(row, Action.CASE_WARNED, told, EventKind.SLA_WARNING)
        elif row.is_unclaimed:
            told = {"policy": row.sla_policy, "due_at": mark.at, "target": "first_claim"}
            effects.note(row, Action.CASE_BREACHED, told, EventKind.SLA_BREACHED)
    return [mark.key for mark in marks]


async def _climb(
    tx: AsyncSession,
    climbing: Sequence[Passing],
    configs: ConfigCache,
    tell_closed: TellClosed,
    effects: Effects,
) -> int:
    """Take the steps of cases of which every seat can be had, each in a savepoint; gives how many cases were left."""
    if not climbing:
        return 0
    now, later = climbing[:LADDERS_AT_A_TIME], climbing[LADDERS_AT_A_TIME:]
    ours = await queries.lock_seats_of(tx, [each.row.case for each in now])
    left = len(later)
    for each in now:
        if each.row.case_id not in ours:
            left += 1
            continue
        apart = Effects()
        try:
            async with tx.begin_nested():
                await _climb_one(tx, each, configs, tell_closed, apart)
        except UNREACHABLE:
            raise
        except Exception:
            log.exception("item %s could not be escalated; it is tried again in a minute", each.row.item_id)
            effects.put_off(each.row, None)
            continue
        effects.add(apart)
    return left


async def _climb_one(
    tx: AsyncSession,
    each: Passing,
    configs: ConfigCache,
    tell_closed: TellClosed,
    effects: Effects,
) -> None:
    """Pass every mark of a case in order, steps among them, until it is decided, or somebody has judged it already."""
    case, passed = each.row.case, list[str]()
    config = await configs.get(case.project_id, case.active_version)
    steps = each.policy.ladder if each.policy is not None else None
    for mark in each.marks:
        if not mark.key.startswith(STEP):
            passed += _pass_plain(each, [mark], effects)
        elif steps is not None and mark.key not in case.passed:
            climb = ladder.Climb(ladder=steps, config=config, cause=ladder.Cause(), tell_closed=tell_closed)
            climbed = await ladder.climb(tx, climb, case, number_of(mark.key))
            case, passed = climbed.case, [*passed, *climbed.marks]
            if climbed.waits_until is not None:
                effects.put_off(each.row, climbed.waits_until, passed)
                return
            if climbed.is_decided:
                effects.end(each.row, passed)
                return
    _settle(each, passed, effects)
