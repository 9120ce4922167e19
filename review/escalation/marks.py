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
from review.escalation.rules import STEP, ClockRow, due_marks, number_of
from review.kernel.db import driver_of
from review.kernel.events import EventKind
from review.kernel.timers import TimerKind
from review.sla import rules as sla
from review.sla.rules import DUE, FIRST_CLAIM, Clock, Mark, SlaPolicy

log = logging.getLogger(__name__)

LADDERS_AT_A_TIME = 50  # cases with a step to take in one transaction, so that people wait for none of them for long


class Passing(msgspec.Struct, frozen=True, kw_only=True):
    """A case whose marks have come: its clock, those marks in order, and when the next one comes."""

    row: ClockRow
    policy: SlaPolicy | None
    clock: Clock
    marks: tuple[Mark, ...]
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
    effects = Effects()
    passing = [found for row in rows if (found := await _examine(row, configs, effects))]
    for each in passing:
        if not each.has_steps:
            _settle(each, each.row, _pass_plain(each, each.marks, effects), effects)
    climbing = [each for each in passing if each.has_steps]
    left = await _climb(tx, climbing, configs, tell_closed, effects)
    await effects.write(await driver_of(tx))
    return len(rows) - left


async def _examine(row: ClockRow, configs: ConfigCache, effects: Effects) -> Passing | None:
    """Work out what has come on a case's clock; None where there is nothing to do but to end or move the timer."""
    if row.state != "open":
        effects.end(row)
        return None
    if row.is_stale:
        details = {"timer": TimerKind.DUE.value, "generation": row.generation, "now": row.clock_generation}
        effects.note(row.case, Action.CLOCK_STALE, details)
        effects.end(row)
        return None
    try:
        config = await configs.get(row.case.project_id, row.case.version)
        policy = config.sla_policies.get(row.case.sla_policy) if row.case.sla_policy else None
        clock = sla.run(policy, row.facts)
    except Exception:
        log.exception("the clock of item %s cannot be worked out; it is tried again in a minute", row.case.item_id)
        effects.put_off(row, None)
        return None
    if clock is None:
        effects.end(row)
        return None
    marks, next_at = due_marks(clock, row.case.passed, row.at)
    return Passing(row=row, policy=policy, clock=clock, marks=tuple(marks), next_at=next_at)


def _settle(each: Passing, row: ClockRow, passed: Sequence[str], effects: Effects) -> None:
    """Keep which marks have passed, and set the timer to the next or let it go."""
    effects.mark(row.case, passed, is_breached=DUE in passed)
    if each.next_at is None:
        effects.end(row)
    else:
        effects.put_off(row, each.next_at)


def _pass_plain(each: Passing, marks: Sequence[Mark], effects: Effects) -> list[str]:
    """Warn and tell of breaches, for marks that are no steps; gives their keys."""
    case = each.row.case
    for mark in marks:
        told: dict[str, Any] = {"policy": case.sla_policy, "due_at": each.clock.due_at}
        if mark.key == FIRST_CLAIM:
            if each.row.is_unclaimed:
                told = {**told, "target": "first_claim", "due_at": mark.at}
                effects.note(case, Action.CASE_BREACHED, told)
                effects.tell(case, EventKind.SLA_BREACHED, told)
        elif mark.key == DUE:
            told["target"] = "decide"
            effects.note(case, Action.CASE_BREACHED, told)
            effects.tell(case, EventKind.SLA_BREACHED, told)
        else:
            told["mark"] = mark.key
            effects.note(case, Action.CASE_WARNED, told)
            effects.tell(case, EventKind.SLA_WARNING, told)
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
        if each.row.case.id not in ours:
            left += 1
            continue
        apart = Effects()
        try:
            async with tx.begin_nested():
                await _climb_one(tx, each, configs, tell_closed, apart)
        except Exception:
            log.exception("item %s could not be escalated; it is tried again in a minute", each.row.case.item_id)
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
    """Pass every mark of a case in order, steps among them, until it is decided."""
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
            if climbed.is_decided:
                effects.mark(case, passed, is_breached=DUE in passed)
                effects.end(each.row)
                return
    _settle(each, each.row, passed, effects)
