"""Reading the queue: pools at a glance, and what the caller holds; counts are capped."""

from datetime import datetime, timedelta

from review.configuration.rules import ProjectConfig
from review.identity import service as identity
from review.identity.rules import Permission, Principal
from review.kernel.db import Hot
from review.queueing import overview_queries as queries
from review.queueing.schemas import HeldLine, PoolSummary

COUNT_CAP = 1_000
SOON = timedelta(hours=1)
_FOREVER_YEAR = 9999


async def pool_summaries(hot: Hot, *, who: Principal, config: ProjectConfig) -> list[PoolSummary]:
    """Show the pools the caller may work, in the order of the configuration; none to whoever only reads."""
    pools = list(config.pools) if who.may(Permission.WORK) else []
    if who.is_pool_bound:
        mine = await identity.pools_of(hot, who)
        pools = [pool for pool in pools if pool in mine]
    rows = await hot.fetch(queries.SUMMARISE, who.project_id, pools, who.id, COUNT_CAP, SOON)
    return [
        PoolSummary(
            pool=row["pool"],
            title=config.pools[row["pool"]].title or row["pool"],
            waiting=min(row["waiting"], COUNT_CAP),
            is_capped=row["waiting"] > COUNT_CAP,
            due_soon=row["due_soon"],
            oldest_created_at=row["oldest"],
            held_by_me=row["held"],
        )
        for row in rows
    ]


async def held_by(hot: Hot, *, who: Principal) -> list[HeldLine]:
    """List what the caller holds, the longest held first."""
    rows = await hot.fetch(queries.LIST_HELD, who.project_id, who.id)
    return [
        HeldLine(
            assignment_id=row["id"],
            item_id=row["item_id"],
            pool=row["pool"],
            type=row["type"],
            external_id=row["external_id"],
            fence=row["fence"],
            lease_expires_at=row["lease_until"],
        )
        for row in rows
    ]


def finite(due_at: datetime) -> datetime | None:
    """Turn the infinity that sorts unclocked seats last back into None."""
    return None if due_at.year == _FOREVER_YEAR else due_at
