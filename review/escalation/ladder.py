"""Taking the steps of a ladder on a case whose seats and row are locked, past dead ends to the next that reaches."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import TIMER, Action, Actor, timer_by
from review.configuration.rules import ProjectConfig
from review.decisions import queries as decision_queries
from review.decisions import service as decisions
from review.decisions.rules import Outcome, Source, Verdict
from review.escalation import ladder_queries as queries
from review.escalation.rules import Case, Plan, following, plan_step, pool_after, step_key, told_after
from review.kernel import outbox
from review.kernel.db import after_commit
from review.kernel.events import EventKind
from review.queueing import queries as queue_queries
from review.queueing import service as queueing
from review.queueing import snoozing
from review.queueing.rules import AssignmentState, Seat, given_until
from review.sla.ladders import Fallback, Ladder, Step

TellClosed = Callable[[Sequence[UUID]], None]

TAKES_TWO = "two people must decide items of this type, so time alone may reject it and nothing else"
STOPPED = "what sends it, or its type, is stopped, so time alone may reject it and nothing else"
UNCLEARED = "nobody has cleared what made it, so time alone may reject it and nothing else"
UNREVIEWED = "unreviewed"  # the reason that flags a model's output which nobody looked at
OUTCOMES: dict[Fallback, tuple[Verdict, tuple[str, ...]]] = {
    Fallback.APPROVE: (Verdict.APPROVE, ()),
    Fallback.REJECT: (Verdict.REJECT, ()),
    Fallback.MODEL_OUTPUT: (Verdict.APPROVE, (UNREVIEWED,)),
}


class Cause(msgspec.Struct, frozen=True):
    """Who has steps taken, and why: the timer, or a person with a reason."""

    actor: Actor = TIMER
    reason: str = ""


class Climb(msgspec.Struct, frozen=True, kw_only=True):
    """A ladder and what stands around it; `config` is the project's active one, whose pools and channels there are."""

    ladder: Ladder
    config: ProjectConfig
    cause: Cause
    tell_closed: TellClosed

    @property
    def known(self) -> set[str]:
        """Name what a step may speak of: pools, and channels as steps write them."""
        return {*self.config.pools, *(f"channel:{name}" for name in self.config.channels)}


class Climbed(msgspec.Struct, frozen=True, kw_only=True):
    """Where a case stands after a step: the marks that this took, whether one was taken, and whether it is decided.

    `waits_until` is when a step may decide that waits for what somebody has judged already.
    """

    case: Case
    marks: tuple[str, ...]
    is_taken: bool
    is_decided: bool = False
    waits_until: datetime | None = None


async def climb(tx: AsyncSession, climbing: Climb, case: Case, number: int) -> Climbed:
    """Take a step, from 0, of a case's ladder; from a dead end go on to the next one at once.

    What is passed over is recorded with the reason. The case's seats and its row must be locked by the caller, who
    keeps the marks.
    """
    marks: list[str] = []
    for at in following(climbing.ladder, number, case.passed):
        step = climbing.ladder.steps[at]
        seats = await queue_queries.lock_seats(tx, case.project_id, case.item_id)
        if step.decide is not None and (until := given_until(seats)):
            return Climbed(case=case, marks=tuple(marks), is_taken=False, waits_until=until)
        marks.append(step_key(at))
        waiting = [seat for seat in seats if seat.state in {AssignmentState.OPEN, AssignmentState.HELD}]
        pool = pool_after(step, case, waiting)
        reach = await queries.find_reach(tx, case, waiting, pool=pool, targets=(*step.notify, *step.page))
        plan = plan_step(step, case, waiting, reach, climbing.known)
        if step.decide not in {None, Fallback.REJECT} and (why := await _why_withheld(tx, climbing.config, case)):
            _record(tx, climbing, case, at, Action.STEP_SKIPPED, {"why": [why]})
            continue
        if plan.is_dead_end:
            _record(tx, climbing, case, at, Action.STEP_SKIPPED, {"why": plan.dead})
            continue
        for seat in plan.reassigned:
            await _take_back(tx, climbing, case, seat, reach.holders[seat.holder_id] if seat.holder_id else "", at)
        after = await _change(tx, case, plan)
        left = [seat for seat in waiting if seat not in plan.reassigned]
        actor = _actor(climbing, case)
        await snoozing.bring_back(tx, case.project_id, left, reach.holders, actor=actor, by=_by(climbing))
        was = {"level": case.level, "priority": case.priority, "pool": case.pool}
        _tell(tx, climbing, after, at, plan, was)
        if plan.decide is not None:
            await _decide(tx, climbing, after, plan.decide, step)
        passed = case.passed | frozenset(marks)
        case = msgspec.structs.replace(after, passed=passed)
        return Climbed(case=case, marks=tuple(marks), is_taken=True, is_decided=plan.decide is not None)
    case = msgspec.structs.replace(case, passed=case.passed | frozenset(marks))
    return Climbed(case=case, marks=tuple(marks), is_taken=False)


