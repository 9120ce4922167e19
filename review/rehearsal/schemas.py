"""What somebody asks to be rehearsed, how far it is, and what came out."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from review.rehearsal.intervals import Estimate

MOST_DAYS = 366


class Assumed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is not known from stored reviews: minutes a review takes, where there are none, and what an hour costs."""

    minutes: Annotated[float, Meta(gt=0, le=1440)] | None = None
    cost_per_hour: Annotated[float, Meta(gt=0, le=100_000)] | None = None
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")] = "EUR"


class FlowView(msgspec.Struct, frozen=True, kw_only=True):
    """Items of one old and one new outcome (`approve`, `reject`, `review:POOL` or `refused`), with some to open."""

    old: str
    new: str
    count: int
    examples: list[UUID]


class RuleView(msgspec.Struct, frozen=True, kw_only=True):
    """A rule in both versions; a count is null where the version has no rule of that name."""

    rule: str
    old_taken: int | None
    new_taken: int | None
    new_reached: int | None = None
    new_held: int | None = None
    new_failed: int | None = None


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What one version asks of a pool.

    `people` work the calendar's open hours and have done everything by the end of the span; `people_at_peak` is what
    the busiest hour takes. Null where how long a review takes is not known. `hours` is how many reviews each hour of an
    average week asks for, from Monday 00:00 in `zone`.
    """

    reviews: int
    per_week: float
    policy: str | None
    calendar: str | None
    zone: str
    open_hours_per_week: float
    members: int
    people: float | None
    people_at_peak: float | None
    late: float | None
    cost: float | None
    hours: list[float]


class PoolView(msgspec.Struct, frozen=True, kw_only=True):
    """A pool in both versions; `handling_seconds` is the median of so many reviews, null where there is none."""

    pool: str
    title: str
    handling_seconds: float | None
    handling_from: int
    old: Load | None
    new: Load | None


class GroupView(msgspec.Struct, frozen=True):
    """Items that people judged: how many, how many they stand for, and some of them to open."""

    count: int = 0
    stands_for: float = 0.0
    examples: list[UUID] = []


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What the new version would do with items that came to people by rule and were decided by them.

    It would let through what they corrected (`slipped_correct`) or rejected (`slipped_reject`), or approved (`saved`);
    reject what they approved (`turned_down`); or send to people again (`kept`). `error_rate` is the share of wrong ones
    among those it would let through, weighted by their chance of having been seen.
    """

    slipped_correct: GroupView
    slipped_reject: GroupView
    saved: GroupView
    turned_down: GroupView
    kept: GroupView
    error_rate: Estimate


class Warning(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):  # noqa: A001  what the field calls it
    """What is worth a second look: `code` says which, and the others are its numbers.

    `by` is the rule that wins. A pool gets `per_hour` reviews in an hour that it is open, and its members can do
    `able_per_hour`.
    """

    code: str
    rule: str = ""
    by: str = ""
    pool: str = ""
    items: int = 0
    of: int = 0
    members: int = 0
    people: float = 0.0
    per_hour: float = 0.0
    able_per_hour: float = 0.0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a version would have done differently; `is_part` says that only the newest items were looked at.

    `recounted` is of how many items a rate was not measured when they came, and counted out of what is stored.
    """

    from_version: int
    to_version: int
    since: datetime
    until: datetime
    items: int
    moved: int
    is_part: bool
    flows: list[FlowView]
    rules: list[RuleView]
    pools: list[PoolView]
    judged: Judged
    item_costs: dict[str, str]
    assumed: Assumed
    warnings: list[Warning]
    recounted: int = 0


class BacktestView(msgspec.Struct, frozen=True, kw_only=True):
    """A backtest: `waiting`, `running`, `done`, `stopped` or `failed`, and how far it is; `result` once it is done."""

    id: UUID
    state: str
    from_version: int
    to_version: int
    since: datetime
    until: datetime
    requested_by: str
    requested_at: datetime
    ended_at: datetime | None
    items_done: int
    items_estimated: int | None
    items_per_second: float | None
    seconds_left: float | None
    error: str
    result: Report | None = None

    @property
    def is_under_way(self) -> bool:
        """Tell whether it goes on."""
        return self.state in {"waiting", "running"}
