"""What is due: the seats of several pools by their due time, and the clocks of cases as they stand."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from review.configuration.rules import ProjectConfig
from review.identity.rules import Principal
from review.kernel.db import Hot
from review.queueing import due_queries

COUNT_CAP = 1_000
WITHIN = timedelta(hours=24)


class RunningClock(msgspec.Struct, frozen=True, kw_only=True):
    """An open case's clock: the policy and configuration `version` it runs by, and why it stands still, if it does.

    `arrived` is the priority that the item arrived with, which chooses the target.
    """

    item_id: UUID
    sla_policy: str | None
    version: int
    due_at: datetime
    warn_at: datetime | None
    arrived: int | None
    paused_at: datetime | None
    paused_because: str | None
    paused_by: str | None


class DueLine(msgspec.Struct, frozen=True, kw_only=True):
    """One seat that is overdue or soon will be; `holder` is the e-mail of whoever has it in hand."""

    assignment_id: UUID
    item_id: UUID
    pool: str
    kind: str
    type: str
    external_id: str | None
    due_at: datetime
    input: msgspec.Raw
    holder: str | None


class Place(msgspec.Struct, frozen=True):
    """A place in the list of what is due, behind which the next page begins."""

    due_at: datetime
    assignment_id: UUID


BEGINNING = Place(datetime.min.replace(tzinfo=UTC), UUID(int=0))


class DueCount(msgspec.Struct, frozen=True):
    """How many seats are overdue, and how many will be; `is_capped` says that there may be more."""

    overdue: int
    soon: int
    is_capped: bool


async def clocks_of(hot: Hot, *, who: Principal, item_ids: list[UUID]) -> dict[UUID, RunningClock]:
    """Give the running and paused clocks of these items, which the caller may see; others are left out."""
    rows = await due_queries.list_clocks(hot, who.project_id, item_ids) if item_ids else []
    return {row["item_id"]: RunningClock(**dict(row)) for row in rows}


async def list_due(
    hot: Hot,
    *,
    who: Principal,
    pools: list[str],
    within: timedelta = WITHIN,
    after: Place = BEGINNING,
    limit: int,
) -> list[DueLine]:
    """List the seats of these pools that are overdue or due within so long, the most overdue first."""
    rows = await due_queries.list_due(
        hot, who.project_id, pools, within, after=(after.due_at, after.assignment_id), limit=limit
    )
    return [
        DueLine(
            assignment_id=row["id"],
            item_id=row["item_id"],
            pool=row["pool"],
            kind=row["kind"],
            type=row["type"],
            external_id=row["external_id"],
            due_at=row["due_at"],
            input=msgspec.Raw(row["input"].encode()),
            holder=row["holder"],
        )
        for row in rows
    ]


async def count_due(hot: Hot, *, who: Principal, pools: list[str], within: timedelta = WITHIN) -> DueCount:
    """Count the seats of these pools that are overdue or due within so long; stops counting at `COUNT_CAP`."""
    row = await due_queries.count_due(hot, who.project_id, pools, within, COUNT_CAP)
    return DueCount(row["overdue"], row["soon"], row["overdue"] + row["soon"] >= COUNT_CAP)


async def pools_of(hot: Hot, *, who: Principal, config: ProjectConfig) -> list[str]:
    """List the pools whose queues the caller may see, in the order of the configuration."""
    if not who.is_reviewer_only:
        return list(config.pools)
    mine = await due_queries.list_my_pools(hot, who.project_id, who.email)
    return [pool for pool in config.pools if pool in mine]
