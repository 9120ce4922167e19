"""A process that writes one file of feedback and tells how long it took and how much memory: the subject of G12."""

import asyncio
import resource
import sys
from pathlib import Path
from time import perf_counter
from typing import BinaryIO, Literal
from uuid import UUID

import msgspec

from review.datasets.schemas import Format
from review.datasets.service import export_stream
from review.kernel.db import Database
from review.kernel.settings import Settings

RECORDS = "SELECT record FROM feedback WHERE project_id = $1 AND position <= $2 ORDER BY position"
LAST = "SELECT max(position) FROM feedback WHERE project_id = $1"


async def write(kind: str, project_id: UUID, path: Path) -> dict[str, float]:
    """Write the file and measure it, without starting up and connecting."""
    db = await Database.connect(Settings.from_env())
    try:
        await db.hot.fetchval("SELECT 1")
        started = perf_counter()
        with path.open("wb") as out:
            if kind.startswith("copy-"):
                await _copy(db, project_id, "binary" if kind == "copy-binary" else "text", out)
            else:
                async for piece in export_stream(db, project_id, Format(kind)):
                    out.write(piece)
        took = perf_counter() - started
    finally:
        await db.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": took, "peak_rss": peak}


async def _copy(db: Database, project_id: UUID, form: Literal["binary", "text"], out: BinaryIO) -> None:
    last = await db.hot.fetchval(LAST, project_id)
    async with db.hot.acquire() as connection:
        await connection.copy_from_query(RECORDS, project_id, last, output=out, format=form)


if __name__ == "__main__":
    _, kind, project, name = sys.argv
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(write(kind, UUID(project), Path(name)))))
