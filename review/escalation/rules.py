"""What the marks of a clock call for, and what a step of a ladder comes to; no I/O."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from review.queueing.rules import MAX_PRIORITY, AssignmentState, Seat
from review.sla import rules as sla
from review.sla.ladders import Fallback, Ladder, PriorityChange, Step
from review.sla.rules import STEP, Clock, Facts, Mark, Pause, SlaPolicy

MAX_REVIEWS = 9  # as many as a rule may ask for
DECIDED = {
    Fallback.APPROVE: "approved it, for nobody had decided",
    Fallback.REJECT: "rejected it, for nobody had decided",
    Fallback.MODEL_OUTPUT: "let the model's own output through, unreviewed, for nobody had decided",
}


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """An open case whose row is locked; `version` is the configuration that its clock runs by."""

    project_id: UUID
    id: UUID
    item_id: UUID
    pool: str
    priority: int
    reviews_required: int
    level: int
    sla_policy: str | None
    version: int
    active_version: int
    passed: frozenset[str]
    acknowledged_by: str | None


class ClockRow(msgspec.Struct, frozen=True):
    """A due timer with its case, both locked, in the order of `queries.LOCK_DUE`; `at` is the database's time.

    `version` is the configuration that the clock runs by, `active_version` that of the project. `paused` and `resumed`
    are the beginnings and ends of its pauses. `is_unclaimed` is None where no first claim is asked for any more.
    """

    project_id: UUID
    case_id: UUID
    generation: int
    at: datetime
    item_id: UUID
    state: str
    pool: str
    priority: int
    reviews_required: int
    sla_policy: str | None
    level: int
    clock_generation: int
    paused_at: datetime | None
    passed: list[str]
    acknowledged_by: str | None
    started_at: datetime
    version: int
    active_version: int
    arrival_priority: int
    respond_by: str | None
    paused: list[datetime]
    resumed: list[datetime | None]
    is_unclaimed: bool | None

    @property
    def case(self) -> Case:
        """Give the case as the ladder sees it."""
        return Case(
            project_id=self.project_id,
            id=self.case_id,
            item_id=self.item_id,
            pool=self.pool,
            priority=self.priority,
            reviews_required=self.reviews_required,
            level=self.level,
            sla_policy=self.sla_policy,
            version=self.version,
            active_version=self.active_version,
            passed=frozenset(self.passed),
            acknowledged_by=self.acknowledged_by,
        )

    @property
    def is_stale(self) -> bool:
        """Tell whether the clock has moved on since the timer was set."""
        return self.generation != self.clock_generation or self.paused_at is not None


class Clocks:
    """The clocks of a batch.

    Where only elapsed time counts, one is worked out and the others of its policy run as long after it as they began:
    a backlog of a hundred thousand is mostly that.
    """

    def __init__(self) -> None:
        self._first: dict[tuple[UUID, int, str | None, int], tuple[datetime, Clock]] = {}

    def run(self, policy: SlaPolicy | None, row: ClockRow) -> tuple[datetime, tuple[Mark, ...]] | None:
        """Give when a case is due and its marks in order, or None where no clock runs."""
        if policy is None or policy.calendar is not None or row.respond_by or row.paused:
            clock = sla.run(policy, facts_of(row))
            return None if clock is None else (clock.due_at, clock.marks)
        key = (row.project_id, row.version, row.sla_policy, row.arrival_priority)
        if key not in self._first:
            first = sla.run(policy, facts_of(row))
            if first is None:
                return None
            self._first[key] = (row.started_at, first)
        started, clock = self._first[key]
        later = row.started_at - started
        return clock.due_at + later, tuple(Mark(mark.key, mark.at + later) for mark in clock.marks)


def facts_of(row: ClockRow) -> Facts:
    """Give what a case's clock runs on."""
    return Facts(
        started_at=row.started_at,
        priority=row.arrival_priority,
        respond_by=msgspec.convert(row.respond_by, datetime) if row.respond_by else None,
        pauses=tuple(map(Pause, row.paused, row.resumed)),
    )


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a step could reach at this moment.

    `pools` has those with somebody enabled who may work them, leads apart; `workers` and `free` count, for the pool in
    which the case would stand after the step, who may work it, and who of them has had no part in the case.
    """

    has_leads: bool
    pools: frozenset[str]
    disabled_channels: frozenset[str]
    people: frozenset[str]
    workers: int
    free: int
    holders: Mapping[UUID, str]


class Plan(msgspec.Struct, kw_only=True):
    """What a step comes to: what is to be changed, and what is to be said of it; `dead` says what reached nobody."""

    pool: str | None = None
    priority: int | None = None
    seats_added: int = 0
    reassigned: tuple[Seat, ...] = ()
    decide: Fallback | None = None
    notify: tuple[str, ...] = ()
    page: tuple[str, ...] = ()
    done: list[str] = []
    dead: list[str] = []
    reached: int = 0

    @property
    def is_dead_end(self) -> bool:
        """Tell whether every action that was to bring people in reaches nobody; a decision needs nobody."""
        return bool(self.dead) and not self.reached and self.decide is None

    @property
    def told(self) -> list[str]:
        """Give the sentences for the record, what could not be done among them."""
        return [*self.done, *(f"could not: {why}" for why in self.dead)]


def due_marks(marks: Sequence[Mark], passed: Collection[str], now: datetime) -> tuple[list[Mark], datetime | None]:
    """Give the marks that have come and were not dealt with, in order, and when the next one comes."""
    waiting = [mark for mark in marks if mark.key not in passed]
    come = [mark for mark in waiting if mark.at <= now]
    return come, waiting[len(come)].at if len(come) < len(waiting) else None


def step_key(number: int) -> str:
    """Give the key of the mark of a ladder's step, counted from 0."""
    return f"{STEP}{number}"


