"""Letting go what stops held: once nothing holds an item any more it gets its seats, and its clock runs on.

A worker does so, an item at a time in savepoints: what is cut off is taken up again, and whatever ended the stop, a
person or its time, is the same to it.
"""

import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import TIMER, Action
from review.configuration.service import ConfigCache
from review.escalation import clock_queries, clocks
from review.escalation import hold_queries as queries
from review.escalation.clock_rules import CaseClock, resume_time
from review.kernel import outbox
from review.kernel.db import UNREACHABLE, Database, Hot, driver_of
from review.kernel.events import EventKind
from review.kernel.ids import new_id

log = logging.getLogger(__name__)

MOST_STOPS = 20  # looked at in one turn
AT_A_TIME = 50  # each is a handful of statements, and its case is locked until the last of them is done


async def release_ended(db: Database, configs: ConfigCache, is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Let go what ended stops hold until nothing is left; gives how many items that were.

    Any number may run at once. One that fails is put off by a minute.
    """
    released = 0
    for project_id, stop_id in await queries.list_ended(db.hot, MOST_STOPS):
        while not is_stopping():
            async with db.transaction() as tx:
                done = await _release_some(tx, configs, project_id, stop_id)
            released += done
            if not done:
                break
    return released


async def _release_some(tx: AsyncSession, configs: ConfigCache, project_id: UUID, stop_id: UUID) -> int:
    driver, done = await driver_of(tx), 0
    for held in await queries.lock_held(driver, project_id, stop_id, AT_A_TIME):
        try:
            async with tx.begin_nested():
                await _release(tx, driver, configs, project_id, held)
                await tx.flush()
            done += 1
        except UNREACHABLE:
            raise
        except Exception:
            log.exception("item %s could not be let go; it is tried again in a minute", held["item_id"])
            await queries.put_off(driver, project_id, held["item_id"])
    return done


async def _release(tx: AsyncSession, driver: Hot, configs: ConfigCache, project_id: UUID, held: Any) -> None:
    """Let one item go, or leave it to another stop that stands; one that was closed meanwhile is only forgotten."""
    item_id = held["item_id"]
    case = await clock_queries.lock_clock(driver, project_id, item_id)
    if case is not None and case.item_state == "open":
        another = await queries.find_another(driver, project_id, item_id)
        if another is not None:
            await queries.hand_on(driver, project_id, item_id, another)
            return
        await _seat(tx, driver, configs, case, held)
    await queries.let_go(driver, project_id, item_id)


async def _seat(tx: AsyncSession, driver: Hot, configs: ConfigCache, case: CaseClock, held: Any) -> None:
    """Open the seats of a locked case, in its pool, or the default one where that is gone, and set its clock going."""
    config = await configs.get(case.project_id, case.active_version)
    pool = await queries.get_pool(driver, case.project_id, case.case_id)
    if pool not in config.pools:
        await queries.set_pool(driver, case.project_id, case.case_id, config.default_pool)
    seat_ids = [new_id() for _ in range(held["reviews_required"])]
    seat = await queries.open_seats(driver, case.project_id, case.case_id, seat_ids, held["barred"])
    told = {"pool": seat["pool"], "priority": seat["priority"], "why": "released"}
    details = {**told, "stop_id": str(held["stop_id"])}
    audit.record(tx, case.project_id, TIMER, Action.ITEM_RELEASED, item_id=case.item_id, details=details)
    if case.paused_at is not None and case.paused_at == held["paused_at"]:
        await clocks.run_on(tx, driver, configs, case, resume_time(case.paused_at, case.at), TIMER)
    outbox.emit(tx, case.project_id, EventKind.REOPENED, item_id=case.item_id, payload=told)
