"""Keeping erasures outside the database, and doing them again where a restore has brought data back.

A backup of yesterday knows nothing of what was erased today. So each erasure is a line of a file as well, with the ids
of its items and nothing personal, and what the database has lost of them is stored again and done again.
"""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from review.erasure import queries
from review.erasure.schemas import Kept
from review.kernel.db import Database, driver_of
from review.kernel.errors import Invalid
from review.kernel.settings import Settings

log = logging.getLogger(__name__)


async def keep(db: Database, settings: Settings) -> int:
    """Append what is not kept yet to the file that the settings name; tells how many. Without a file nothing is done.

    A crash in between has an erasure there twice, which does no harm.
    """
    if settings.erasures_file is None:
        return 0
    async with db.transaction() as tx:
        hot = await driver_of(tx)
        unkept = await queries.list_unkept(hot)
        if unkept:
            lines = [_line(await queries.get_kept(hot, *key)) for key in unkept]
            await asyncio.to_thread(_append, settings.erasures_file, lines)
            for key in unkept:
                await queries.mark_kept(hot, *key)
    return len(unkept)


async def recover(db: Database, settings: Settings) -> int:
    """Have done again what a restore has undone, and what it has lost; tells how many erasures that is."""
    brought = 0
    if settings.erasures_file is not None and await asyncio.to_thread(settings.erasures_file.is_file):
        text = await asyncio.to_thread(settings.erasures_file.read_bytes)
        brought = await bring_back(db, text.splitlines(), is_strict=False)
    return brought + await replay(db)


async def replay(db: Database) -> int:
    """Have erasures done again whose items have their data back; tells how many."""
    again = await queries.reopen(db.hot)
    if again:
        log.warning("%s erasure(s) are done again: a restore brought back what was erased", again)
    return again


async def export(db: Database) -> AsyncGenerator[bytes]:
    """Give every erasure of every project as a line of JSON."""
    after = UUID(int=0)
    while found := await queries.list_all(db.hot, after):
        for project_id, erasure_id in found:
            yield _line(await queries.get_kept(db.hot, project_id, erasure_id))
        after = found[-1][1]


async def bring_back(db: Database, lines: Iterable[bytes], *, is_strict: bool) -> int:
    """Store erasures that the database does not have, for workers to do; tells how many. Others stay as they are.

    Raises:
        Invalid: a line is none of ours, where it is strict (422); nothing is stored then.
    """
    brought = 0
    async with db.transaction() as tx:
        hot = await driver_of(tx)
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                kept = msgspec.json.decode(line, type=Kept)
            except msgspec.MsgspecError as fault:
                if is_strict:
                    message = f"Line {number} is no erasure: {fault}. Nothing was stored."
                    raise Invalid(message) from fault
                log.warning("line %s of the file of erasures is none; it is passed over", number)
                continue
            columns = (kept.id, kept.kind, kept.reason, kept.requested_by, kept.requested_at)
            brought += await queries.bring_back(hot, kept.project, columns, kept.items)
    return brought


def _line(row: Any) -> bytes:
    return msgspec.json.encode(Kept(**dict(row))) + b"\n"


def _append(path: Path, lines: Iterable[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        file.write(b"\n" + b"".join(lines))  # whatever a crash left unfinished does not run into it
        file.flush()
        os.fsync(descriptor)
