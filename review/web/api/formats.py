"""Snapshots over HTTP in the formats that trainers read."""

from typing import Any

import msgspec
from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from review.datasets.errors import RenderingInvalid
from review.datasets.formats.rendering import JSON, NDJSON, Options
from review.datasets.formats.rows import CSV
from review.datasets.snapshots import rendering
from review.datasets.snapshots import service as snapshots
from review.datasets.snapshots.schemas import Checked
from review.datasets.snapshots.store import Store
from review.identity.rules import Permission
from review.kernel.errors import FieldError
from review.kernel.sentences import say
from review.kernel.strict_json import field_error
from review.web.api.openapi import gives
from review.web.downloads import snapshot_in_format
from review.web.guards import requires
from review.web.services import Svc, Tx, Who

READ = requires(Permission.READ_FEEDBACK)
KINDS: dict[str, None] = dict.fromkeys((NDJSON, JSON, CSV, "application/x-tar", "text/plain; charset=utf-8"))


def read_options(  # noqa: PLR0913  one for each option that the document names
    *,
    text_at: FromQuery[str] = "",
    label_at: FromQuery[str] = "",
    prompt_at: FromQuery[str] = "",
    answer_at: FromQuery[str] = "",
    spans_at: FromQuery[str] = "",
    pair_at: FromQuery[str] = "",
    style: FromQuery[str] = "",
    system: FromQuery[str] = "",
    template: FromQuery[str] = "",
    user_id: FromQuery[str] = "",
) -> Options:
    """Read what is asked of a format.

    Raises:
        RenderingInvalid: an option cannot be (422).
    """
    return options_of(
        {
            "text_at": text_at,
            "label_at": label_at,
            "prompt_at": prompt_at,
            "answer_at": answer_at,
            "spans_at": spans_at,
            "pair_at": pair_at,
            "style": style,
            "system": system,
            "template": template,
            "user_id": user_id,
        }
    )


def options_of(given: dict[str, Any]) -> Options:
    """Read options as they were sent.

    Raises:
        RenderingInvalid: one of them cannot be (422).
    """
    try:
        return msgspec.convert(given, Options)
    except msgspec.ValidationError as fault:
        told = field_error(fault)
        message = say("What was asked of the format cannot be; nothing was read. Mend what is named below.")
        raise RenderingInvalid(message, errors=(FieldError(told.path or "options", told.sentence),)) from fault


Asked = NamedDependency[Options]
OPTIONS = {"options": Provide(read_options, sync_to_thread=False)}


@get("/datasets/{name:str}/snapshots/{number:int}/export", opt=READ | gives(KINDS), dependencies=OPTIONS)
async def export_snapshot(
    services: Svc,
    who: Who,
    tx: Tx,
    name: FromPath[str],
    number: FromPath[int],
    options: Asked,
    format: FromQuery[str] = "jsonl",  # noqa: A002  the contract's name
    split: FromQuery[str] = "",
) -> Stream:
    """Download a snapshot, or one of its parts, in the format that a trainer reads; that it left is in the audit.

    The same snapshot and options give the same bytes.
    """
    return await snapshot_in_format(services, who, tx, dataset=name, number=number, asked=(format, split, options))


@get("/datasets/{name:str}/snapshots/{number:int}/export/check", opt=READ, dependencies=OPTIONS)
async def check_export(
    services: Svc,
    who: Who,
    name: FromPath[str],
    number: FromPath[int],
    options: Asked,
    format: FromQuery[str] = "jsonl",  # noqa: A002  the contract's name
    split: FromQuery[str] = "",
) -> Checked:
    """Try a format on the first 10,000 records: how many it gives, what it leaves out and why, with samples."""
    await snapshots.check_reader(services.db.hot, who=who, dataset=name, number=number)
    return await rendering.check(
        services.db.hot,
        Store.of(services.settings),
        project_id=who.project_id,
        dataset=name,
        number=number,
        name=format,
        split=split,
        options=options,
    )
