"""Moving in over HTTP: uploading files of labelled data, and what became of their rows."""

from typing import Annotated, Literal, TypeAlias

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream

from review.identity.rules import Permission
from review.imports import uploading
from review.imports.schemas import ImportView
from review.web import labelled_files
from review.web.api import bodies
from review.web.api.openapi import gives, takes
from review.web.downloads import NDJSON, rows_left_out
from review.web.guards import requires
from review.web.labelled_files import CSV, TAKEN, Fields
from review.web.services import AnyRequest, Svc, Tx, Who
from review.web.uploads import received

IMPORT = requires(Permission.IMPORT)
Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=100)]
Before = Annotated[int | None, QueryParameter(name="before", ge=1, le=2**31 - 1)]
AsWhat = Annotated[str, QueryParameter(name="as")]
Options: TypeAlias = NamedDependency[list[tuple[str, str]]]


class Imports(msgspec.Struct, frozen=True):
    """Imports, the last first, and the number that goes on."""

    data: list[ImportView]
    next: int | None = None


def read_options(
    *,
    type: FromQuery[str] = "",  # noqa: A002  the contract's name
    format: FromQuery[str] = "",  # noqa: A002  the contract's name
    name: FromQuery[str] = "",
    map: FromQuery[list[str] | None] = None,  # noqa: A002  the contract's name
    as_what: AsWhat = "",
    gold: FromQuery[Literal["true", "false", ""]] = "",
) -> Fields:
    """Give the options of the query as a form would have them."""
    given = {"type": type, "as": as_what, "format": format, "name": name, "gold": gold}
    return [*((key, value) for key, value in given.items() if value), *(("map", each) for each in map or ())]


@post(
    "/imports",
    opt=IMPORT | takes(None, *TAKEN) | gives({"application/json": ImportView}, 202),
    status_code=202,
    request_max_body_size=None,
    dependencies={"options": Provide(read_options, sync_to_thread=False)},
)
async def begin_import(request: AnyRequest, services: Svc, who: Who, tx: Tx, options: Options) -> Response[ImportView]:
    """Upload a file, for workers to import: `type` is the item type of its rows, `as` is `decided` or `queue`.

    `gold=true` says that their answers were known before anybody was asked, so that datasets leave them out. Each `map`
    is `part=field`, as in `input.text=text` and `label=intent`. The body is the file, whose media type or
    `format` says what it is, or a form that has it as `file` and may hold the other fields too. 202 when it was taken
    in, 200 when it came before with the same `Idempotency-Key`.
    """
    labelled_files.check_kind(request)
    key = bodies.idempotency_key(request)
    async with received(request, services.settings.max_import_bytes) as came:
        asked, upload = labelled_files.read(request, came, [*options, *came.fields])
        config = await services.config_of(who)
        found, is_new = await uploading.begin(tx, who=who, config=config, asked=asked, upload=upload, key=key)
    return Response(found, status_code=202 if is_new else 200)


@get("/imports", opt=IMPORT)
async def list_imports(services: Svc, who: Who, before: Before = None, limit: Limit = 50) -> Imports:
    """List imports, the last first; continue with `before` set to the last answer's `next`."""
    hot = services.db.hot
    found = await uploading.list_imports(hot, project_id=who.project_id, before=before, limit=limit + 1)
    return Imports(found[:limit], found[limit - 1].number if len(found) > limit else None)


@get("/imports/{import_number:int}", opt=IMPORT)
async def get_import(services: Svc, who: Who, import_number: FromPath[int]) -> ImportView:
    """Tell how far an import is, and how many rows were imported, there already, and left out."""
    return await uploading.get(services.db.hot, project_id=who.project_id, number=import_number)


@get("/imports/{import_number:int}/errors", opt=IMPORT | gives({NDJSON: None, CSV: None}))
async def read_import_errors(
    services: Svc,
    who: Who,
    import_number: FromPath[int],
    format: FromQuery[Literal["jsonl", "csv"]] = "jsonl",  # noqa: A002  the contract's name
) -> Stream:
    """Download the rows that were left out, the first 10,000, each with its line and the reason."""
    return await rows_left_out(services, who, number=import_number, is_csv=format == "csv")


@post("/imports/{import_number:int}/stop", opt=IMPORT, status_code=200)
async def stop_import(who: Who, tx: Tx, import_number: FromPath[int]) -> ImportView:
    """End an import where it is; what was imported stays."""
    return await uploading.stop(tx, who=who, number=import_number)
