"""A project with a log in it, and what verifying says of it."""

import asyncio
from base64 import urlsafe_b64encode
from datetime import timedelta
from pathlib import Path

from review.audit import checking, reading, sequencing
from review.audit.checking import Report
from review.audit.notes import Signer, show_key
from review.audit.rules import OPERATOR
from review.audit.sequencing import Keeper
from review.kernel.db import Database
from tests.make import World

SECRET = urlsafe_b64encode(bytes(range(32))).decode()
SIGNER = Signer(SECRET)


def keeper(world: World, directory: Path | None = None, *, signs: bool = True) -> Keeper:
    """What a worker keeps the log with; it signs at every turn in which there is something new."""
    return Keeper(world.db, SIGNER if signs else None, timedelta(), directory)


async def advance(world: World, directory: Path | None = None) -> int:
    """One turn of the sequencer."""
    return await sequencing.advance(keeper(world, directory))


async def verify(world: World, *outside: Path, keys: list[bytes] | None = None) -> Report:
    """Verify the live database."""
    trusted = [SIGNER.public_key] if keys is None else keys
    return await checking.verify_database(
        world.db, world.project, world.service.project_id, outside=outside, keys=trusted, watch=lambda _done, _of: None
    )


async def export(world: World, path: Path) -> Path:
    """Write the log to a file, as the command does."""
    key = show_key(SIGNER.public_key)
    pieces = reading.export(world.db, world.project, world.service.project_id, actor=OPERATOR, public_key=key)
    written = b"".join([piece async for piece in pieces])
    await asyncio.to_thread(path.write_bytes, written)
    return path


def verify_export(path: Path, *outside: Path, keys: list[bytes] | None = None) -> Report:
    """Verify a file, with no database."""
    trusted = [SIGNER.public_key] if keys is None else keys
    return checking.verify_export(path, outside=outside, keys=trusted, watch=lambda _done, _of: None)


async def as_superuser(db: Database, *statements: str) -> None:
    """Change what no trigger would let pass."""
    async with db.hot.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            await connection.execute(statement)
