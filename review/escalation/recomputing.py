"""Open clocks follow a configuration that changes calendars, policies or ladders, and data that changes calendars."""

import asyncio
from datetime import timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action, timer_by
from review.configuration.service import ConfigCache
from review.escalation import clock_queries, clocks
from review.escalation import recompute_queries as queries
from review.escalation.clock_rules import Setting, fingerprint
from review.escalation.recompute_queries import Walk
from review.kernel.db import Database, Hot, driver_of

# Requests that read the configuration before it changed may store their items after the first walk has passed them.
AFTERMATH = timedelta(seconds=30)
FEWEST_WALKS = 2


async def recompute_due(tx: AsyncSession, configs: ConfigCache, limit: int) -> int:
    """Move the next open clocks of a project to where its new configuration has them.

    Gives how many timers were looked at; fewer than `limit` say that the walk is over. Each page is a transaction, so
    that a walk which is cut short goes on where it was. A walk is followed by another half a minute later, and by
    further ones while somebody has clocks in hand that it cannot move. Paused clocks follow when they are resumed.
    Marks that have passed stay passed, and a clock with none left to come is over and stays as it is.
    """
    driver = await driver_of(tx)
    walk = await queries.lock_walk(driver)
    if walk is None:
        return 0
    if walk.is_superseded:
        await queries.keep_walk(driver, walk, is_finished=True)
        return 1
    page = await queries.list_page(driver, walk, limit)
    moved, left = await _follow(tx, driver, configs, walk, page) if page else (0, 0)
    left += walk.left_over
    if len(page) == limit:
        further = msgspec.structs.replace(walk, passed=page[-1], left_over=left)
        await queries.keep_walk(driver, further, moved=moved)
        return limit
    is_finished = walk.walks + 1 >= FEWEST_WALKS and not left
    over = msgspec.structs.replace(walk, passed=None, walks=walk.walks + 1, left_over=0)
    await queries.keep_walk(driver, over, moved=moved, is_finished=is_finished)
    if not is_finished:
        await queries.walk_again(driver, walk, AFTERMATH)
    return len(page)


async def _follow(tx: AsyncSession, driver: Hot, configs: ConfigCache, walk: Walk, page: list[UUID]) -> tuple[int, int]:
    """Set the clocks of a page; gives how many moved, and how many somebody else has in hand."""
    cases, left = await queries.lock_behind(driver, walk, page)
    settings = [await clocks.set_by(configs, case, walk.version) for case in cases]
    timers = await queries.list_timers(driver, walk.project_id, [case.case_id for case in cases])
    moving: list[Setting] = []
    staying: list[Setting] = []
    for setting in settings:
        mark = setting.next_mark
        fires_at = mark.at if mark is not None else None
        stays = not setting.moves and fires_at == timers.get(setting.case.case_id)
        (staying if stays else moving).append(setting)
    await clock_queries.set_clocks(driver, walk.project_id, moving)
    followed = [each.case.case_id for each in staying if each.version == walk.version]
    await clock_queries.set_version(driver, walk.project_id, followed, walk.version)
    for setting in moving:
        if setting.moves:
            _note(tx, setting, is_same=setting.case.version == setting.version)
    await tx.flush()
    return len(moving), left


async def follow_calendars(db: Database, configs: ConfigCache) -> int:
    """Have open clocks follow time zones and holidays, where newer data says other hours; tells in how many projects.

    What calendars come to over three years is compared with what they came to before under the same configuration:
    new data comes with another release of a library or of the system, and announces itself to nobody.
    """
    changed = 0
    for row in await queries.list_configured(db.hot):
        calendars = (await configs.get(row["project_id"], row["version"])).calendars
        if not calendars:
            continue
        now = await asyncio.to_thread(fingerprint, calendars.values(), row["year"])
        async with db.transaction() as tx:
            driver = await driver_of(tx)
            before = await queries.remember(driver, row["project_id"], row["version"], now)
            if before is not None and before != now:
                await queries.force_walk(driver, row["project_id"], row["version"])
                changed += 1
    return changed


def _note(tx: AsyncSession, setting: Setting, *, is_same: bool) -> None:
    case, clock = setting.case, setting.clock
    by_version = f"Configuration version {setting.version} changed how long people have."
    because = ["The data of time zones or holidays changed." if is_same else by_version]
    details = {
        "was": case.due_at.isoformat() if case.due_at else None,
        "due_at": clock.due_at.isoformat() if clock else None,
        "version": setting.version,
        "because": [*because, *(clock.because if clock else ())],
    }
    actor = timer_by(setting.version)
    audit.record(tx, case.project_id, actor, Action.CLOCK_MOVED, item_id=case.item_id, details=details)
