"""What time and people do to a case that nobody decides: sweeping due timers, escalating by hand, acknowledging."""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action
from review.configuration.service import ConfigCache
from review.escalation import clocks, ladder, ladder_queries, marks, queries, questions, recomputing
from review.escalation.errors import NothingEscalated
from review.escalation.ladder import TellClosed
from review.escalation.rules import Case, untaken
from review.identity.rules import Principal
from review.items import service as items
from review.items.errors import ItemClosed
from review.kernel import outbox
from review.kernel.db import UNREACHABLE, Database, driver_of
from review.kernel.events import EventKind
from review.kernel.sentences import say
from review.kernel.timers import TimerKind
from review.queueing import mentions, snoozing
from review.queueing import queries as queue_queries
from review.queueing import service as queueing
from review.queueing.rules import Act, AssignmentState, raised

log = logging.getLogger(__name__)

BATCH = 500
RESUMES_AT_A_TIME = 50  # each is a handful of statements, and its case is locked until the last of them is done


class Sweeping(msgspec.Struct, frozen=True):
    """What a sweep works with besides its transactions."""

    db: Database
    configs: ConfigCache
    tell_closed: TellClosed


# Deals with a batch of up to so many timers, and gives how many it dealt with.
Handler = Callable[[AsyncSession, Sweeping, int], Awaitable[int]]


class Swept(msgspec.Struct, frozen=True):
    """How many timers of each kind a sweep dealt with; of `recomputed`, how many open clocks it looked at."""

    leases: int
    due: int
    resumed: int = 0
    returned: int = 0
    recomputed: int = 0


class Acknowledged(msgspec.Struct, frozen=True):
    """Who said first that they know of an item's escalation, and when."""

    acknowledged_at: datetime
    acknowledged_by: str


async def _lapse(tx: AsyncSession, _sweeping: Sweeping, limit: int) -> int:
    return await queueing.lapse_due(tx, limit)


async def _return(tx: AsyncSession, _sweeping: Sweeping, limit: int) -> int:
    return await snoozing.return_due(tx, limit)


async def _pass_marks(tx: AsyncSession, sweeping: Sweeping, limit: int) -> int:
    return await marks.pass_due(tx, sweeping.configs, sweeping.tell_closed, limit)


async def _resume(tx: AsyncSession, sweeping: Sweeping, limit: int) -> int:
    """End pauses whose time is up, each in a savepoint; one that fails is put off by a minute."""
    timers = await queries.lock_resumes(tx, min(limit, RESUMES_AT_A_TIME))
    for project_id, case_id, generation in timers:
        key: dict[str, Any] = {"project_id": project_id, "case_id": case_id, "generation": generation}
        try:
            async with tx.begin_nested():
                await clocks.fire_resume(tx, sweeping.configs, **key)
        except UNREACHABLE:
            raise
        except Exception:
            log.exception("the clock of case %s could not be resumed; it is tried again in a minute", case_id)
            await queries.put_off_resume(tx, **key)
    return len(timers)


async def _recompute(tx: AsyncSession, sweeping: Sweeping, limit: int) -> int:
    return await recomputing.recompute_due(tx, sweeping.configs, limit)


async def _give_up(tx: AsyncSession, sweeping: Sweeping, limit: int) -> int:
    return await questions.lapse_due(tx, sweeping.configs, limit)


# In this order, so that a clock that runs on, or elsewhere, is looked at in the same sweep.
HANDLERS: Mapping[TimerKind, Handler] = {
    TimerKind.LEASE: _lapse,
    TimerKind.SNOOZE: _return,
    TimerKind.RESUME: _resume,
    TimerKind.QUESTION: _give_up,
    TimerKind.RECOMPUTE: _recompute,
    TimerKind.DUE: _pass_marks,
}


def _tell_nobody(_item_ids: Sequence[UUID]) -> None:
    """Hint at nothing; whoever waits finds out at their next look."""


async def sweep(db: Database, configs: ConfigCache | None = None, tell_closed: TellClosed = _tell_nobody) -> Swept:
    """Act on everything that is due, in order, a batch of each kind at a time.

    Any number may run at once: each timer is one's alone while its batch lasts. Effect and timer go in one
    transaction, so a crash repeats or keeps both. What somebody has locked is left for the next sweep.
    """
    sweeping = Sweeping(db, configs or ConfigCache(db), tell_closed)
    dealt_with: Counter[TimerKind] = Counter()
    failures: list[Exception] = []
    waiting = await queries.list_due_kinds(db.hot, tuple(HANDLERS))
    if waiting & {TimerKind.RESUME, TimerKind.QUESTION, TimerKind.RECOMPUTE}:
        waiting.add(TimerKind.DUE)
    while waiting:
        for kind in [each for each in HANDLERS if each in waiting]:
            try:
                async with db.transaction() as tx:
                    dealt = await HANDLERS[kind](tx, sweeping, BATCH)
            except Exception as failure:  # noqa: BLE001  told below, once the other kinds have had their turn
                failures.append(failure)
                waiting.discard(kind)
                continue
            dealt_with[kind] += dealt
            if not dealt or not await queries.list_due_kinds(db.hot, (kind,)):
                waiting.discard(kind)
    if failures:
        raise failures[0]
    return Swept(
        leases=dealt_with[TimerKind.LEASE],
        due=dealt_with[TimerKind.DUE],
        resumed=dealt_with[TimerKind.RESUME],
        returned=dealt_with[TimerKind.SNOOZE],
        recomputed=dealt_with[TimerKind.RECOMPUTE],
    )


