"""Writing Parquet without knowing the types beforehand: draft with what is known, and start over if that grew.

Most exports are written in one reading, because the first records show every shape. When a later record does not
fit, the draft is dropped, the rest is only learnt from, and a second reading writes the file with what was learnt.
"""

import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import BinaryIO, TypeAlias, cast

from review.datasets.errors import RecordsUntypable
from review.datasets.formats.arrow import Table
from review.datasets.formats.fitting import DoesNotFit, Plan, first_plan, fit, learn
from review.datasets.formats.parquet import ParquetEncoder
from review.datasets.pipeline import in_thread, worked

Reading: TypeAlias = Callable[[], AsyncGenerator[bytes]]

FIRST_LESSON_LINES = 1_000  # at about 40 us each
CHUNKS_AT_ONCE = 3  # typing JSON is the slow part: two keep two cores busy with it while a third is written
PIECE_BYTES = 1 << 20


async def parquet_stream(read: Reading) -> AsyncGenerator[bytes]:
    """Give a Parquet file of the lines that `read` gives; it is called again if the types have to be learnt first.

    The file is put together on disk, in a nameless temporary file that is gone when the stream ends.

    Raises:
        RecordsUntypable: a record is not JSON that every reader understands alike (409).
    """
    with tempfile.TemporaryFile() as spool:
        draft = _Draft(cast("BinaryIO", spool))
        if not await draft.write(read()) and not await draft.write(read()):
            raise RecordsUntypable
        spool.seek(0)
        while piece := await in_thread(spool.read, PIECE_BYTES):
            yield piece


class _Draft:
    """One file in the making, and the plan as far as it is known."""

    def __init__(self, spool: BinaryIO) -> None:
        self._spool = spool
        self._plan: Plan | None = None
        self._encoder: ParquetEncoder | None = None

    async def write(self, lines: AsyncGenerator[bytes]) -> bool:
        """Write the file; tell whether it is complete. If not, the plan has learnt what it takes."""
        async with aclosing(lines):
            first = await anext(lines, b"")
            self._begin(await in_thread(self._first_lesson, first))
            try:
                async with aclosing(worked(_chain(first, lines), self._fit, width=CHUNKS_AT_ONCE)) as fitted:
                    async for table in fitted:
                        await in_thread(self._take, table)
                return await in_thread(self._finish)
            finally:
                self._drop()

    def _first_lesson(self, first: bytes) -> Plan:
        if self._plan is not None:
            return self._plan
        return learn(b"\n".join(first.split(b"\n", FIRST_LESSON_LINES)[:FIRST_LESSON_LINES]), first_plan())

    def _begin(self, plan: Plan) -> None:
        self._plan = plan
        self._spool.seek(0)
        self._spool.truncate()
        self._encoder = ParquetEncoder(self._spool, plan)

    def _fit(self, lines: bytes) -> Table | bytes:
        """Give the table, or the lines back if they do not fit. Runs in several threads and changes nothing."""
        try:
            return fit(lines, cast("Plan", self._plan))
        except DoesNotFit:
            return lines

    def _take(self, table: Table | bytes) -> None:
        if isinstance(table, bytes):
            self._plan = learn(table, cast("Plan", self._plan))
            self._drop()
        elif self._encoder is not None:
            self._encoder.add(table)

    def _finish(self) -> bool:
        if self._encoder is None:
            return False
        self._encoder.end()
        self._encoder = None
        return True

    def _drop(self) -> None:
        if self._encoder is not None:
            self._encoder.abandon()
            self._encoder = None


async def _chain(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for each in rest:
        yield each
