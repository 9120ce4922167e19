"""A process that writes feedback to files, or makes a snapshot, and tells how long and how much memory it took."""

import asyncio
import resource
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import BinaryIO, Literal
from uuid import UUID

import msgspec

from review.audit.rules import OPERATOR
from review.datasets.schemas import Format
from review.datasets.service import export_stream
from review.datasets.snapshots import running, service
from review.kernel.db import Database
from review.kernel.ids import new_id
from review.kernel.settings import Settings

RECORDS = "SELECT record FROM feedback WHERE project_id = $1 AND position <= $2 ORDER BY position"
LAST = "SELECT max(position) FROM feedback WHERE project_id = $1"
DATASET = """
INSERT INTO datasets (project_id, id, name, definition, created_by, changed_by)
VALUES ($1, $2, 'bench', '{"splitting": {"parts": {"train": 0.9, "test": 0.1}, "by": "subject"}}', 'bench', 'bench')
ON CONFLICT (project_id, name) DO NOTHING
"""
# Whatever an earlier process left when it was killed is no longer wanted.
END_OTHERS = "UPDATE snapshots SET state = 'stopped' WHERE project_id = $1 AND state IN ('waiting', 'running')"


async def write(kind: str, project_id: UUID, path: Path) -> dict[str, float]:
    """Write the file, or the files of a snapshot, and measure it, without starting up and connecting."""
    db = await Database.connect(Settings.from_env())
    try:
        await db.hot.fetchval("SELECT 1")
        if kind == "snapshot":
            took = await _make_snapshot(db, project_id, path)
        else:
            took = await _write_file(db, kind, project_id, path)
    finally:
        await db.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": took, "peak_rss": peak}


async def _write_file(db: Database, kind: str, project_id: UUID, path: Path) -> float:
    started = perf_counter()
    with path.open("wb") as out:
        if kind.startswith("copy-"):
            await _copy(db, project_id, "binary" if kind == "copy-binary" else "text", out)
        else:
            async for piece in export_stream(db, project_id, Format(kind)):
                out.write(piece)
    return perf_counter() - started


async def _copy(db: Database, project_id: UUID, form: Literal["binary", "text"], out: BinaryIO) -> None:
    last = await db.hot.fetchval(LAST, project_id)
    async with db.hot.acquire() as connection:
        await connection.copy_from_query(RECORDS, project_id, last, output=out, format=form)


async def _make_snapshot(db: Database, project_id: UUID, beside: Path) -> float:
    """Make a snapshot of all records as a worker does, in a folder that goes with it."""
    await db.hot.execute(DATASET, project_id, new_id())
    await db.hot.execute(END_OTHERS, project_id)
    with tempfile.TemporaryDirectory(dir=beside.parent) as folder:
        settings = msgspec.structs.replace(Settings.from_env(), snapshot_store=Path(folder).as_uri())
        async with db.transaction() as tx:
            begun = await service.begin(tx, settings, project_id=project_id, actor=OPERATOR, dataset="bench")
        started = perf_counter()
        if not await running.work(db, settings, project_id, begun.id):
            message = "the snapshot was not made"
            raise RuntimeError(message)
        return perf_counter() - started


if __name__ == "__main__":
    _, kind, project, name = sys.argv
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(write(kind, UUID(project), Path(name)))))