async def escalate(
    tx: AsyncSession, configs: ConfigCache, *, who: Principal, assignment_id: UUID, fence: int, reason: str
) -> int:
    """Hand a case on by the next step of its ladder; gives the new escalation level.

    The caller's seat goes back and is not offered to them again. Of the ladder's steps the first is taken that was not
    taken yet and does not decide; where there is none, or no ladder, the priority rises.

    Raises:
        NotAPerson (403), AssignmentNotFound (404), LeaseLost (409).
    """
    seat = await queueing.lock_held(tx, who=who, assignment_id=assignment_id, fence=fence, act=Act.ESCALATE)
    await queue_queries.settle(tx, who.project_id, seat, AssignmentState.OPEN, part="skipped")
    case = await ladder_queries.lock_case(tx, who.project_id, seat.case_id)
    is_blind = await queue_queries.is_judged_by_several(tx, who.project_id, seat.case_id)
    told = "" if is_blind else reason  # an event reaches people who are still to judge
    after = await _take_next(tx, configs, who, case, told) or await _raise(tx, who, case, told)
    was = {"priority": case.priority, "level": case.level, "pool": case.pool}
    facts = {"reason": reason, "priority": after.priority, "level": after.level, "was": was}
    if after.pool != case.pool:
        facts["to"] = after.pool
    queueing.note(tx, who, Action.CASE_ESCALATED, seat, **facts)
    await mentions.announce(tx, who, item_id=seat.item_id, pool=after.pool, comment=reason, is_blind=is_blind)
    return after.level


async def _take_next(tx: AsyncSession, configs: ConfigCache, who: Principal, case: Case, reason: str) -> Case | None:
    """Take the first step of the case's ladder that a person may bring forward; None where none reaches anybody."""
    config = await configs.get(case.project_id, case.version)
    policy = config.sla_policies.get(case.sla_policy) if case.sla_policy else None
    steps = policy.ladder if policy is not None else None
    numbers = untaken(steps, case.passed) if steps is not None else []
    if steps is None or not numbers:
        return None
    active = await configs.get(case.project_id, case.active_version)
    cause = ladder.Cause(who.actor, reason)
    climb = ladder.Climb(ladder=steps, config=active, cause=cause, tell_closed=_tell_nobody)
    climbed = await ladder.climb(tx, climb, case, numbers[0])
    await ladder_queries.mark(tx, case, climbed.marks)
    return climbed.case if climbed.is_taken else None


async def _raise(tx: AsyncSession, who: Principal, case: Case, reason: str) -> Case:
    """Raise the case's priority, where no step of a ladder says what else there is to do."""
    priority = raised(case.priority)
    after = msgspec.structs.replace(case, priority=priority)
    after = msgspec.structs.replace(after, level=await ladder_queries.change(tx, case, after))
    done = [f"changed its priority from {case.priority} to {priority}"] if priority != case.priority else []
    payload = {
        "level": after.level,
        "priority": priority,
        "pool": after.pool,
        "step": None,
        "policy": None,
        "by": who.actor.name,
        "reason": reason,
        "done": done,
        "notify": [],
        "page": [],
    }
    outbox.emit(tx, case.project_id, EventKind.ESCALATED, item_id=case.item_id, payload=payload)
    return after


async def acknowledge(tx: AsyncSession, *, who: Principal, item_id: UUID) -> Acknowledged:
    """Say that a person knows of an open item's escalation and sees to it; whoever is first is kept.

    From then on no step pages anybody about it, and steps that would only notify stay silent.

    Raises:
        NotAPerson: a service key (403); ItemNotFound: it is not the caller's to see (404);
        NothingEscalated: it has not been escalated (409); ItemClosed: it was decided or withdrawn meanwhile (409).
    """
    queueing.check_person(who)
    await items.get_detail(await driver_of(tx), who=who, item_id=item_id, base_url="")
    first = await ladder_queries.acknowledge(tx, who.project_id, item_id, who.actor.name)
    if first is not None:
        details = {"at": first.acknowledged_at.isoformat()}
        audit.record(tx, who.project_id, who.actor, Action.ESCALATION_ACKNOWLEDGED, item_id=item_id, details=details)
        return Acknowledged(first.acknowledged_at, first.acknowledged_by)
    found = await ladder_queries.find_acknowledged(tx, who.project_id, item_id)
    if found is not None and found.acknowledged_at is not None:
        return Acknowledged(found.acknowledged_at, found.acknowledged_by)
    if found is not None and found.escalation_level > 0:
        message = say(
            "Item %(item_id)s is closed, so there is nothing left to see to. Nothing was changed.", item_id=item_id
        )
        raise ItemClosed(message)
    message = say(
        "Item %(item_id)s has not been escalated, so there is nothing to acknowledge. Nothing was changed.",
        item_id=item_id,
    )
    raise NothingEscalated(message)
