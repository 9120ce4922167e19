"""Uploaded files: looking at one before it is taken in, and what became of those that were."""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action
from review.configuration.rules import ProjectConfig
from review.datasets.formats import csv as csv_format
from review.identity.rules import Principal
from review.imports import reading, rules, run_queries
from review.imports.errors import ImportInvalid, ImportNotFound, ImportOver, OtherUpload, TooManyImports
from review.imports.rules import Unfit
from review.imports.schemas import Asked, How, ImportView, Layout, LeftOut, Row, Source
from review.imports.service import check, told
from review.items.personal import HIDDEN
from review.items.types import ItemType
from review.kernel.db import Hot, driver_of
from review.kernel.errors import FieldError
from review.kernel.ids import new_id
from review.kernel.sentences import say

MOST_UNDER_WAY: Final = 5
PIECE_BYTES: Final = 1 << 20
ROWS_TRIED: Final = 1_000
ROWS_A_PIECE: Final = 100
MOST_NUMBER: Final = 2**31 - 1
_STORED: Final = (
    *("number", "bytes", "sha256", "state", "done", "total", "imported", "repeated", "left_out", "kept", "error"),
    *("requested_by", "requested_at", "ended_at"),
)


class Upload(NamedTuple):
    """A file that came: where it lies on this machine, what it is, and the digest of its bytes."""

    path: Path
    layout: Layout
    bytes: int
    sha256: str


async def begin(
    tx: AsyncSession, *, who: Principal, config: ProjectConfig, asked: Asked, upload: Upload, key: str | None
) -> tuple[ImportView, bool]:
    """Take a file in, for workers to import it; False beside it where it came before with this idempotency key.

    Raises:
        ImportInvalid: it cannot be imported as asked, or none of its first rows can (422).
        OtherUpload: the key came before with something else (409); TooManyImports (409).
    """
    hot = await driver_of(tx)
    if earlier := await _earlier(hot, who, asked, upload, key):
        return earlier, False
    await asyncio.to_thread(_look_at, upload, asked, config)
    import_id = new_id()
    await _store(hot, who.project_id, import_id, upload.path)
    under_way = await run_queries.count_under_way(hot, who.project_id)
    if earlier := await _earlier(hot, who, asked, upload, key):
        await run_queries.remove_pieces(hot, who.project_id, import_id)
        return earlier, False
    if under_way >= MOST_UNDER_WAY:
        message = say(
            "%(most)s imports are waiting or running, so this file was not taken in. Wait for one to end, or stop one.",
            most=MOST_UNDER_WAY,
        )
        raise TooManyImports(message)
    file = msgspec.json.encode(asked).decode(), upload.layout.value, upload.bytes, upload.sha256, key
    caller = who.kind, who.id, sorted(who.permissions), who.key_id, who.origin, who.actor.name
    number = await run_queries.add(hot, who.project_id, import_id, *file, *caller)
    details = {**told(asked), "number": number, "sha256": upload.sha256}
    audit.record(tx, who.project_id, who.actor, Action.FEEDBACK_IMPORTED, details=details)
    await tx.flush()
    return await get(hot, project_id=who.project_id, number=number), True


async def get(hot: Hot, *, project_id: UUID, number: int) -> ImportView:
    """Give an import as far as it is.

    Raises:
        ImportNotFound (404).
    """
    return _view(await _get_row(hot, project_id, number))


async def list_imports(hot: Hot, *, project_id: UUID, before: int | None = None, limit: int = 50) -> list[ImportView]:
    """List imports, the last first; those below the number `before`."""
    return [_view(row) for row in await run_queries.list_imports(hot, project_id, before or MOST_NUMBER, limit)]


async def stop(tx: AsyncSession, *, who: Principal, number: int) -> ImportView:
    """Have an import end where it is; what was imported stays, and its file is removed.

    Raises:
        ImportNotFound (404); ImportOver (409).
    """
    hot = await driver_of(tx)
    row = await _get_row(hot, who.project_id, number)
    if not await run_queries.stop(hot, who.project_id, row["id"]):
        message = say("Import %(number)s has ended, so it cannot be stopped. Nothing was changed.", number=number)
        raise ImportOver(message)
    await run_queries.remove_pieces(hot, who.project_id, row["id"])
    audit.record(tx, who.project_id, who.actor, Action.IMPORT_STOPPED, details={"number": number})
    await tx.flush()
    return await get(hot, project_id=who.project_id, number=number)


async def list_left_out(hot: Hot, *, who: Principal, number: int, limit: int) -> list[LeftOut]:
    """List the first rows that an import left out.

    Whoever does not see all that items of this type hold is shown those of their own imports alone.

    Raises:
        ImportNotFound (404).
    """
    row = await _get_row(hot, who.project_id, number)
    give = _left_out if _is_for(who, row) else _withheld
    return [give(each) for each in await run_queries.list_faults(hot, who.project_id, row["id"], 0, limit)]


