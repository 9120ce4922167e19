"""The run itself: arrivals, claims, marks, shifts, in the order of a clock of its own; no I/O and no chance.

At one instant what is finished counts first, then what arrives and who comes or goes, then free people claim, and last
pass the marks: what is claimed or decided at its due time is in time.
"""

from collections.abc import Callable, Sequence
from functools import partial
from heapq import heappop, heappush

from review.escalation import rules as earnest
from review.escalation.simulation import steps
from review.escalation.simulation.arrivals import Arrival
from review.escalation.simulation.scenario import MICROSECOND, SLOT, Crew, Scenario
from review.escalation.simulation.state import Case, Counts, Person, Pool, Seat, Shift
from review.escalation.simulation.steps import Taken
from review.sla.calendars import open_periods
from review.sla.rules import DUE, FIRST_CLAIM, WARN

_HOUR = SLOT // MICROSECOND
_OFTEN = 500

_HOUR_ENDS, _FINISHED, _ARRIVED, _SHIFT, _MARK = range(5)  # at one instant in this order
_Event = tuple[int, int, int, Callable[[int], None]]


class Run:
    """One run of a scenario over what arrives; `play` it once, then read what it left."""

    def __init__(self, scenario: Scenario, arrivals: Sequence[Arrival], extra: Sequence[Crew] = ()) -> None:
        self.scenario = scenario
        self.cases: list[Case] = []
        self.pools = {name: Pool(name, at, scenario.slots) for at, name in enumerate(scenario.pools)}
        self.warnings = 0
        self.steps: dict[tuple[str, int], Taken] = {}
        self._arrivals = arrivals
        self._end = scenario.offset(scenario.end)
        self._events: list[_Event] = []
        self._pushed = 0
        self._seats = self._people = 0
        self._touched: dict[str, Pool] = {}
        for crew in (*scenario.crews, *extra):
            self._add_crew(crew)
        for slot in range(scenario.slots):
            self._push(min((slot + 1) * _HOUR, self._end), _HOUR_ENDS, partial(self._end_hour, slot))

    def play(
        self, watch: Callable[[int], None] = lambda _: None, until: Callable[[Case], bool] = lambda _: False
    ) -> bool:
        """Play to the end, or up to the first missed target for which `until` says so; tell whether it came to the end.

        `watch` is told now and then how many items have arrived.
        """
        self._until, self._is_stopped = until, False
        self._watch = watch
        self._expect_next()
        while self._events and not self._is_stopped:
            now, kind = self._events[0][0], self._events[0][1]
            if now > self._end or (now == self._end and kind != _HOUR_ENDS):
                break
            self._play_instant(now, are_marks=kind == _MARK)
        self._settle()
        return not self._is_stopped

    def _play_instant(self, now: int, *, are_marks: bool) -> None:
        while self._events and self._events[0][0] == now and (self._events[0][1] == _MARK) == are_marks:
            if now == self._end and self._events[0][1] != _HOUR_ENDS:
                return
            heappop(self._events)[3](now)
        for pool in sorted(self._touched.values(), key=lambda each: each.number):
            for person, seat in pool.pairs():
                self._claim(now, person, seat)
            pool.note_load(now)
        self._touched.clear()

    def _push(self, at: int, kind: int, act: Callable[[int], None]) -> None:
        self._pushed += 1  # what was pushed first comes first where instant and kind are the same
        heappush(self._events, (at, kind, self._pushed, act))

    # People

    def _add_crew(self, crew: Crew) -> None:
        pool = self.pools[crew.pool]
        shift = Shift(pool)
        pool.shifts.append(shift)
        for _ in range(crew.people):
            shift.people.append(Person(self._people, shift))
            pool.people.add(self._people)
            self._people += 1
        begins = max(self.scenario.start, crew.since or self.scenario.start)
        for opens, closes in open_periods(crew.hours, begins, self.scenario.end) if crew.people else ():
            from_, until = self.scenario.offset(opens), self.scenario.offset(closes)
            self._push(from_, _SHIFT, partial(self._begin_shift, shift))
            self._push(until, _SHIFT, partial(self._end_shift, shift))
            _spread(pool.hours, "staffed", from_, until, people=crew.people)

    def _begin_shift(self, shift: Shift, now: int) -> None:
        shift.is_on = True
        for person in shift.people:
            if person.seat is None:
                shift.pool.free(person)
            else:
                self._leave(now, person)
        self._touch(shift.pool)

    def _end_shift(self, shift: Shift, now: int) -> None:
        shift.is_on = False
        shift.pool.send_home(shift)
        for person in shift.people:
            if person.seat is not None:
                person.stays_since = now

    def _claim(self, now: int, person: Person, seat: Seat) -> None:
        case = seat.case
        person.seat, person.since = seat, now
        self._blame(case, now)
        if case.claimed_at is None:
            case.claimed_at = now
        stamp = seat.stamp
        self._push(now + seat.handling, _FINISHED, partial(self._finish, seat, stamp))

    def _finish(self, seat: Seat, stamp: int, now: int) -> None:
        person, case = seat.person, seat.case
        if person is None or seat.stamp != stamp:  # it was taken from them, or decided over their heads
            return
        self._let_go(now, person)
        case.to_do -= 1
        if case.to_do == 0:
            self._decide(now, case, None)

    def _let_go(self, now: int, person: Person) -> None:
        seat, pool = person.seat, person.crew.pool
        if seat is not None:
            seat.person = person.seat = None
            seat.stamp += 1  # what it was to finish is void
        _spread(pool.hours, "busy", person.since, now)
        self._leave(now, person)
        if person.crew.is_on:
            pool.free(person)
        self._touch(pool)

    def _leave(self, now: int, person: Person) -> None:
        """Count as present who stayed over the end of their shift."""
        if person.stays_since is not None:
            _spread(person.crew.pool.hours, "staffed", person.stays_since, now)
            person.stays_since = None

    # Cases

    def _expect_next(self) -> None:
        if len(self.cases) < len(self._arrivals):
            self._push(self._arrivals[len(self.cases)].at, _ARRIVED, self._arrive)

    def _arrive(self, now: int) -> None:
        arrival = self._arrivals[len(self.cases)]
        case = Case(len(self.cases), arrival, self.pools[arrival.stream.pool])
        self.cases.append(case)
        self._hour(case.pool, now).arrived += 1
        for handling in arrival.handling:
            self._open_seat(case, handling)
        self._expect_mark(case)
        self._expect_next()
        if len(self.cases) % _OFTEN == 0:
            self._watch(len(self.cases))

    def _open_seat(self, case: Case, handling: int) -> None:
        seat = Seat(self._seats, case, handling)
        self._seats += 1
        case.seats.append(seat)
        case.pool.add(seat)
        self._touch(case.pool)

    def _decide(self, now: int, case: Case, fallback: str | None) -> None:
        case.decided_at, case.fallback = now, fallback
        self._hour(case.pool, now).decided += 1
        if case.breached_at is not None:
            case.pool.overdue -= 1
        for seat in case.seats:
            if seat.person is not None:
                self._let_go(now, seat.person)
            elif seat.is_open:
                seat.is_open = False
                case.pool.withdraw(seat)
                self._touch(case.pool)

    # The clock of a case

    def _expect_mark(self, case: Case) -> None:
        if case.passed < len(case.arrival.marks):
            at = case.arrival.marks[case.passed][0]
            self._push(max(at, case.arrival.at), _MARK, partial(self._pass_mark, case))

    def _pass_mark(self, case: Case, now: int) -> None:
        if case.decided_at is not None:
            return
        key = case.arrival.marks[case.passed][1]
        case.passed += 1
        if key == FIRST_CLAIM:
            self._miss_first_claim(now, case)
        elif key == DUE:
            self._breach(now, case)
        elif key.startswith(WARN):
            self.warnings += 1
        elif key not in case.taken:  # it may have been taken early, in the place of one that reached nobody
            self._climb(now, case, earnest.number_of(key))
        self._expect_mark(case)

    def _miss_first_claim(self, now: int, case: Case) -> None:
        if case.claimed_at is not None:
            return
        case.missed_at = now
        self._blame(case, now)
        self._is_stopped = self._is_stopped or self._until(case)

    def _breach(self, now: int, case: Case) -> None:
        case.breached_at = now
        case.pool.overdue += 1
        self._hour(case.pool, now).breached += 1
        self._blame(case, now)
        self._is_stopped = self._is_stopped or self._until(case)

    def _blame(self, case: Case, now: int) -> None:
        """Note since when the pool that it came to had been behind, when it is first claimed, moved or overdue."""
        if case.behind_at is None:
            since = case.home.behind_since
            case.behind_at = now if since is None else since

    def _climb(self, now: int, case: Case, number: int) -> None:
        """Take a step, and the next at once where it reaches nobody."""
        policy = self.scenario.policies[case.arrival.stream.policy or ""]
        if policy.ladder is None:
            return
        for at in earnest.following(policy.ladder, number, case.taken):
            case.taken.add(earnest.step_key(at))
            tally = self.steps.setdefault((policy.name, at), Taken())
            plan = steps.plan(self.scenario, policy.ladder.steps[at], case, self.pools, now)
            if not plan.is_dead_end:
                self._carry_out(now, case, plan, tally)
                return
            tally.skipped += 1

    def _carry_out(self, now: int, case: Case, plan: earnest.Plan, tally: Taken) -> None:
        tally.done += 1
        tally.notified += len(plan.notify)
        tally.paged += len(plan.page)
        tally.moved += plan.pool is not None
        tally.reassigned += len(plan.reassigned)
        tally.reviews += plan.seats_added
        if plan.decide is not None:
            tally.decided[plan.decide.value] += 1
            self._decide(now, case, plan.decide.value)
            return
        if plan.priority is not None:
            case.priority = plan.priority
        self._requeue(now, case, case.pool if plan.pool is None else self.pools[plan.pool])
        taken_back = {seat.id.int for seat in plan.reassigned}
        for seat in case.seats:
            if seat.number in taken_back and seat.person is not None:
                self._let_go(now, seat.person)
                seat.is_open = True
                case.pool.add(seat)
        for _ in range(plan.seats_added):
            case.to_do += 1
            self._open_seat(case, case.arrival.handling[-1])

    def _requeue(self, now: int, case: Case, target: Pool) -> None:
        """Move what waits of a case to where it now belongs, with its priority of now."""
        before = case.pool
        if target is not before:
            self._blame(case, now)
            self._hour(target, now).moved_in += 1
            if case.breached_at is not None:
                before.overdue -= 1
                target.overdue += 1
            case.pool = target
        for seat in case.seats:
            if seat.is_open:
                before.withdraw(seat)
                target.add(seat)
        self._touch(before)
        self._touch(target)

    # Counting

    def _hour(self, pool: Pool, now: int) -> Counts:
        return pool.hours[now // _HOUR]

    def _touch(self, pool: Pool) -> None:
        self._touched[pool.name] = pool

    def _end_hour(self, slot: int, _now: int) -> None:
        for pool in self.pools.values():
            pool.hours[slot].waiting, pool.hours[slot].overdue = pool.waiting, pool.overdue

    def _settle(self) -> None:
        """Count the time of those who are still at work when the run ends."""
        for pool in self.pools.values():
            for person in (person for shift in pool.shifts for person in shift.people if person.seat is not None):
                _spread(pool.hours, "busy", person.since, self._end)
                self._leave(self._end, person)


def _spread(hours: list[Counts], field: str, from_: int, until: int, *, people: int = 1) -> None:
    """Add a time to the hours in which it lies."""
    at = from_
    while at < until:
        slot = at // _HOUR
        upto = min(until, (slot + 1) * _HOUR)
        setattr(hours[slot], field, getattr(hours[slot], field) + (upto - at) * people)
        at = upto
