"""Open clocks follow a configuration that changes calendars, policies or ladders."""

from datetime import timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import TIMER, Action
from review.configuration.service import ConfigCache
from review.escalation import clock_queries, clocks
from review.escalation import recompute_queries as queries
from review.escalation.clock_rules import Setting
from review.escalation.recompute_queries import Walk
from review.kernel.db import Hot, driver_of

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
            _note(tx, setting)
    await tx.flush()
    return len(moving), left


def _note(tx: AsyncSession, setting: Setting) -> None:
    case, clock = setting.case, setting.clock
    because = [f"Configuration version {setting.version} changed how long people have."]
    details = {
        "was": case.due_at.isoformat() if case.due_at else None,
        "due_at": clock.due_at.isoformat() if clock else None,
        "version": setting.version,
        "because": [*because, *(clock.because if clock else ())],
    }
    audit.record(tx, case.project_id, TIMER, Action.CLOCK_MOVED, item_id=case.item_id, details=details)
