"""Reading a stretch of the feed as lines of JSON, in chunks of bounded size that are each their own transaction.

The records leave the database through COPY and are never decoded on the way. No connection and no snapshot is
held while the receiver is busy, so that a slow download cannot keep vacuum from the queue's tables.
"""

from collections.abc import AsyncGenerator, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg
import msgspec

TARGET_BYTES = 4 * 1024 * 1024
FIRST_POSITIONS = 2_000
MOST_POSITIONS = 100_000  # a chunk in which a filter matches little still ends within the statement timeout
ERASED = "erased"
OTHER_TYPE = "another item type"
EARLIER = "decided outside the dates"
REPLACED = "replaced by a later revision"
OVERFLOW = 4  # a chunk this many times over its target is given up and read again in smaller ones


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a project's feed: positions above `after` up to and with `upto`, and what is left out of it.

    `superseded` asks for records that a later revision of the same decision within the stretch has replaced. Where
    `beside` is given, a line is the record, a tab and the JSON value of that SQL expression over the row `f`: it comes
    from code, never from a caller, and its `{upto}` is where the stretch ends. `withdrawn` asks for what is left of
    records whose items were erased. `tells` asks how many records were left out, and why.
    """

    project_id: UUID
    upto: int
    after: int = 0
    of_type: str | None = None
    since: datetime | None = None
    superseded: bool = True
    beside: str = ""
    withdrawn: bool = False
    tells: bool = False


class Chunk(NamedTuple):
    """Whole lines of JSON in feed order, how many they are, the position reached, and what was left out, by reason."""

    lines: bytes
    records: int
    reached: int
    left_out: Mapping[str, int] = {}


class _Overflow(Exception):
    """The chunk outgrew its bound."""


async def read(
    hot: "asyncpg.Pool[asyncpg.Record]", stretch: Stretch, *, target_bytes: int = TARGET_BYTES
) -> AsyncGenerator[Chunk]:
    """Read the stretch in feed order; where each chunk ends depends on the data alone.

    A chunk without a matching record is given too, with no lines, so that progress shows.
    """
    after, width = stretch.after, FIRST_POSITIONS
    while after < stretch.upto:
        reached = min(after + width, stretch.upto)
        try:
            lines, records = await _copy(
                hot, stretch, after, reached, bound=OVERFLOW * target_bytes if width > 1 else None
            )
        except _Overflow:
            width = max(1, width // (2 * OVERFLOW))
            continue
        left_out: Mapping[str, int] = {}
        if stretch.tells and records < reached - after:
            left_out = {row["reason"]: row["count"] for row in await hot.fetch(_left_out(stretch, after, reached))}
        width = _next_width(reached - after, len(lines), target_bytes)
        after = reached
        yield Chunk(lines, records, reached, left_out)


def _next_width(positions: int, size: int, target_bytes: int) -> int:
    fitting = positions * target_bytes // max(size, 1)
    return max(1, min(fitting, OVERFLOW * positions, MOST_POSITIONS))


async def _copy(
    hot: "asyncpg.Pool[asyncpg.Record]", stretch: Stretch, after: int, reached: int, *, bound: int | None
) -> tuple[bytes, int]:
    pieces: list[bytes] = []
    size = 0

    async def collect(piece: bytes) -> None:
        nonlocal size
        size += len(piece)
        if bound is not None and size > bound:
            raise _Overflow
        pieces.append(piece)

    statement = _statement(stretch, after, reached)
    async with hot.acquire() as connection:
        status = await connection.copy_from_query(statement, output=collect, format="text")
    return _unescaped(pieces), int(status.removeprefix("COPY "))


def _unescaped(pieces: list[bytes]) -> bytes:
    """Undo what COPY's text format did to the records.

    A record has no raw line break, tab or other control character in it, so the backslash, which JSON does use, is
    the only thing that is escaped. Most pieces have none, and looking for one is ten times quicker than replacing.
    """
    if not all(piece.endswith(b"\n") for piece in pieces):  # the driver gives whole rows; should it ever not
        pieces = [b"".join(pieces)]
    return b"".join([piece.replace(b"\\\\", b"\\") if b"\\" in piece else piece for piece in pieces])


def _statement(stretch: Stretch, after: int, reached: int) -> str:
    """Build the COPY query; a condition that is not asked for is not in it.

    COPY takes no parameters, and the driver would ask the server three times to quote them, so they are literals:
    a UUID, integers, a moment, and one text, quoted.
    """
    conditions = f"project_id = '{stretch.project_id}' AND position > {after:d} AND position <= {reached:d}"
    if not stretch.withdrawn:
        conditions += " AND withdrawn_at IS NULL"
    if stretch.of_type is not None:
        conditions += f" AND type = {_quoted(stretch.of_type)}"
    if stretch.since is not None:
        conditions += f" AND decided_at >= {_quoted(stretch.since.isoformat())}"
    if not stretch.superseded:
        conditions += f" AND NOT {_superseded(stretch)}"
    columns = f"record, {stretch.beside.format(upto=stretch.upto)}" if stretch.beside else "record"
    return f"SELECT {columns} FROM feedback f WHERE {conditions} ORDER BY position"  # noqa: S608  literals, quoted here


def _left_out(stretch: Stretch, after: int, reached: int) -> str:
    """Build the query that counts what the COPY query leaves out, each record by the first reason; literals, as there.

    What only tells that an item was erased is no record.
    """
    whens = [f"WHEN withdrawn_at IS NOT NULL THEN '{ERASED}'"]
    if stretch.of_type is not None:
        whens.append(f"WHEN type <> {_quoted(stretch.of_type)} THEN '{OTHER_TYPE}'")
    if stretch.since is not None:
        whens.append(f"WHEN decided_at < {_quoted(stretch.since.isoformat())} THEN '{EARLIER}'")
    if not stretch.superseded:
        whens.append(f"WHEN {_superseded(stretch)} THEN '{REPLACED}'")
    reason = f"CASE {' '.join(whens)} END"
    return (
        f"SELECT reason, count(*) FROM (SELECT {reason} AS reason FROM feedback f"  # noqa: S608  literals, quoted here
        f" WHERE project_id = '{stretch.project_id}' AND position > {after:d} AND position <= {reached:d}"
        " AND revision > 0) WHERE reason IS NOT NULL GROUP BY reason"
    )


def _superseded(stretch: Stretch) -> str:
    return (
        "EXISTS (SELECT FROM feedback later WHERE later.project_id = f.project_id"
        f" AND later.item_id = f.item_id AND later.revision > f.revision AND later.position <= {stretch.upto:d})"
    )


def _quoted(text: str) -> str:
    """Quote a text as a literal that reads the same whatever `standard_conforming_strings` says."""
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


async def has_revisions(hot: "asyncpg.Pool[asyncpg.Record]", project_id: UUID) -> bool:
    """Tell whether any decision of the project has been revised, which an export must then look out for."""
    found = await hot.fetchval(
        "SELECT EXISTS (SELECT FROM feedback WHERE project_id = $1 AND revision > 1)", project_id
    )
    return bool(found)
