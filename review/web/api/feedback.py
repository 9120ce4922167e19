"""Feedback over HTTP: the feed that consumers follow, and the export that trainers read."""

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
from review.datasets.schemas import Format, Selection, get_format
from review.feedback import service as feedback
from review.feedback.rewriting import hiding
from review.feedback.schemas import FeedbackPage
from review.identity.rules import Permission
from review.kernel.errors import FieldError, Invalid
from review.web.api.openapi import gives
from review.web.downloads import NDJSON
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
) -> Stream:
    """Download feedback as `parquet`, `jsonl` or `csv`: of each item the last decision, in commit order.

    `drop`, `hash` and `mask` name fields, such as `input.email`, that leave otherwise than they are; a mask keeps the
    last characters as `keep_last` says. Personal fields that are not for the caller to see are dropped. The same
    records give the same bytes.
    """
    chosen = get_format(format)
    if since is not None and since.tzinfo is None:
        message = "The moment in `since` has no offset; nothing was read. Write it like 2026-11-21T12:00:00Z."
        raise Invalid(message, errors=(FieldError("since", "has no offset from UTC"),))
    selection = Selection(of_type=type, since=since)
    redactor = await redactor_of_export(services.db.hot, who, redacted, services.settings)
    async with services.db.transaction() as tx:
        datasets.note_export(tx, who.project_id, chosen, selection, actor=who.actor, redacted=redacted)
    pieces = datasets.export_stream(services.db, who.project_id, chosen, selection, rewriter=redactor.rewriter)
    # The first piece is made before the answer begins, so that what goes wrong until then has its own status.
    first = await anext(pieces, b"")
    name = f"feedback-{who.project}.{chosen.value}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Stream(_chain(first, pieces), media_type=chosen.media_type, headers=headers)


async def _chain(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(rest):
        if first:
            yield first
        async for piece in rest:
            yield piece
