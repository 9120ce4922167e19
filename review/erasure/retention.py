"""Retention: what was decided or withdrawn longer ago than its item type keeps it is erased like what is asked for."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from review.configuration.service import ConfigCache
from review.erasure import queries
from review.kernel.db import Database, driver_of
from review.kernel.durations import write_duration
from review.kernel.ids import new_id

LOOKED_AT: Final = 5_000  # items a transaction: one stretch of the key's index


async def take_outlived(db: Database, configs: ConfigCache) -> int:
    """Ask for the erasure of what has outlived its type's retention, in every project; tells how many items.

    Walks over a project's items in bounded steps; where no type has a retention nothing is looked at.
    """
    total = 0
    for project_id, version in await queries.list_projects(db.hot):
        config = await configs.get(project_id, version)
        kept = {each.name: each.retention for each in config.item_types.values() if each.retention is not None}
        if kept:
            total += await _walk(db, project_id, kept)
    return total


async def _walk(db: Database, project_id: UUID, kept: dict[str, timedelta]) -> int:
    after, total = UUID(int=0), 0
    reason = "retention: " + ", ".join(f"{name} {write_duration(length)}" for name, length in sorted(kept.items()))
    while True:
        async with db.transaction() as tx:
            hot = await driver_of(tx)
            erasure_id = new_id()
            await queries.add(hot, project_id, erasure_id, "retention", reason, "retention")
            taken, last = await queries.take_outlived(hot, project_id, erasure_id, after, kept, LOOKED_AT)
            if not taken:
                await queries.remove(hot, project_id, erasure_id)
        total += taken
        if last is None:
            return total
        after = last
