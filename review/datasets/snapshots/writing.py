"""Writing the files of a snapshot: typed columns, one set of files per part, each of bounded size.

The records are read twice: once to count classes and learn the types of columns, once to write. Both are streams in
short transactions, so memory does not grow with the records and nothing keeps vacuum from the tables. The same records
give the same bytes.
"""

import hashlib
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from review.datasets.errors import RecordsUntypable
from review.datasets.formats.arrow import Table
from review.datasets.formats.fitting import DoesNotFit, Plan, first_plan, fit, learn
from review.datasets.formats.parquet import ROW_GROUP_BYTES, ParquetEncoder
from review.datasets.formats.shapes import Boolean, Integer, Listing, Real, Shape, Text
from review.datasets.pipeline import ahead, in_thread
from review.datasets.selections.choosing import Choice, Taken
from review.datasets.snapshots.rules import FileOf
from review.feedback import chunks
from review.kernel.db import Database

ROWS_PER_FILE: Final = 250_000
BYTES_PER_FILE: Final = 256 << 20  # reached with large records only; what a cut upload sends again at the most
ADDED: Final[Mapping[str, Shape]] = {
    "revision": Integer(),
    "is_last": Boolean(),
    "pool": Text(),
    "reviewers": Listing(Text()),
    "label_class": Text(),
    "guidelines_sha256": Text(),
    "split": Text(),
    "sampling_probability": Real(),
    "weight": Real(),
}

# Called with the position reached and the records taken so far.
Watcher: TypeAlias = Callable[[int, int], Awaitable[None]]
# Called with each file that is whole, which may be removed then.
Taker: TypeAlias = Callable[[FileOf], Awaitable[None]]


async def count(db: Database, stretch: chunks.Stretch, choice: Choice, watch: Watcher) -> Plan:
    """Go through the records without writing: what is counted is in the choice, what is learnt of columns is given."""
    plan = first_plan()
    async with aclosing(ahead(chunks.read(db.hot, stretch))) as coming:
        async for chunk in coming:
            if chunk.lines:
                plan = await in_thread(_learn, choice, chunk.lines, plan)
            await watch(chunk.reached, choice.counts.taken)
    return Plan.of({**plan.shapes, **ADDED})


def _learn(choice: Choice, lines: bytes, plan: Plan) -> Plan:
    taken = choice.take(lines)
    if not taken:
        return plan
    kept = b"\n".join(each.line for each in taken)
    try:
        fit(kept, plan)
    except DoesNotFit:
        return learn(kept, plan)
    return plan


async def write(
    db: Database, stretch: chunks.Stretch, choice: Choice, plan: Plan, folder: Path, watch: Watcher, take: Taker
) -> list[FileOf]:
    """Go through the records again and write them into an empty folder; each file is given on once it is whole.

    Raises:
        RecordsUntypable: a record is not JSON that every reader understands alike (409); OSError: the disk is full.
    """
    writer = _Writer(folder, plan)
    try:
        async with aclosing(ahead(chunks.read(db.hot, stretch))) as coming:
            async for chunk in coming:
                if chunk.lines:
                    await in_thread(writer.add, choice, chunk.lines)
                    await _give(writer, take)
                await watch(chunk.reached, choice.counts.taken)
        files = await in_thread(writer.end)
        await _give(writer, take)
    except DoesNotFit as fault:
        raise RecordsUntypable from fault
    else:
        return files
    finally:
        writer.abandon()


async def _give(writer: "_Writer", take: Taker) -> None:
    while writer.whole:
        await take(writer.whole.popleft())


class _Writer:
    """The files of all parts in the making."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._folder = folder
        self._plan = plan
        self._open: dict[str, _File] = {}
        self._made: defaultdict[str, list[FileOf]] = defaultdict(list)
        self.whole: deque[FileOf] = deque()

    def add(self, choice: Choice, lines: bytes) -> None:
        """Write what the choice takes of the lines."""
        parts: defaultdict[str, list[Taken]] = defaultdict(list)
        for each in choice.take(lines):
            parts[each.part].append(each)
        for part, taken in parts.items():
            table = fit(b"\n".join(each.line for each in taken), self._plan)
            self._add(part, table)
            self._bound()

    def _bound(self) -> None:
        """Keep no more in memory for all parts than for one: what has most waiting is written early."""
        while sum(file.waiting_bytes for file in self._open.values()) >= ROW_GROUP_BYTES:
            max(self._open.values(), key=lambda file: (file.waiting_bytes, file.part)).flush()

    def _add(self, part: str, table: Table) -> None:
        while table.num_rows:
            if part not in self._open:
                name = f"{part}-{len(self._made[part]):05d}.parquet"
                self._open[part] = _File(self._folder / name, part, self._plan)
            file = self._open[part]
            room = ROWS_PER_FILE - file.rows
            file.add(table.slice(0, room))
            table = table.slice(room)
            if file.rows == ROWS_PER_FILE or file.bytes >= BYTES_PER_FILE:
                self._end(part)

    def end(self) -> list[FileOf]:
        """End what is open; gives all files by name."""
        for part in list(self._open):
            self._end(part)
        return sorted((each for made in self._made.values() for each in made), key=lambda each: each.name)

    def _end(self, part: str) -> None:
        """End a file, which stays open to be closed by `abandon` where that fails."""
        made = self._open[part].end()
        del self._open[part]
        self._made[part].append(made)
        self.whole.append(made)

    def abandon(self) -> None:
        """Close what is open, whose content is of no use."""
        for file in self._open.values():
            file.abandon()
        self._open.clear()


class _File:
    def __init__(self, path: Path, part: str, plan: Plan) -> None:
        self._path = path
        self.part = part
        self._out: BinaryIO = path.open("wb")
        self._encoder = ParquetEncoder(self._out, plan)
        self.rows = 0

    def add(self, table: Table) -> None:
        self._encoder.add(table)
        self.rows += table.num_rows

    @property
    def waiting_bytes(self) -> int:
        return self._encoder.waiting_bytes

    def flush(self) -> None:
        self._encoder.flush()

    @property
    def bytes(self) -> int:
        """What has reached the file: its full row groups."""
        return self._out.tell()

    def end(self) -> FileOf:
        self._encoder.end()
        self._out.close()
        with self._path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = self._path.stat().st_size
        return FileOf(name=self._path.name, split=self.part, rows=self.rows, bytes=size, sha256=digest)

    def abandon(self) -> None:
        """Close both, whatever a full disk says of what is not written yet."""
        with suppress(OSError):
            self._encoder.abandon()
        with suppress(OSError):
            self._out.close()
