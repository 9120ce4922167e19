"""The clocks of arrivals: what each is given when it is stored; no I/O."""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from review.configuration.rules import ProjectConfig
from review.intake.rules import NewItem
from review.sla import rules as sla
from review.sla.rules import Facts, SlaPolicy

ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)  # elapsed targets are as long whenever they begin
CACHED = 1_024


class NewClock(msgspec.Struct, frozen=True):
    """A clock as lengths of time since its start; `first_mark` is when something happens for the first time."""

    due: timedelta
    first_claim: timedelta | None
    warn: timedelta | None
    first_mark: timedelta


class Clocks(msgspec.Struct, frozen=True):
    """The clocks of a group of arrivals, each different one once.

    `started_at` is the database's time that they were worked out for, or None where any time will do: then they start
    with the statement that stores them. `of` gives the place in `kinds` for each item, None where no clock runs.
    """

    started_at: datetime | None
    kinds: list[NewClock]
    of: list[int | None]

    def clock_of(self, at: int) -> NewClock | None:
        """Give the clock of the item at this place of the group."""
        kind = self.of[at]
        return None if kind is None else self.kinds[kind]


def need_the_time(items: Sequence[NewItem], config: ProjectConfig) -> bool:
    """Tell whether it matters when these arrive: for a calendar, or where upstream said by when it must have them."""
    for item in items:
        if item.is_open:
            policy = policy_of(item, config)
            if item.submission.respond_by is not None or (policy is not None and _counts_working_time(policy)):
                return True
    return False


def start(items: Sequence[NewItem], config: ProjectConfig, at: datetime | None) -> Clocks:
    """Work out the clocks of a group; `at` is the database's time, needed where `need_the_time` says so."""
    clocks: list[NewClock] = []
    places: dict[object, int | None] = {}
    of: list[int | None] = []
    for item in items:
        key = (item.route.sla_policy, item.route.priority, item.submission.respond_by) if item.is_open else None
        if key not in places:
            clock = _clock_of(item, config, at) if key is not None else None
            places[key] = None if clock is None else len(clocks)
            clocks += [] if clock is None else [clock]
        of.append(places[key])
    return Clocks(at, clocks, of)


def policy_of(item: NewItem, config: ProjectConfig) -> SlaPolicy | None:
    """Give the policy that the item's rule names."""
    return config.sla_policies.get(item.route.sla_policy) if item.route.sla_policy else None


def _counts_working_time(policy: SlaPolicy) -> bool:
    targets = [policy.decide, policy.first_claim]
    for each in policy.by_priority:
        targets += [each.decide, each.first_claim]
    return policy.calendar is not None and not all(each.is_elapsed for each in targets if each is not None)


def _clock_of(item: NewItem, config: ProjectConfig, at: datetime | None) -> NewClock | None:
    policy, priority, respond_by = policy_of(item, config), item.route.priority, item.submission.respond_by
    if policy is not None and respond_by is None and not _counts_working_time(policy):
        return _elapsed.get(policy, priority)
    return _measured(policy, Facts(started_at=at or ANY_TIME, priority=priority, respond_by=respond_by))


def _measured(policy: SlaPolicy | None, facts: Facts) -> NewClock | None:
    clock = sla.run(policy, facts)
    if clock is None:
        return None
    start = facts.started_at
    return NewClock(
        due=clock.due_at - start,
        first_claim=clock.first_claim_due_at - start if clock.first_claim_due_at else None,
        warn=clock.warn_at - start if clock.warn_at else None,
        first_mark=clock.marks[0].at - start,
    )


class _ElapsedClocks:
    """The clocks of policies that count no working time, which are the same at any time; those used last are kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int], tuple[SlaPolicy, NewClock | None]] = OrderedDict()

    def get(self, policy: SlaPolicy, priority: int) -> NewClock | None:
        key = (id(policy), priority)  # a kept policy stays alive, so its id stays its own
        if key not in self._kept:
            self._kept[key] = (policy, _measured(policy, Facts(started_at=ANY_TIME, priority=priority)))
            if len(self._kept) > CACHED:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key][1]


_elapsed = _ElapsedClocks()
