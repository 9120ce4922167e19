"""Working on backtests, a batch at a time: whatever is cut off is taken up again at the last batch that counted.

A lease keeps two workers from doing the same; the fence makes what a stale one has counted count for nothing. Items are
evaluated in a thread, so that the worker's other loops have their turns meanwhile.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from review.configuration.service import ConfigCache
from review.kernel.db import UNREACHABLE, Database, driver_of
from review.kernel.errors import ReviewError
from review.rehearsal import evaluating, queries, remeasuring, service
from review.rehearsal.queries import MOST_TRIES, Slice
from review.rehearsal.report import Span, Versions
from review.rehearsal.rules import Tally
from review.rehearsal.schemas import Assumed

log = logging.getLogger(__name__)

BATCH: Final = 4_000  # items at most; fewer where a thousand rules make them slow
FIRST_BATCH: Final = 250
SHORT_SECONDS, LONG_SECONDS = 0.5, 2.0  # between these a batch keeps its size, so that stopping waits for no long one
# After that long without a batch its worker is taken to be gone; counting what is to be done may take two minutes.
LEASE: Final = timedelta(seconds=180)
STRETCH: Final = 50  # batches of one backtest before the next one has its turn


async def advance(
    db: Database,
    configs: ConfigCache,
    settled: timedelta,
    is_stopping: Callable[[], bool] = lambda: False,
    *,
    batch: int = BATCH,
) -> int:
    """Work on what is due until nothing is left or the process is to stop; gives how many batches were counted.

    A span must have been over for `settled`, the longest that a statement may take: then all that was stored in it is
    seen, and every look at it finds the same.
    """
    counted = 0
    while not is_stopping():
        before = counted
        for project_id, backtest_id in await queries.list_due(db.hot, settled):
            if is_stopping():
                break
            counted += await work(db, configs, project_id, backtest_id, is_stopping, batch=batch)
        if counted == before:
            break
    return counted


async def work(
    db: Database,
    configs: ConfigCache,
    project_id: UUID,
    backtest_id: UUID,
    is_stopping: Callable[[], bool] = lambda: False,
    *,
    batch: int = BATCH,
) -> int:
    """Count a stretch of batches of one backtest; gives how many."""
    row = await queries.claim(db.hot, project_id, backtest_id, LEASE)
    if row is None:
        return 0
    mine = (project_id, backtest_id, row["fence"])
    try:
        if row["tries"] > MOST_TRIES:
            await queries.end(db.hot, mine, "failed", None, "It failed again and again at the same place.")
            return 0
        versions = await service.versions_of(db.hot, configs, project_id, row["from_version"], row["to_version"])
        return await _stretch(db, mine, row, versions, is_stopping, batch=batch)
    except ReviewError as refusal:
        await queries.end(db.hot, mine, "failed", None, refusal.message)
    except UNREACHABLE:
        raise  # the lease runs out by itself
    except Exception:
        log.exception("a batch of backtest %s failed; it is tried again", backtest_id)
        await queries.let_go(db.hot, mine)
    return 0


async def _stretch(
    db: Database,
    mine: tuple[UUID, UUID, int],
    row: Any,
    versions: Versions,
    is_stopping: Callable[[], bool],
    *,
    batch: int,
) -> int:
    needs = evaluating.needs(versions)
    part = Slice(
        project_id=mine[0],
        since=row["since"],
        until=row["until"],
        after=row["cursor"],
        with_input=needs.with_input,
        with_output=needs.with_output,
        with_measured=needs.with_measured,
    )
    if row["estimated"] is None and not await _estimate(db, mine, part):
        return 0
    tally = Tally() if row["tally"] is None else msgspec.json.decode(row["tally"], type=Tally)
    size = min(FIRST_BATCH, batch)
    for counted in range(STRETCH):
        if is_stopping():
            await queries.let_go(db.hot, mine)
            return counted
        began = time.monotonic()
        rows = await queries.read_next(db.hot, part, size)
        if not rows:
            return counted + await _end(db, mine, row, versions, tally)
        pasts = await remeasuring.pasts_of(db.hot, mine[0], rows, versions)
        tally = await asyncio.to_thread(evaluating.count, tally, pasts, versions)
        part = msgspec.structs.replace(part, after=rows[-1]["id"])
        text = msgspec.json.encode(tally).decode()
        took = time.monotonic() - began
        if not await queries.move_on(db.hot, mine, part.after, tally.items, text, LEASE, took):
            return counted
        size = _resized(size, took, batch)
    await queries.let_go(db.hot, mine)
    return STRETCH


def _resized(size: int, took: float, most: int) -> int:
    if took < SHORT_SECONDS:
        return min(most, size * 2)
    return max(1, size // 2) if took > LONG_SECONDS else size


async def _estimate(db: Database, mine: tuple[UUID, UUID, int], part: Slice) -> bool:
    """Count the items there are; False where the backtest is not ours any more."""
    async with db.transaction() as tx:
        hot = await driver_of(tx)
        await queries.allow_long(hot)
        return await queries.set_estimate(hot, mine, await queries.count_items(hot, part))


async def _end(db: Database, mine: tuple[UUID, UUID, int], row: Any, versions: Versions, tally: Tally) -> int:
    span = Span(row["since"], row["until"])
    assumed = msgspec.json.decode(row["given"], type=Assumed)
    found = await service.told(db, mine[0], tally, versions, span, assumed)
    return int(await queries.end(db.hot, mine, "done", msgspec.json.encode(found).decode(), ""))
