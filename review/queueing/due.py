"""What is due: the items of several pools by their due time, and the clocks of cases as they stand."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from review.configuration.rules import ProjectConfig
from review.identity import service as identity
from review.identity.rules import Principal
from review.items.personal import hidden_raw
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
    """One item that is overdue or soon will be, as the pools asked for show it.

    `wanted` counts the reviews still to be given there, and `holders` are the e-mails of those who have one in hand.
    """

    item_id: UUID
    pools: list[str]
    type: str
    external_id: str | None
    due_at: datetime
    input: msgspec.Raw
    wanted: int
    holders: list[str]


class Place(msgspec.Struct, frozen=True):
    """A place in the list of what is due, behind which the next page begins."""

    due_at: datetime
    item_id: UUID


BEGINNING = Place(datetime.min.replace(tzinfo=UTC), UUID(int=0))


class DueCount(msgspec.Struct, frozen=True):
    """How many items are overdue, and how many will be; `is_capped` says that there may be more."""

    overdue: int
    soon: int
    is_capped: bool


async def clocks_of(hot: Hot, *, who: Principal, item_ids: list[UUID]) -> dict[UUID, RunningClock]:
    """Give the running and paused clocks of these items, which the caller may see; others are left out."""
    rows = await due_queries.list_clocks(hot, who, item_ids) if item_ids else []
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
    """List the items in these pools that are overdue or due within so long, the most overdue first, each once."""
    rows = await due_queries.list_due(
        hot, who.project_id, pools, within, after=(after.due_at, after.item_id), limit=limit
    )
    return [
        DueLine(
            item_id=row["item_id"],
            pools=row["pools"],
            type=row["type"],
            external_id=row["external_id"],
            due_at=row["due_at"],
            input=hidden_raw(msgspec.Raw(row["input"].encode()), who.hidden_of(row["type"]), "input"),
            wanted=row["wanted"],
            holders=row["holders"],
        )
        for row in rows
    ]


async def count_due(hot: Hot, *, who: Principal, pools: list[str], within: timedelta = WITHIN) -> DueCount:
    """Count the items in these pools that are overdue or due within so long; stops at `COUNT_CAP` seats."""
    row = await due_queries.count_due(hot, who.project_id, pools, within, COUNT_CAP)
    return DueCount(row["overdue"], row["soon"], row["is_capped"])


async def pools_of(hot: Hot, *, who: Principal, config: ProjectConfig) -> list[str]:
    """List the pools whose queues the caller may see, in the order of the configuration."""
    if not who.is_pool_bound:
        return list(config.pools)
    mine = await identity.pools_of(hot, who)
    return [pool for pool in config.pools if pool in mine]
