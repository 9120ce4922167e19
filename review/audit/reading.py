"""Reading the audit: searching it, and exporting all of it as lines that a verifier takes."""

from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import log_queries, queries, sequencing
from review.audit import service as audit
from review.audit.queries import Wanted
from review.audit.rules import Action, Actor
from review.audit.schemas import ActorView, EntryPage, EntryView
from review.kernel.db import Database, Hot
from review.kernel.errors import FieldError, Invalid
from review.kernel.paging import cursor_of, position_of
from review.kernel.sentences import say

Watch: TypeAlias = Callable[[int, int], None]  # told how much is done, of how much

MAX_PAGE = 200
CHUNK = 2_000  # entries read at once: about 1.5 MB
CHECKPOINTS_AT_ONCE = 1_000
FORMAT = "countersign-audit/1"


async def search(hot: Hot, project_id: UUID, wanted: Wanted, *, cursor: str | None, limit: int) -> EntryPage:
    """Find entries, the newest first.

    Raises:
        Invalid: the cursor or a filter cannot be one of ours (422).
    """
    _check(wanted)
    before = await _place(hot, project_id, cursor)
    limit = max(1, min(limit, MAX_PAGE))
    rows = await queries.search(hot, project_id, wanted, before=before, limit=limit + 1)
    if len(rows) > limit:
        after: UUID | None = rows[limit - 1]["id"]
    else:
        after = await queries.find_looked_through(hot, project_id, wanted, before=before)
    return EntryPage([_view(row) for row in rows[:limit]], None if after is None else cursor_of(after))


async def export(
    db: Database, project: str, project_id: UUID, *, actor: Actor, public_key: str | None, watch: Watch | None = None
) -> AsyncGenerator[bytes]:
    """Give the whole log up to now as lines: a heading, every entry, the checkpoints between them, and an end.

    That it was exported is an entry too, and the last of them. Reads in chunks, each its own short statement.
    """
    async with db.transaction() as tx:
        note_export(tx, project_id, actor)
    await sequencing.sequence_project(db, project_id)
    size = await log_queries.get_size(db.hot, project_id)
    log: dict[str, Any] = {"format": FORMAT, "project": project, "project_id": str(project_id), "size": size}
    yield msgspec.json.encode({"log": log | {"public_key": public_key}}) + b"\n"
    start = 0
    while start < size:
        end = min(start + CHUNK, size)
        yield await _chunk(db.hot, project_id, start, end)
        start = end
        if watch is not None:
            watch(start, size)
    yield msgspec.json.encode({"end": {"size": size}}) + b"\n"


def note_export(tx: AsyncSession, project_id: UUID, actor: Actor) -> None:
    """Record that somebody takes the audit with them."""
    audit.record(tx, project_id, actor, Action.AUDIT_EXPORTED)


async def list_lines(hot: Hot, project_id: UUID, start: int, end: int) -> list[bytes | None]:
    """Read entries of a stretch as lines of the export, in order; one that was mangled may have no line."""
    rows = await log_queries.list_lines(hot, project_id, start, end)
    return [None if line is None else line.encode() for _, line in rows]


async def list_checkpoints(hot: Hot, project_id: UUID, after: int, upto: int) -> list[tuple[int, str]]:
    """Read the stored checkpoints of a stretch of sizes, the smallest first."""
    found: list[tuple[int, str]] = []
    while True:
        page = await log_queries.list_checkpoints(hot, project_id, after, upto, CHECKPOINTS_AT_ONCE)
        found += page
        if len(page) < CHECKPOINTS_AT_ONCE:
            return found
        after = page[-1][0]


async def _chunk(hot: Hot, project_id: UUID, start: int, end: int) -> bytes:
    lines = [line for line in await list_lines(hot, project_id, start, end) if line is not None]
    notes = await list_checkpoints(hot, project_id, start, end)
    pieces: list[bytes] = []
    done = 0
    for size, note in notes:
        pieces += lines[done : size - start]
        done = max(done, size - start)
        pieces.append(msgspec.json.encode({"checkpoint": note}))
    return b"".join([piece + b"\n" for piece in [*pieces, *lines[done:]]])


def _check(wanted: Wanted) -> None:
    faults = [
        FieldError(name, say("has no offset from UTC; write it like 2026-11-21T12:00:00Z"))
        for name, at in (("since", wanted.since), ("until", wanted.until))
        if at is not None and at.tzinfo is None
    ]
    if wanted.action is not None and wanted.action not in set(Action):
        faults.append(FieldError("action", say("is no action; the audit page lists them")))
    texts = {"actor": wanted.actor, "text": wanted.text}
    faults += [FieldError(name, say("holds a NUL character")) for name, text in texts.items() if text and "\0" in text]
    if faults:
        message = say("The audit cannot be asked for that; nothing was read. Mend what is named below.")
        raise Invalid(message, errors=tuple(faults))


async def _place(hot: Hot, project_id: UUID, cursor: str | None) -> tuple[datetime, UUID] | None:
    entry_id = position_of(cursor)
    if entry_id is None:
        return None
    at = await queries.find_time(hot, project_id, entry_id)
    if at is None:
        message = say("The cursor is not one that this service gave; start again without it.")
        raise Invalid(message, errors=(FieldError("cursor", say("is not a cursor")),))
    return at, entry_id


def _view(row: Any) -> EntryView:
    return EntryView(
        id=row["id"],
        position=row["position"],
        at=row["at"],
        action=row["action"],
        actor=ActorView(row["actor_kind"], row["actor_id"], row["actor_name"]),
        origin=row["origin"],
        item_id=row["item_id"],
        config_version=row["config_version"],
        details=msgspec.Raw(row["details"].encode()),
        erased_at=row["erased_at"],
    )