async def read_left_out(hot: Hot, *, who: Principal, number: int, is_csv: bool) -> AsyncGenerator[bytes]:
    """Give the rows that are kept as JSON Lines or CSV, in the order of the file, as `list_left_out` does.

    Raises:
        ImportNotFound (404).
    """
    row = await _get_row(hot, who.project_id, number)
    give = _left_out if _is_for(who, row) else _withheld
    if is_csv:
        yield csv_format.write([("line", "reason", "row")])
    after = 0
    while found := await run_queries.list_faults(hot, who.project_id, row["id"], after, ROWS_A_PIECE):
        after = found[-1]["number"]
        told = [give(each) for each in found]
        if is_csv:
            cells = [(str(each.line), *map(csv_format.guard, (each.reason, bytes(each.row).decode()))) for each in told]
            yield csv_format.write(cells)
        else:
            yield b"".join(msgspec.json.encode(each) + b"\n" for each in told)


async def forget_left_out(hot: Hot, kept_for: timedelta) -> int:
    """Forget rows that were left out by imports which ended that long ago; tells how many."""
    return await run_queries.forget_faults(hot, kept_for)


def called(fault: ImportInvalid, path: Path, name: str) -> ImportInvalid:
    """Give a refusal of a file by the name that it has for whoever sent it."""
    return ImportInvalid(fault.message.replace(str(path), name), errors=fault.errors)


def _look_at(upload: Upload, asked: Asked, config: ProjectConfig) -> None:
    """Look whether the file can be imported as asked at all."""
    check(asked, config, None)
    try:
        source = reading.open_source(upload.path, upload.layout)
        check(asked, config, source)
        _try(source, asked, config.item_types[asked.type])
    except ImportInvalid as fault:
        raise called(fault, upload.path, asked.name) from fault


def _try(source: Source, asked: Asked, item_type: ItemType) -> None:
    """Try rows until one can be imported: where none of many can, the mapping or the format is not what was meant."""
    first: tuple[int, str] | None = None
    at = 0
    for at, row in enumerate(source.rows, 1):
        reason = _reason_against(row, asked, item_type) if isinstance(row, Row) else row.reason
        if reason is None:
            return
        first = first or (row.line, reason)
        if at == ROWS_TRIED:
            break
    if first is None:
        message = say("The file holds no rows. Nothing was imported.")
        raise ImportInvalid(message, errors=(FieldError("file", say("holds no rows")),))
    line, reason = first
    message = say(
        "None of the first %(rows)s rows can be imported as asked, so nothing was; of line %(line)s: %(reason)s. "
        "Look at the format and at the mapping.",
        rows=at,
        line=line,
        reason=reason,
    )
    raise ImportInvalid(message, errors=(FieldError(f"line {line}", reason),))


def _reason_against(row: Row, asked: Asked, item_type: ItemType) -> str | None:
    try:
        drawn = rules.draw(row, asked.mapping, item_type)
        if asked.how is How.DECIDED:
            rules.check_judged(drawn, item_type)
    except Unfit as unfit:
        return unfit.reason
    return None


async def _store(hot: Hot, project_id: UUID, import_id: UUID, path: Path) -> None:
    pieces = _pieces(path)
    number = 0
    while piece := await asyncio.to_thread(next, pieces, b""):
        await run_queries.add_piece(hot, project_id, import_id, number, piece)
        number += 1


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


async def _earlier(hot: Hot, who: Principal, asked: Asked, upload: Upload, key: str | None) -> ImportView | None:
    row = None if key is None else await run_queries.find_by_key(hot, who.project_id, key)
    if row is None:
        return None
    same = row["sha256"] == upload.sha256 and row["layout"] == upload.layout
    if not same or msgspec.json.decode(row["asked"], type=Asked) != asked:
        message = say("This Idempotency-Key came before with another file or other options. Nothing was imported.")
        raise OtherUpload(message)
    return _view(row)


async def _get_row(hot: Hot, project_id: UUID, number: int) -> Any:
    row = await run_queries.find(hot, project_id, number) if 0 < number <= MOST_NUMBER else None
    if row is None:
        message = say("There is no import %(number)s here.", number=number)
        raise ImportNotFound(message)
    return row


def _view(row: Any) -> ImportView:
    asked = msgspec.json.decode(row["asked"], type=Asked)
    chosen: dict[str, Any] = {"name": asked.name, "type": asked.type, "how": asked.how, "mapping": asked.mapping}
    chosen["gold"] = asked.gold
    stored: dict[str, Any] = {name: row[name] for name in _STORED}
    return ImportView(**chosen, **stored, unseen=tuple(row["unseen"]), format=Layout(row["layout"]))


def _left_out(row: Any) -> LeftOut:
    return LeftOut(row["line"], row["reason"], msgspec.Raw(row["row"].encode()))


def _withheld(row: Any) -> LeftOut:
    return LeftOut(row["line"], HIDDEN, msgspec.Raw(msgspec.json.encode(HIDDEN)))


def _is_for(who: Principal, row: Any) -> bool:
    """Tell whether somebody may read rows as they came: they sent them, or see all that their items would hold."""
    asked = msgspec.json.decode(row["asked"], type=Asked)
    return row["requested_by"] == who.actor.name or not who.hides.get(asked.type)


def as_kept(row: Any) -> str:
    """Write a row that was left out as JSON, to be read and mended by people."""
    text = json.dumps(row, default=str, ensure_ascii=False)
    return text if _is_unicode(text) else json.dumps(row, default=str)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