async def _why_withheld(tx: AsyncSession, config: ProjectConfig, case: Case) -> str | None:
    """Say why time alone may not let an item through, or None where it may."""
    if await queries.takes_two(tx, case):
        return TAKES_TWO
    asked = config.clearing
    if asked.is_asked and await queries.is_uncleared(tx, case.project_id, case.item_id, asked.types):
        return UNCLEARED
    return STOPPED if await queries.is_stopped(tx, case) else None


async def _change(tx: AsyncSession, case: Case, plan: Plan) -> Case:
    after = msgspec.structs.replace(
        case,
        pool=plan.pool or case.pool,
        priority=case.priority if plan.priority is None else plan.priority,
        reviews_required=case.reviews_required + plan.seats_added,
    )
    level = await queries.change(tx, case, after)
    if plan.seats_added:
        await queries.add_seats(tx, after, plan.seats_added)
    return msgspec.structs.replace(after, level=level)


async def _take_back(tx: AsyncSession, climbing: Climb, case: Case, seat: Seat, holder: str, number: int) -> None:
    """End a holder's lease; the fence they carry is dead, and the seat is not offered to them again."""
    await queue_queries.settle(tx, case.project_id, seat, AssignmentState.OPEN, part="skipped")
    details = {"assignment_id": str(seat.id), "fence": seat.fence, "pool": seat.pool, "holder": holder}
    _record(tx, climbing, case, number, Action.ASSIGNMENT_REASSIGNED, details)
    why = f"step {number + 1} of escalation policy {climbing.ladder.name}"
    queueing.announce_return(tx, case.project_id, seat, holder=holder, reason=why, by=_by(climbing))


def _tell(tx: AsyncSession, climbing: Climb, case: Case, number: int, plan: Plan, was: dict[str, Any]) -> None:
    """Record a step that was taken, with what was before, and announce it with those whom it tells."""
    told: dict[str, Any] = {"level": case.level, "priority": case.priority, "pool": case.pool}
    names = {"notify": list(plan.notify), "page": list(plan.page)}
    _record(tx, climbing, case, number, Action.STEP_TAKEN, {"done": plan.told, "was": was, **told, **names})
    payload = {
        **told,
        "step": number + 1,
        "policy": climbing.ladder.name,
        "by": _by(climbing),
        "reason": climbing.cause.reason,
        "done": plan.told,
        **names,
    }
    outbox.emit(tx, case.project_id, EventKind.ESCALATED, item_id=case.item_id, payload=payload)


def _record(
    tx: AsyncSession, climbing: Climb, case: Case, number: int, action: Action, details: dict[str, Any]
) -> None:
    step = climbing.ladder.steps[number]
    named = {"policy": climbing.ladder.name, "step": number + 1, "after": told_after(step), "by": _by(climbing)}
    actor = _actor(climbing, case)
    audit.record(tx, case.project_id, actor, action, item_id=case.item_id, details={**named, **details})


def _actor(climbing: Climb, case: Case) -> Actor:
    """Give who acts, with the configuration that they went by: the timer's is that of the clock."""
    return timer_by(case.version) if climbing.cause.actor == TIMER else climbing.cause.actor


def _by(climbing: Climb) -> str:
    is_timer = climbing.cause.actor == TIMER
    return f"escalation policy {climbing.ladder.name}" if is_timer else climbing.cause.actor.name


async def _decide(tx: AsyncSession, climbing: Climb, case: Case, fallback: Fallback, step: Step) -> None:
    """Decide the item as the policy says in words, and close the case; it leaves no feedback, for nobody judged.

    Every seat is locked, so nobody else has the item or comes to the case.
    """
    item = await decision_queries.lock_item(tx, case.project_id, case.item_id)
    if item is None or item.state != "open":
        return
    verdict, reasons = OUTCOMES[fallback]
    outcome = Outcome(
        verdict=verdict,
        source=Source.TIMEOUT,
        decided_by=f"escalation policy {climbing.ladder.name}",
        reasons=reasons,
        comment=f"Nobody decided in time, so the fallback declared for {told_after(step)} did.",
    )
    await decisions.decide(tx, case.project_id, item, outcome, actor=_actor(climbing, case))
    await queue_queries.close_case(tx, case.project_id, case.item_id)
    item_id = case.item_id
    after_commit(tx, lambda: climbing.tell_closed([item_id]))
