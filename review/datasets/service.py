"""Exporting feedback as a stream of bytes, in bounded memory and in transactions that last one chunk each."""

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import TypeAlias
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import service as audit
from review.audit.rules import Action, Actor
from review.datasets import drafting
from review.datasets.formats.csv import CsvEncoder
from review.datasets.formats.jsonl import JsonlEncoder
from review.datasets.pipeline import ahead, in_thread
from review.datasets.redaction.rules import Field
from review.datasets.schemas import Format, Progress, Selection
from review.feedback import chunks
from review.feedback import service as feedback
from review.feedback.rewriting import UNCHANGED, Rewriter
from review.kernel.db import Database

Watcher: TypeAlias = Callable[[Progress], None]

TEXT_ENCODERS: dict[Format, type[JsonlEncoder] | type[CsvEncoder]] = {
    Format.JSONL: JsonlEncoder,
    Format.CSV: CsvEncoder,
}


def note_export(
    tx: AsyncSession,
    project_id: UUID,
    file_format: Format,
    selection: Selection,
    *,
    actor: Actor,
    redacted: Sequence[Field] = (),
) -> None:
    """Record that somebody takes feedback with them; it is done before the first byte leaves.

    Raises:
        Invalid: no type can be called that (422).
    """
    feedback.check_type_name(selection.of_type)
    since = None if selection.since is None else selection.since.isoformat()
    details: dict[str, object] = {"format": file_format.value, "type": selection.of_type, "since": since}
    if redacted:
        details["redacted"] = {each.path: each.how for each in redacted}
    audit.record(tx, project_id, actor, Action.FEEDBACK_EXPORTED, details=details)


async def export_stream(
    db: Database,
    project_id: UUID,
    file_format: Format,
    selection: Selection | None = None,
    *,
    watch: Watcher | None = None,
    rewriter: Rewriter = UNCHANGED,
) -> AsyncGenerator[bytes]:
    """Give the file, piece by piece: every effective record committed when the export began, in feed order.

    Of a decision that was revised, only the last revision is in it. The same records give the same bytes. A
    Parquet file begins to flow once its column types are known, that is, when all records have been read. Every format
    gets the records as `rewriter` leaves them.

    Raises:
        Invalid: no type can be called that (422).
        RecordsUntypable: Parquet cannot hold a record that intake would not have let in (409).
    """
    stretch = await _stretch(db, project_id, selection or Selection())
    told = watch or _ignore
    if file_format is Format.PARQUET:
        pieces = drafting.parquet_stream(lambda: _read(db, stretch, told, rewriter))
    else:
        pieces = _text_stream(TEXT_ENCODERS[file_format](), _read(db, stretch, told, rewriter))
    async with aclosing(pieces):
        async for piece in pieces:
            yield piece


async def _stretch(db: Database, project_id: UUID, selection: Selection) -> chunks.Stretch:
    feedback.check_type_name(selection.of_type)
    upto = await feedback.settle_feed(db, project_id)
    return chunks.Stretch(
        project_id=project_id,
        upto=upto,
        of_type=selection.of_type,
        since=selection.since,
        superseded=not await chunks.has_revisions(db.hot, project_id),
        tells=True,
    )


async def _read(db: Database, stretch: chunks.Stretch, watch: Watcher, rewriter: Rewriter) -> AsyncGenerator[bytes]:
    records, left_out = 0, Counter[str]()
    watch(Progress(0, stretch.upto, records))
    async with aclosing(ahead(chunks.read(db.hot, stretch))) as coming:
        async for chunk in coming:
            if chunk.lines:
                yield chunk.lines if rewriter.is_idle else await in_thread(rewriter.lines, chunk.lines)
            records += chunk.records
            left_out.update(chunk.left_out)
            watch(Progress(chunk.reached, stretch.upto, records, dict(left_out)))


async def _text_stream(encoder: JsonlEncoder | CsvEncoder, lines: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    if head := encoder.begin():
        yield head
    async with aclosing(lines):
        async for each in lines:
            yield await in_thread(encoder.add, each)
    if tail := encoder.end():
        yield tail


def _ignore(_progress: Progress) -> None:
    """Watch nothing."""