def number_of(key: str) -> int:
    """Give the number, from 0, of the step that a mark stands for."""
    return int(key.removeprefix(STEP))


def following(ladder: Ladder, number: int, passed: Collection[str]) -> Iterator[int]:
    """Give a step and those that would be taken at once, should it and each after it be a dead end.

    A step that decides waits for its own time, and nothing beyond it is brought forward.
    """
    yield number
    for at in range(number + 1, len(ladder.steps)):
        if ladder.steps[at].decide is not None:
            return
        if step_key(at) not in passed:
            yield at


def untaken(ladder: Ladder, passed: Collection[str]) -> list[int]:
    """List the steps that a person may bring forward: not taken yet, and deciding nothing."""
    return [at for at, step in enumerate(ladder.steps) if step.decide is None and step_key(at) not in passed]


def changed(priority: int, change: PriorityChange) -> int:
    """Give a priority after a change to it."""
    return min(MAX_PRIORITY, max(0, priority + change.amount if change.is_relative else change.amount))


def plan_step(step: Step, case: Case, seats: Collection[Seat], reach: Reach, known: Collection[str]) -> Plan:
    """Work out what a step comes to now; `known` has the names of the pools and `channel:NAME` of the channels.

    Once somebody has acknowledged the case's escalation, nobody is paged again, nor notified by a step that changes
    nothing.
    """
    plan = Plan(decide=step.decide)
    _tell(plan, step, case, seats, reach, known)
    if step.decide is not None:
        plan.done.append(DECIDED[step.decide])
        return plan
    if step.move_to is not None:
        _move(plan, step.move_to, case, seats, reach, known)
    if step.priority is not None and (priority := changed(case.priority, step.priority)) != case.priority:
        plan.priority = priority
        plan.done.append(f"changed its priority from {case.priority} to {priority}")
    spare = reach.free - sum(seat.state is AssignmentState.OPEN for seat in seats)
    if step.reassign:
        spare = _reassign(plan, seats, reach, spare)
    if step.reviewers:
        _add_reviewers(plan, step.reviewers, case, seats, spare)
    if not plan.told:
        plan.done.append("changed nothing, for all of it was so already")
    return plan


def _tell(plan: Plan, step: Step, case: Case, seats: Collection[Seat], reach: Reach, known: Collection[str]) -> None:
    """Plan whom to notify and to page."""
    changes = step.move_to or step.priority or step.reviewers or step.reassign or step.decide
    silent = {"notify": case.acknowledged_by is not None and not changes, "page": case.acknowledged_by is not None}
    for what, targets in (("notify", step.notify), ("page", step.page)):
        if targets and silent[what]:
            plan.reached += 1
            plan.done.append(f"did not {what} {', '.join(targets)} again: {case.acknowledged_by} has acknowledged it")
            continue
        dead = {target: why for target in targets if (why := unreachable(target, seats, reach, known))}
        live = tuple(target for target in targets if target not in dead)
        plan.dead += [f"{what} {target}: {why}" for target, why in dead.items()]
        if live:
            plan.reached += 1
            setattr(plan, what, live)
            plan.done.append(f"{'notified' if what == 'notify' else 'paged'} {', '.join(live)}")


