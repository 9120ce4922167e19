"""Erasing in a worker, in small transactions that can be done again: rows first, a second look, then snapshots.

A lease keeps two workers from the same erasure, and each transaction locks its row under the fence. What is cut off is
taken up where it was. The second look is for what was on its way: an event that had no body yet, an entry of the audit
without a place.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from review.audit import sequencing
from review.audit import service as audit
from review.audit.rules import TIMER, Action
from review.datasets.errors import StoreRefused
from review.datasets.snapshots import withdrawing
from review.erasure import queries, scrub_queries
from review.erasure.queries import Mine
from review.feedback import service as feedback
from review.intake import withdrawal
from review.kernel import outbox
from review.kernel.db import UNREACHABLE, Database, driver_of
from review.kernel.errors import ReviewError
from review.kernel.events import EventKind
from review.kernel.settings import Settings

log = logging.getLogger(__name__)

LEASE: Final = timedelta(minutes=5)  # the files of a large snapshot take a while
PAUSE: Final = timedelta(seconds=5)  # times the tries
LONGEST_PAUSE: Final = timedelta(minutes=10)
SETTLING: Final = timedelta(seconds=1)  # events and audit entries have their places after about as long
BATCH: Final = 50  # items a transaction: about 25 statements, a few milliseconds each
NOBODY: Final = UUID(int=0)

TellClosed = Callable[[Sequence[UUID]], None]


class _Lost(Exception):
    """Another worker has it, or this process is to stop."""


async def advance(
    db: Database, settings: Settings, tell_closed: TellClosed, is_stopping: Callable[[], bool] = lambda: False
) -> int:
    """Do what is asked for, one erasure after the other; gives how many were done."""
    done = 0
    for project_id, erasure_id in await queries.list_due(db.hot):
        if is_stopping():
            break
        done += await work(db, settings, tell_closed, project_id, erasure_id, is_stopping)
    return done


async def work(
    db: Database,
    settings: Settings,
    tell_closed: TellClosed,
    project_id: UUID,
    erasure_id: UUID,
    is_stopping: Callable[[], bool] = lambda: False,
) -> bool:
    """Go on with one erasure; tells whether it is done. It is never given up: a failure is told and tried again."""
    row = await queries.claim(db.hot, project_id, erasure_id, LEASE)
    if row is None:
        return False
    mine = (project_id, erasure_id, row["fence"])
    pause = min(PAUSE * row["tries"], LONGEST_PAUSE)
    try:
        return await _Erasing(db, settings, tell_closed, mine, row, is_stopping).erase()
    except _Lost:
        await queries.let_go(db.hot, mine, timedelta(0), "")
    except (StoreRefused, OSError) as fault:
        told = fault.message if isinstance(fault, StoreRefused) else f"The disk refused: {fault}."
        await queries.let_go(db.hot, mine, pause, told)
    except ReviewError as refusal:
        await queries.let_go(db.hot, mine, pause, refusal.message)
    except (asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError):
        await queries.let_go(db.hot, mine, SETTLING, "")  # somebody had such an item in hand
    except UNREACHABLE:
        raise  # the lease runs out by itself
    except Exception:
        log.exception("erasure %s failed; it is tried again", erasure_id)
        await queries.let_go(db.hot, mine, pause, "It failed for a reason that the server's log tells.")
    return False


class _Erasing:
    """One erasure being done."""

    def __init__(
        self,
        db: Database,
        settings: Settings,
        tell_closed: TellClosed,
        mine: Mine,
        row: Any,
        is_stopping: Callable[[], bool],
    ) -> None:
        self._db = db
        self._settings = settings
        self._tell_closed = tell_closed
        self._mine = mine
        self._project_id = mine[0]
        self._row = row
        self._reason = f"erasure {mine[1]}"
        self._is_stopping = is_stopping

    async def erase(self) -> bool:
        """Do what is left of it; False where something is on its way that must arrive first."""
        while batch := await self._next(NOBODY, erased=False):
            await self._erase_items(batch)
        if not await self._look_again():
            await queries.let_go(self._db.hot, self._mine, SETTLING, "")
            return False
        await self._withdraw_snapshots()
        return await self._end()

    async def _next(self, after: UUID, *, erased: bool) -> list[UUID]:
        if self._is_stopping():
            raise _Lost
        return await queries.list_next(self._db.hot, self._mine, after, BATCH, erased=erased)

    async def _erase_items(self, item_ids: list[UUID]) -> None:
        """Erase a batch; what is open is withdrawn first."""
        async with self._db.transaction() as tx:
            hot = await driver_of(tx)
            if not await queries.keep(hot, self._mine, LEASE):
                raise _Lost
            found = await scrub_queries.lock(hot, self._project_id, item_ids)
            for item_id in (item_id for item_id, state in found.items() if state == "open"):
                await withdrawal.take_off(tx, self._project_id, item_id, TIMER, "erased", self._tell_closed)
            await self._scrub(tx, list(found))
            for item_id in found:
                details = {"erasure": str(self._mine[1]), "by": self._row["requested_by"]}
                audit.record(tx, self._project_id, TIMER, Action.ITEM_ERASED, item_id=item_id, details=details)
            await queries.mark_erased(await driver_of(tx), self._mine, item_ids)

    async def _scrub(self, tx: Any, item_ids: list[UUID]) -> None:
        hot = await driver_of(tx)
        await scrub_queries.scrub(hot, self._project_id, item_ids, self._row["requested_by"])
        await feedback.withdraw(tx, self._project_id, item_ids)
        await audit.erase_of_items(tx, self._project_id, item_ids, actor=TIMER, reason=self._reason)
        entries = await scrub_queries.list_act_entries(hot, self._project_id, item_ids)
        if entries:
            await audit.erase(tx, self._project_id, entries, actor=TIMER, reason=self._reason)

    async def _look_again(self) -> bool:
        """Erase what has come since to items that were erased; tells whether nothing is on its way any more."""
        await sequencing.sequence_project(self._db, self._project_id)
        after, is_settled = NOBODY, True
        while batch := await self._next(after, erased=True):
            after = batch[-1]
            async with self._db.transaction() as tx:
                hot = await driver_of(tx)
                if not await queries.keep(hot, self._mine, LEASE):
                    raise _Lost
                await scrub_queries.lock(hot, self._project_id, batch)
                unsettled = await scrub_queries.list_unsettled(hot, self._project_id, batch)
                await self._scrub(tx, batch)
                settled = [item_id for item_id in batch if item_id not in unsettled]
                await queries.mark_checked(await driver_of(tx), self._mine, settled)
            is_settled = is_settled and not unsettled
        return is_settled

    async def _withdraw_snapshots(self) -> None:
        hot = self._db.hot
        await feedback.sequence_project(self._db, self._project_id)
        position = await queries.first_position(hot, self._mine)
        if position is None:
            return
        items = await queries.list_items(hot, self._project_id, self._mine[1])
        await withdrawing.restart_unfinished(hot, self._settings, project_id=self._project_id, position=position)
        withdrawn = await withdrawing.withdraw_holding(
            hot, self._settings, project_id=self._project_id, position=position, items=items
        )
        if withdrawn:
            await queries.count_snapshots(hot, self._project_id, self._mine[1], withdrawn)

    async def _end(self) -> bool:
        """Say that it is done, and tell: in one transaction, under the fence."""
        async with self._db.transaction() as tx:
            hot = await driver_of(tx)
            if not await queries.end(hot, self._mine):
                return False
            row = await queries.find(hot, self._project_id, self._mine[1])
            said = {"id": str(self._mine[1]), "kind": row["kind"], "items": row["items"], "snapshots": row["snapshots"]}
            outbox.emit(tx, self._project_id, EventKind.ERASURE_ENDED, item_id=None, payload={"erasure": said})
            audit.record(tx, self._project_id, TIMER, Action.ERASURE_ENDED, details=said)
        return True
