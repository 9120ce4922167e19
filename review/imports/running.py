"""Importing uploaded files in a worker: each batch is stored, counted and its faults kept by one transaction.

A lease keeps two workers from the same import, and each transaction locks its row under the fence. What is cut off is
taken up behind the last row that was dealt with.
"""

import asyncio
import logging
import tempfile
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Final
from uuid import UUID

import msgspec

from review.audit import service as audit
from review.audit.rules import TIMER, Action
from review.identity import keys
from review.identity import service as identity
from review.identity.rules import Permission, Principal
from review.imports import reading, run_queries
from review.imports.errors import ImportInvalid
from review.imports.rules import known_by, storable
from review.imports.run_queries import MOST_KEPT, MOST_TRIES, Mine
from review.imports.schemas import Asked, Fault, Layout, Progress
from review.imports.service import Importer
from review.imports.uploading import as_kept, called
from review.kernel.db import UNREACHABLE, Database, Hot, driver_of
from review.kernel.errors import ReviewError
from review.kernel.settings import Settings

log = logging.getLogger(__name__)

LEASE: Final = timedelta(seconds=120)  # renewed with each batch, which takes a second at the most
KEEP_EVERY_SECONDS: Final = 10.0  # while the file is brought here, and read up to where it had come
PAUSE: Final = timedelta(seconds=5)  # times the tries
AT_A_TIME: Final = 4  # so that a short file waits for no long one


class _Lost(Exception):
    """Another worker has it, or somebody stopped it, or this process is to stop."""


class _NotAllowed(Exception):
    """Whoever asked for it may not import any more."""


