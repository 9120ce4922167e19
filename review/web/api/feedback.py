"""Feedback over HTTP: the feed that consumers follow, and the export that trainers read."""

from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, Any, TypeAlias

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream

from review.datasets import service as datasets
from review.datasets.redaction.rules import MOST_KEPT, Field
from review.datasets.redaction.service import fields_of, redactor_of_export
from review.datasets.schemas import Format, Progress, Selection, get_format
from review.feedback import service as feedback
from review.feedback.rewriting import hiding
from review.feedback.schemas import FeedbackPage
from review.identity.rules import Permission
from review.kernel.errors import FieldError, Invalid
from review.web.api.openapi import gives
from review.web.downloads import NDJSON, left_out_header
from review.web.guards import requires
from review.web.services import AnyRequest, Svc, Who

CURSOR_HEADER = "Countersign-Next"
EXPORTS: dict[str, None] = {each.media_type: None for each in Format}
DEFAULT_LIMIT = 100
Limit = Annotated[int | None, QueryParameter(name="limit", ge=1, le=feedback.MAX_PAGE)]
KeepLast = Annotated[int, QueryParameter(name="keep_last", ge=0, le=MOST_KEPT)]


@get("/feedback", opt=requires(Permission.READ_FEEDBACK) | gives({"application/json": FeedbackPage, NDJSON: None}))
async def list_feedback(
    request: AnyRequest,
    services: Svc,
    who: Who,
    type: FromQuery[str | None] = None,  # noqa: A002  the contract's name
    after: FromQuery[str | None] = None,
    limit: Limit = None,
) -> Response[Any]:
    """Read labelled records in commit order; continue with `after` set to the last answer's `next`.

    With `Accept: application/x-ndjson`, one record per line: all there are at this moment, or `limit` of them; the
    cursor is in the header `Countersign-Next`. Continuing misses no record and repeats none.
    """
    shown = hiding(who.hides)
    if NDJSON in request.headers.get("accept", ""):
        lines, cursor = await feedback.stream(
            services.db, who.project_id, of_type=type, after=after, limit=limit, rewriter=shown
        )
        headers = {CURSOR_HEADER: cursor} if cursor else {}
        return Stream(lines, media_type=NDJSON, headers=headers)
    async with services.db.transaction() as tx:
        count = limit or DEFAULT_LIMIT
        page = await feedback.page(tx, who.project_id, of_type=type, after=after, limit=count, rewriter=shown)
    return Response(msgspec.json.encode(page), media_type="application/json")


def read_redacted(
    drop: FromQuery[list[str] | None] = None,
    hash: FromQuery[list[str] | None] = None,  # noqa: A002  the contract's name
    mask: FromQuery[list[str] | None] = None,
    keep_last: KeepLast = 0,
) -> tuple[Field, ...]:
    """Read which fields of an export leave otherwise than they are.

    Raises:
        DatasetInvalid: one of them cannot be a path (422).
    """
    return fields_of(drop or (), hash or (), mask or (), keep_last=keep_last)


Redacted: TypeAlias = NamedDependency[tuple[Field, ...]]
REDACTED = {"redacted": Provide(read_redacted, sync_to_thread=False)}


@get("/feedback/export", opt=requires(Permission.READ_FEEDBACK) | gives(EXPORTS), dependencies=REDACTED)
async def export_feedback(
    services: Svc,
    who: Who,
    redacted: Redacted,
    format: FromQuery[str] = "jsonl",  # noqa: A002  the contract's name
    type: FromQuery[str | None] = None,  # noqa: A002  the contract's name
    since: FromQuery[datetime | None] = None,
    trailer: FromQuery[bool] = False,  # noqa: FBT002  as a query names it
) -> Stream:
    """Download feedback as `parquet`, `jsonl` or `csv`: of each item the last decision, in commit order.

    `drop`, `hash` and `mask` name fields, such as `input.email`, that leave otherwise than they are; a mask keeps the
    last characters as `keep_last` says. Personal fields that are not for the caller to see are dropped. The same
    records give the same bytes. How many were left out, and why, stands in the header `Countersign-Left-Out` of
    Parquet, and with `trailer=true` in a last line of JSON Lines: `{"trailer": {"records": …, "left_out": {…}}}`.
    """
    chosen = get_format(format)
    if since is not None and since.tzinfo is None:
        message = "The moment in `since` has no offset; nothing was read. Write it like 2026-11-21T12:00:00Z."
        raise Invalid(message, errors=(FieldError("since", "has no offset from UTC"),))
    if trailer and chosen is not Format.JSONL:
        message = "Only JSON Lines have a trailer; nothing was read. Ask without it: Parquet says it in a header."
        raise Invalid(message, errors=(FieldError("trailer", "is for format jsonl"),))
    selection = Selection(of_type=type, since=since)
    redactor = await redactor_of_export(services.db.hot, who, redacted, services.settings)
    read, which = deque([Progress(0, 0, 0)], maxlen=1), (who.project_id, chosen, selection)
    async with services.db.transaction() as tx:
        datasets.note_export(tx, *which, actor=who.actor, redacted=redacted)
    pieces = datasets.export_stream(services.db, *which, watch=read.append, rewriter=redactor.rewriter)
    # The first piece is made before the answer begins, so that what goes wrong until then has its own status.
    first = await anext(pieces, b"")
    name = f"feedback-{who.project}.{chosen.value}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if chosen is Format.PARQUET:  # whose first piece comes when all is read
        headers |= left_out_header(read[-1].left_out)
    told = _chain(first, pieces)
    return Stream(_ended(told, read) if trailer else told, media_type=chosen.media_type, headers=headers)


async def _ended(pieces: AsyncGenerator[bytes], read: deque[Progress]) -> AsyncGenerator[bytes]:
    """Give a stream of lines, and at its end one that tells what was left out."""
    async with aclosing(pieces):
        async for piece in pieces:
            yield piece
    told = {"records": read[-1].records, "left_out": read[-1].left_out}
    yield msgspec.json.encode({"trailer": told}) + b"\n"


async def _chain(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(rest):
        if first:
            yield first
        async for piece in rest:
            yield piece
