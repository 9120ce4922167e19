"""The sequencer: giving committed entries their place in the tree, signing its heads, keeping those elsewhere."""

import asyncio
import logging
import os
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import log_queries, tree
from review.audit.notes import Checkpoint, Signer, origin_of
from review.audit.tree import Frontier
from review.kernel.db import Database, Hot, driver_of
from review.kernel.settings import Settings

log = logging.getLogger(__name__)

KEPT_AT_ONCE = 500


class Keeper(msgspec.Struct, frozen=True):
    """What keeping the log needs: the database, the key, how often to sign, and where checkpoints are kept."""

    db: Database
    signer: Signer | None
    every: timedelta
    directory: Path | None

    @classmethod
    def of(cls, db: Database, settings: Settings) -> "Keeper":
        """Take key, interval and directory from the settings."""
        signer = Signer(settings.audit_key) if settings.audit_key else None
        return cls(db, signer, settings.audit_interval, settings.audit_checkpoints)


async def advance(keeper: Keeper) -> int:
    """Give every committed entry its place, sign what has grown for long enough, and keep it; tells how many entries.

    Safe to run in several processes at once: a project that another sees to is skipped. A project that fails is
    logged and left for the next turn, and the others have theirs.
    """
    db, hot, signer, directory = keeper.db, keeper.db.hot, keeper.signer, keeper.directory
    total = 0
    for row in await log_queries.list_waiting(hot):
        with _logging(row["slug"], "sequenced"):
            total += await sequence_project(db, row["id"])
    if signer is not None:
        for row in await log_queries.list_unsigned(hot, keeper.every):
            with _logging(row["slug"], "signed"):
                await sign_project(db, signer, row["id"], row["slug"])
    if directory is not None:
        for row in await log_queries.list_unkept(hot):
            with _logging(row["slug"], "kept outside the database"):
                await keep_project(db, directory, row["id"], row["slug"])
    return total


async def sequence_project(db: Database, project_id: UUID) -> int:
    """Give one project's committed entries their places until none waits, or another process has its log."""
    total = 0
    while True:
        async with db.transaction() as tx:
            given = await _sequence_batch(tx, project_id)
        total += given
        if given < log_queries.BATCH:
            return total


async def sign_project(db: Database, signer: Signer, project_id: UUID, project: str) -> Checkpoint | None:
    """Sign the tree as it stands; None if it has not grown since, or another process has the log."""
    async with db.transaction() as tx:
        hot = await driver_of(tx)
        row = await log_queries.lock_log(hot, project_id)
        if row is None or row["size"] == row["signed_size"]:
            return None
        size, origin = row["size"], origin_of(project, project_id)
        root = (await _frontier(hot, project_id, size)).root()
        note = signer.sign(origin, size, root, row["at"])
        checkpoint = Checkpoint(origin=origin, size=size, root=root, signed_at=row["at"], note=note)
        await log_queries.sign(hot, project_id, checkpoint)
    return checkpoint


async def keep_project(db: Database, directory: Path, project_id: UUID, project: str) -> int:
    """Append one project's new checkpoints to its file; what a crash leaves unmarked is appended once more.

    A checkpoint is written only after the transaction that stored it, so that no file knows what the database may yet
    forget.
    """
    async with db.transaction() as tx:
        hot = await driver_of(tx)
        unkept = await log_queries.take_unkept(hot, project_id, KEPT_AT_ONCE)
        if unkept:
            path = directory / f"{project}.checkpoints"
            await asyncio.to_thread(_append, path, [note for _, note in unkept])
            await log_queries.mark_kept(hot, project_id, [size for size, _ in unkept])
    return len(unkept)


@contextmanager
def _logging(project: str, what: str) -> Generator[None]:
    """Log what fails; the next turn takes it up again."""
    try:
        yield
    except Exception:
        log.exception("the audit of project %s could not be %s; the next turn tries again", project, what)


async def _sequence_batch(tx: AsyncSession, project_id: UUID) -> int:
    hot = await driver_of(tx)
    row = await log_queries.lock_log(hot, project_id)
    if row is None:
        return 0
    size = row["size"]
    placed = await log_queries.give_places(hot, project_id, size)
    if not placed:
        return 0
    if [position for position, _ in placed] != list(range(size, size + len(placed))):
        message = "entries were given places with gaps between them"
        raise RuntimeError(message)
    frontier = await _frontier(hot, project_id, size)
    nodes = frontier.extend([leaf for _, leaf in placed])
    await log_queries.grow(hot, project_id, frontier.size, nodes)
    return len(placed)


async def _frontier(hot: Hot, project_id: UUID, size: int) -> Frontier:
    """Take up the tree where the database has it."""
    edge = [(each.place << each.height, (each.place + 1) << each.height) for each in tree.subtrees_of(0, size)]
    found = await log_queries.get_hashes(hot, project_id, tree.needed(edge))
    return Frontier(size, tree.build(edge, found.__getitem__))


def _append(path: Path, notes: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        # Empty lines before each: whatever a crash left unfinished does not run into it.
        file.write("".join(f"\n\n{note}" for note in notes).encode())
        file.flush()
        os.fsync(descriptor)