async def advance(db: Database, settings: Settings, is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Import what is waiting, a few files at a time; gives how many ended."""
    due = await run_queries.list_due(db.hot, AT_A_TIME)
    ended = await asyncio.gather(*(work(db, settings, *each, is_stopping) for each in due), return_exceptions=True)
    for each in ended:
        if isinstance(each, BaseException):
            raise each
    return sum(each is True for each in ended)


async def work(
    db: Database,
    settings: Settings,
    project_id: UUID,
    import_id: UUID,
    is_stopping: Callable[[], bool] = lambda: False,
) -> bool:
    """Go on with one import; tells whether it is done."""
    row = await run_queries.claim(db.hot, project_id, import_id, LEASE)
    if row is None:
        return False
    mine = (project_id, import_id, row["fence"])
    running = _Running(db, settings, mine, row, is_stopping)
    pause = PAUSE * row["tries"]
    try:
        if row["tries"] > MOST_TRIES:
            return await running.end("failed", row["error"] or "It failed again and again.")
        return await running.run()
    except _Lost:
        await run_queries.give_back(db.hot, mine)
    except _NotAllowed:
        await running.end("failed", f"{row['requested_by']} may not import here any more. What was imported stays.")
    except ReviewError as refusal:
        await running.end("failed", storable(refusal.message))
    except OSError as fault:  # where it was the database that is away, this raises as well, and the lease runs out
        await run_queries.let_go(db.hot, mine, pause, f"The disk refused: {fault.strerror or fault}.")
    except UNREACHABLE:
        raise  # the lease runs out by itself
    except Exception:
        log.exception("import %s failed; it is tried again", import_id)
        await run_queries.let_go(db.hot, mine, pause, "It failed for a reason that the server's log tells.")
    return False


class _Running:
    """One import being done; it keeps what came of each batch with the batch."""

    def __init__(self, db: Database, settings: Settings, mine: Mine, row: Any, is_stopping: Callable[[], bool]) -> None:
        self._db = db
        self._settings = settings
        self._mine = mine
        self._row = row
        self._asked = msgspec.json.decode(row["asked"], type=Asked)
        self._kept: int = row["kept"]
        self._is_stopping = is_stopping
        self._kept_at = monotonic()

    async def run(self) -> bool:
        """Bring the file here, and import what is left of it."""
        layout = Layout(self._row["layout"])
        with tempfile.TemporaryDirectory(prefix="countersign-import-") as folder:
            path = Path(folder) / "file"
            await self._fetch(path)
            importer = Importer(self._db, self, asked=self._asked, base_url=self._settings.public_url)
            if self._row["line"]:
                importer.seen_before(self._row["unseen"])
            try:
                source = await asyncio.to_thread(reading.open_source, path, layout)
                await importer.run(source)
            except ImportInvalid as fault:
                raise called(fault, path, self._asked.name) from fault
        return await self.end("done", "")

    async def find_who(self) -> Principal:
        """Give who uploaded the file, if they still may, as a caller who submits items now."""
        hot, row, project_id = self._db.hot, self._row, self._mine[0]
        if row["acted_kind"] == "key":
            may = await keys.stands(hot, project_id, row["acted_by"])
        else:
            named: dict[str, Any] = {"key_id": row["key_id"], "carried": row["permissions"], "origin": row["origin"]}
            found = await identity.find_absent(hot, project_id, row["acted_by"], **named)
            may = found is not None and found.may(Permission.IMPORT)
        if not may:
            raise _NotAllowed
        as_now = await keys.get_operator(hot, row["project"])
        known = {"kind": row["acted_kind"], "id": row["acted_by"], "name": row["requested_by"], "origin": row["origin"]}
        return msgspec.structs.replace(as_now, **known)

    async def begin(self, _who: Principal, total: int) -> Progress:
        """Go on behind the last row that was dealt with."""
        if not await run_queries.begin(self._db.hot, self._mine, total):
            raise _Lost
        counted = {name: self._row[name] for name in ("done", "imported", "repeated", "left_out", "line")}
        return Progress(total=total, **counted)

    async def stay(self) -> None:
        """Keep the lease, now and then, while nothing is stored."""
        if self._is_stopping():
            raise _Lost
        if monotonic() - self._kept_at > KEEP_EVERY_SECONDS:
            self._kept_at = monotonic()
            if not await run_queries.keep(self._db.hot, self._mine, LEASE):
                raise _Lost

    @asynccontextmanager
    async def batch(self) -> AsyncGenerator[Hot]:
        """Give the connection below a transaction that has the import's row locked."""
        if self._is_stopping():
            raise _Lost
        async with self._db.transaction() as tx:
            hot = await driver_of(tx)
            if not await run_queries.keep(hot, self._mine, LEASE):
                raise _Lost
            yield hot

    async def keep(self, hot: Hot, progress: Progress, faults: Sequence[Fault], unseen: Collection[str]) -> None:
        """Keep how far it has come, and the rows that were left out, as many as there is room for."""
        kept = [
            (self._kept + at, each.line, storable(each.reason), as_kept(each.row), *self._known_by(each))
            for at, each in enumerate(faults[: MOST_KEPT - self._kept], 1)
        ]
        await run_queries.move_on(hot, self._mine, progress, unseen, kept)
        self._kept += len(kept)

    async def end(self, state: str, error: str) -> bool:
        """Say how it ended, and remove its file: in one transaction, under the fence."""
        async with self._db.transaction() as tx:
            hot = await driver_of(tx)
            if not await run_queries.end(hot, self._mine, state, error):
                return False
            await run_queries.remove_pieces(hot, *self._mine[:2])
            row = await run_queries.find(hot, self._mine[0], self._row["number"])
            details = {name: row[name] for name in ("number", "state", "imported", "repeated", "left_out")}
            audit.record(tx, self._mine[0], TIMER, Action.IMPORT_ENDED, details=details)
        return state == "done"

    def _known_by(self, fault: Fault) -> tuple[str | None, str | None]:
        return known_by(fault.row, self._asked.mapping)

    async def _fetch(self, path: Path) -> None:
        number = 0
        with path.open("wb") as file:
            while piece := await run_queries.find_piece(self._db.hot, self._mine[0], self._mine[1], number):
                await self.stay()
                await asyncio.to_thread(file.write, piece)
                number += 1