def pool_after(step: Step, case: Case, seats: Collection[Seat]) -> str:
    """Name the pool whose people would take what a step opens: where it moves to, or where the seats stand."""
    settling = [seat.pool for seat in seats if seat.kind != "review" and seat.state is AssignmentState.HELD]
    return step.move_to or (settling[0] if settling else case.pool)


def unreachable(target: str, seats: Collection[Seat], reach: Reach, known: Collection[str]) -> str | None:
    """Say why nobody can be told by this name, or give None where somebody can."""
    kind, _, name = target.partition(":")
    if target == "pool-leads":
        return None if reach.has_leads else "the project has no lead"
    if target == "holder":
        return None if any(seat.state is AssignmentState.HELD for seat in seats) else "nobody holds it"
    if kind == "pool":
        return None if name in reach.pools else f"pool {name} has nobody in it"
    if kind == "channel" and target not in known:
        return f"there is no channel {name}"
    if kind == "channel":
        return f"channel {name} is disabled" if name in reach.disabled_channels else None
    return None if target in reach.people else "nobody in the project has this address"


def _move(plan: Plan, pool: str, case: Case, seats: Collection[Seat], reach: Reach, known: Collection[str]) -> None:
    waits = any(seat.state is AssignmentState.OPEN for seat in seats)
    if pool == case.pool:
        plan.reached += 1
        plan.done.append(f"left it in {pool}, where it was already")
    elif pool not in known:
        plan.dead.append(f"move it to {pool}: there is no such pool any more")
    elif reach.workers == 0:
        plan.dead.append(f"move it to {pool}: the pool has nobody in it, and the project has no lead")
    elif waits and reach.free == 0:
        plan.dead.append(f"move it to {pool}: everybody there has had part in it")
    else:
        plan.reached += 1
        plan.pool = pool
        plan.done.append(f"moved it from {case.pool} to {pool}")


def _reassign(plan: Plan, seats: Collection[Seat], reach: Reach, spare: int) -> int:
    """Plan to take held seats back, the longest held first, as far as there are others to take them."""
    in_hand = (seat for seat in seats if seat.state is AssignmentState.HELD and not seat.is_given)
    held = sorted(in_hand, key=_held_since)
    if not held:
        plan.reached += 1
        plan.done.append("took it from nobody, for nobody held it")
        return spare
    plan.reassigned = tuple(held[: max(0, spare)])
    for seat in plan.reassigned:
        plan.done.append(f"took it back from {_holder(seat, reach)}")
    plan.dead += [f"take it from {_holder(seat, reach)}: nobody else could" for seat in held[len(plan.reassigned) :]]
    plan.reached += bool(plan.reassigned)
    return spare - len(plan.reassigned)


def _held_since(seat: Seat) -> datetime:
    return seat.at if seat.claimed_at is None or seat.is_ahead else seat.claimed_at


def _holder(seat: Seat, reach: Reach) -> str:
    return reach.holders.get(seat.holder_id, "its holder") if seat.holder_id else "its holder"


def _add_reviewers(plan: Plan, more: int, case: Case, seats: Collection[Seat], spare: int) -> None:
    if any(seat.kind != "review" for seat in seats):
        plan.reached += 1
        plan.done.append("asked for no further review, for somebody is to settle it")
        return
    wanted = min(more, MAX_REVIEWS - case.reviews_required)
    if wanted <= 0:
        plan.reached += 1
        plan.done.append(f"asked for no further review, for {case.reviews_required} are asked for already")
        return
    plan.seats_added = max(0, min(wanted, spare))
    if plan.seats_added:
        plan.reached += 1
        plan.done.append(
            f"asked for {_reviews(plan.seats_added)} more, {case.reviews_required + plan.seats_added} in all"
        )
    if plan.seats_added < wanted:
        plan.dead.append(f"ask for {_reviews(wanted - plan.seats_added)} more: there is nobody to give it")


def _reviews(count: int) -> str:
    return "1 review" if count == 1 else f"{count} reviews"


def told_after(step: Step) -> str:
    """Say when a step is taken, as the configuration writes it."""
    if not isinstance(step.after, timedelta):
        return f"{step.after * 100:g}%"
    seconds = int(step.after.total_seconds())
    parts = (
        (seconds // 86_400, "d"),
        (seconds % 86_400 // 3_600, "h"),
        (seconds % 3_600 // 60, "m"),
        (seconds % 60, "s"),
    )
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"
