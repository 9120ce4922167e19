"""Making the snapshots that schedules ask for, in a worker: each time of a schedule has its effect once.

What is new is counted first, in short readings that go on where the last one ended. Then the schedule's row is locked
and judged, and the snapshot, the next time and what is said of it go in one transaction. Times that passed while
nothing ran are one.
"""

import logging
from collections.abc import Callable
from contextlib import aclosing
from typing import Any, Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit.rules import TIMER
from review.datasets.errors import TooManySnapshots
from review.datasets.pipeline import in_thread
from review.datasets.schedules import queries
from review.datasets.schedules.queries import Key
from review.datasets.schedules.rules import AFTER_A_FAILURE, Facts, Outcome, Schedule, judge, next_after
from review.datasets.selections.choosing import Choice
from review.datasets.selections.rules import Definition
from review.datasets.selections.service import stretch_of
from review.datasets.snapshots import service as snapshots
from review.feedback import chunks
from review.feedback import service as feedback
from review.kernel.db import UNREACHABLE, Database, driver_of
from review.kernel.errors import ReviewError
from review.kernel.settings import Settings

log = logging.getLogger(__name__)

MOST_READ: Final = 20_000  # positions a turn and schedule: about half a second


async def advance(db: Database, settings: Settings, is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Look at every schedule that may be due; gives how many snapshots were begun."""
    begun = 0
    for key in await queries.list_due(db.hot):
        if is_stopping():
            break
        try:
            begun += await look(db, settings, key)
        except UNREACHABLE:
            raise
        except Exception:
            log.exception("a schedule of project %s could not be looked at; the next turn tries again", key[0])
    return begun


async def look(db: Database, settings: Settings, key: Key) -> bool:
    """Look at one schedule; tells whether a snapshot was begun."""
    row = await queries.find_standing(db.hot, key, AFTER_A_FAILURE)
    if row is None:
        return False
    upto = await feedback.settle_feed(db, key[0])
    if not row["is_making"] and not await _count(db, key, row, upto):
        return False
    async with db.transaction() as tx:
        hot = await driver_of(tx)
        row = await queries.lock_standing(hot, key, AFTER_A_FAILURE)
        if row is None or (row["base"] != row["of_base"] and not row["is_making"]):
            return False
        outcome = judge(_facts(row, upto))
        return outcome is not None and await _act(tx, settings, key, row, outcome)


def _facts(row: Any, upto: int) -> Facts:
    definition = msgspec.json.decode(row["definition"], type=Definition)
    made = None if row["of_number"] is None else msgspec.json.decode(row["of_definition"], type=Definition)
    return Facts(
        is_due=row["is_due"],
        new_records=row["new_records"],
        fresh=row["fresh"],
        is_read=row["reached"] >= upto,
        has_made=made is not None,
        is_making=row["is_making"],
        is_other=made != definition,
        rests=row["rests"],
    )


async def _count(db: Database, key: Key, row: Any, upto: int) -> bool:
    """Count what is new until it suffices, a stretch of the feed at most; False where another worker was quicker."""
    was = (row["base"], row["reached"])
    base, reached, fresh = row["of_base"], row["reached"], row["fresh"]
    if base != was[0]:
        reached, fresh = base, 0
    wanted = row["new_records"] or 1
    if fresh < wanted and reached < upto:
        definition = msgspec.json.decode(row["definition"], type=Definition)
        choice = Choice(Definition(criteria=definition.criteria))
        stretch = stretch_of(key[0], definition, upto=min(upto, reached + MOST_READ), after=reached)
        async with aclosing(chunks.read(db.hot, stretch)) as coming:
            async for chunk in coming:
                await in_thread(choice.take, chunk.lines)
        reached, fresh = stretch.upto, fresh + choice.counts.taken
    return await queries.counted(db.hot, key, was, base, reached, fresh)


async def _act(tx: AsyncSession, settings: Settings, key: Key, row: Any, outcome: Outcome) -> bool:
    """Begin a snapshot or say why none is, and move the schedule on."""
    number, why, next_at = None, "", row["next_at"]
    if row["is_due"]:
        schedule = Schedule(cron=row["cron"], timezone=row["timezone"])
        next_at = next_after(schedule, row["now"])
    if outcome is Outcome.MADE:
        try:
            begun = await snapshots.begin(tx, settings, project_id=key[0], actor=TIMER, dataset=row["dataset"])
            number = begun.number
        except ReviewError as refusal:
            outcome, why = Outcome.REFUSED, refusal.message
            if isinstance(refusal, TooManySnapshots):
                next_at = row["next_at"]  # it is made once there is room
            if (row["last_outcome"], row["last_note"], row["next_at"]) == (outcome, why, next_at):
                return False
    await queries.note(await driver_of(tx), key, next_at, outcome, why, number)
    return number is not None
