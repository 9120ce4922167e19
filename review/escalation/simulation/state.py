"""The people, pools and cases of a run while it goes on; times are microseconds since its start."""

from heapq import heapify, heappop, heappush

from review.escalation.simulation.arrivals import NEVER, Arrival


class Counts:
    """What happened in one pool within one hour; times of people in microseconds, levels as at the hour's end."""

    __slots__ = ("arrived", "breached", "busy", "decided", "moved_in", "overdue", "staffed", "waiting")

    def __init__(self) -> None:
        self.arrived = self.moved_in = self.decided = self.breached = 0
        self.waiting = self.overdue = 0
        self.busy = self.staffed = 0


class Person:
    """Somebody of a crew; `since` is when they took what they hold, `stays_since` when their shift ended over it."""

    __slots__ = ("crew", "number", "seat", "since", "stays_since")

    def __init__(self, number: int, crew: "Shift") -> None:
        self.number, self.crew = number, crew
        self.seat: Seat | None = None
        self.since = 0
        self.stays_since: int | None = None


class Shift:
    """People of one pool who come and go together."""

    __slots__ = ("is_on", "people", "pool")

    def __init__(self, pool: "Pool") -> None:
        self.pool, self.is_on = pool, False
        self.people: list[Person] = []


class Seat:
    """One review that a case waits for; `stamp` grows when it moves, so that older places in queues are void."""

    __slots__ = ("case", "handling", "is_open", "number", "person", "stamp")

    def __init__(self, number: int, case: "Case", handling: int) -> None:
        self.number, self.case, self.handling = number, case, handling
        self.is_open = True
        self.stamp = 0
        self.person: Person | None = None


class Case:
    """One item's work, from its arrival to its decision.

    `home` is the pool that it came to. `behind_at` is since when that pool had been behind at the first thing that
    befell the case, or when that befell it.
    """

    __slots__ = (
        *("arrival", "behind_at", "breached_at", "claimed_at", "decided_at", "fallback", "home", "missed_at"),
        *("number", "passed", "pool", "priority", "reviewers", "seats", "taken", "to_do"),
    )

    def __init__(self, number: int, arrival: Arrival, pool: "Pool") -> None:
        self.number, self.arrival = number, arrival
        self.home = self.pool = pool
        self.priority = arrival.priority
        self.seats: list[Seat] = []
        self.to_do = len(arrival.handling)
        self.reviewers: set[int] = set()  # who had part in it
        self.passed = 0  # so many marks of its clock
        self.taken: set[str] = set()  # the keys of the steps taken, or passed over
        self.claimed_at: int | None = None
        self.decided_at: int | None = None
        self.missed_at: int | None = None  # when its first claim was due, and it had none
        self.breached_at: int | None = None
        self.behind_at: int | None = None
        self.fallback: str | None = None

    @property
    def late_at(self) -> int | None:
        """Give when it first missed a target, or None if it has missed none."""
        return self.breached_at if self.missed_at is None else self.missed_at

    @property
    def is_in_hand(self) -> bool:
        """Tell whether somebody works on it."""
        return any(seat.person is not None for seat in self.seats)


class Pool:
    """A queue and the people who work it.

    `behind_since` is since when people were there, all of them at work, and something waited nevertheless.
    """

    def __init__(self, name: str, number: int, slots: int) -> None:
        self.name, self.number = name, number
        self.shifts: list[Shift] = []
        self.people: set[int] = set()
        self.hours = [Counts() for _ in range(slots)]
        self.waiting = self.overdue = 0
        self.behind_since: int | None = None
        self._queue: list[tuple[int, int, int, int, Seat]] = []
        self._free: list[tuple[int, Person]] = []

    @property
    def is_staffed(self) -> bool:
        """Tell whether anybody is on shift now."""
        return any(shift.is_on and shift.people for shift in self.shifts)

    def add(self, seat: Seat) -> None:
        """Queue an open seat: by priority, then due time, then age."""
        seat.stamp += 1
        due = seat.case.arrival.due
        place = (-seat.case.priority, NEVER if due is None else due, seat.number, seat.stamp, seat)
        heappush(self._queue, place)
        self.waiting += 1

    def withdraw(self, seat: Seat) -> None:
        """Take an open seat out of the queue."""
        seat.stamp += 1
        self.waiting -= 1

    def free(self, person: Person) -> None:
        """Let somebody on shift wait for work."""
        heappush(self._free, (person.number, person))

    def send_home(self, shift: Shift) -> None:
        """Let go those of a shift who wait for work."""
        self._free = [each for each in self._free if each[1].crew is not shift]
        heapify(self._free)

    def pairs(self) -> "list[tuple[Person, Seat]]":
        """Give each free person, in order, the most urgent seat of a case that they had no part in yet."""
        found: list[tuple[Person, Seat]] = []
        idle: list[Person] = []
        while self._free and self.waiting:
            _, person = heappop(self._free)
            seat = self._take(person)
            if seat is None:
                idle.append(person)
            else:
                found.append((person, seat))
        for person in idle:
            self.free(person)
        return found

    def note_load(self, now: int) -> None:
        """Take note of whether people here keep up."""
        if self.waiting == 0:
            self.behind_since = None
        elif self.behind_since is None and self.is_staffed:
            self.behind_since = now

    def _take(self, person: Person) -> Seat | None:
        passed_over: list[tuple[int, int, int, int, Seat]] = []
        found: Seat | None = None
        while self._queue and found is None:
            place = heappop(self._queue)
            seat = place[4]
            if place[3] != seat.stamp:
                continue
            if person.number in seat.case.reviewers:
                passed_over.append(place)
            else:
                found = seat
        for place in passed_over:
            heappush(self._queue, place)
        if found is not None:
            self.waiting -= 1
            found.is_open = False
            found.person = person
            found.case.reviewers.add(person.number)
        return found
