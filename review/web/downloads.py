"""Downloads whose first piece is made before the answer begins, so that what goes wrong until then has its status."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Any

from litestar.response import Stream
from sqlalchemy.ext.asyncio import AsyncSession

from review.audit import reading
from review.audit.notes import Signer, show_key
from review.datasets.formats.rendering import Options
from review.datasets.formats.rows import CSV
from review.datasets.snapshots import rendering
from review.datasets.snapshots import service as snapshots
from review.datasets.snapshots.store import Store
from review.identity.rules import Principal
from review.imports import uploading
from review.web.auditing import check_hearing
from review.web.services import Services

NDJSON = "application/x-ndjson"
PARQUET = "application/vnd.apache.parquet"
LEFT_OUT = "Countersign-Left-Out"
LACKING = "Countersign-Format-Left-Out"


def left_out_header(counts: Mapping[str, int], name: str = LEFT_OUT) -> dict[str, str]:
    """Say in a header how many records are not in what is sent, by reason: a JSON object in ASCII."""
    return {name: json.dumps(dict(counts)).replace("\x7f", "\\u007f")}


async def snapshot_file(
    services: Services, who: Principal, tx: AsyncSession, *, dataset: str, number: int, name: str
) -> Stream:
    """Answer with a file of a snapshot, for the API and the page alike; that it left is in the audit.

    Raises:
        SnapshotNotFound (404); PersonalWithheld (403); SnapshotNotReady (409); StoreRefused (503).
    """
    await snapshots.check_reader(services.db.hot, who=who, dataset=dataset, number=number)
    which: dict[str, Any] = {"project_id": who.project_id, "dataset": dataset, "number": number, "name": name}
    found, pieces = await snapshots.read_file(services.db.hot, Store.of(services.settings), **which)
    first = await anext(pieces, b"")
    await snapshots.note_read(tx, actor=who.actor, **which)
    headers = {
        "Content-Disposition": f'attachment; filename="{dataset}-{number}-{found.name}"',
        "Content-Length": str(found.bytes),
        "ETag": f'"{found.sha256}"',
    }
    return Stream(_chain(first, pieces), media_type=PARQUET, headers=headers)


async def snapshot_in_format(
    services: Services, who: Principal, tx: AsyncSession, *, dataset: str, number: int, asked: tuple[str, str, Options]
) -> Stream:
    """Answer with a snapshot, or a part of it, in a format; that it left is in the audit.

    Raises:
        RenderingInvalid (422); SnapshotNotFound (404); PersonalWithheld (403); SnapshotNotReady (409);
        StoreRefused (503).
    """
    await snapshots.check_reader(services.db.hot, who=who, dataset=dataset, number=number)
    name, split, options = asked
    which: dict[str, Any] = {
        "project_id": who.project_id,
        "dataset": dataset,
        "number": number,
        "name": name,
        "split": split,
    }
    found = await rendering.export(services.db.hot, Store.of(services.settings), **which, options=options)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(found.pieces.aclose)
        first = await anext(found.pieces, b"")
        await rendering.note_export(tx, actor=who.actor, **which)
        stack.pop_all()
    headers = {"Content-Disposition": f'attachment; filename="{found.name}"', **left_out_header(found.left_out)}
    if found.lacking is not None:
        headers |= left_out_header(found.lacking, LACKING)
    return Stream(_chain(first, found.pieces), media_type=found.media_type, headers=headers)


async def rows_left_out(services: Services, who: Principal, *, number: int, is_csv: bool) -> Stream:
    """Answer with the rows that an import left out, for the API and the page alike.

    Raises:
        ImportNotFound (404).
    """
    pieces = uploading.read_left_out(services.db.hot, who=who, number=number, is_csv=is_csv)
    first = await anext(pieces, b"")
    ending, media_type = ("csv", CSV) if is_csv else ("jsonl", NDJSON)
    headers = {"Content-Disposition": f'attachment; filename="import-{number}-left-out.{ending}"'}
    return Stream(_chain(first, pieces), media_type=media_type, headers=headers)


async def stream_audit(services: Services, who: Principal) -> Stream:
    """Answer with a project's whole audit, for the API and the page alike.

    Raises:
        StillToJudge: they have an item in hand whose answers are not for them yet (403).
    """
    await check_hearing(services.db.hot, who)
    key = show_key(Signer(services.settings.audit_key).public_key) if services.settings.audit_key else None
    pieces = reading.export(services.db, who.project, who.project_id, actor=who.actor, public_key=key)
    first = await anext(pieces)
    headers = {"Content-Disposition": f'attachment; filename="audit-{who.project}.ndjson"'}
    return Stream(_chain(first, pieces), media_type=NDJSON, headers=headers)


async def _chain(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(rest):
        yield first
        async for piece in rest:
            yield piece
