"""Moving in on a page: the form that uploads a file, how far each import is, and the rows that it left out."""

from typing import Final, Literal

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Stream, Template

from review.identity.rules import Permission
from review.imports import uploading
from review.imports.errors import ImportInvalid
from review.imports.schemas import How, Layout
from review.items.types import ItemType
from review.kernel.errors import FieldError
from review.kernel.sentences import say
from review.kernel.shapes import is_list, is_object
from review.web import labelled_files
from review.web.downloads import rows_left_out
from review.web.guards import requires
from review.web.pages.reading import check_token, read_form
from review.web.pages.work import WORK, InHand, Work
from review.web.services import AnyRequest, Tx
from review.web.uploads import is_multipart, received
from review.web.words.catalogue import N_, one_of

HERE: Final = "Imports"
ROWS: Final = 50
MOST_SHOWN: Final = 20
MEGABYTE: Final = 1024 * 1024
LAYOUTS: Final = {
    Layout.JSONL.value: N_("JSON Lines"),
    Layout.CSV.value: N_("CSV"),
    Layout.PARQUET.value: N_("Parquet"),
    Layout.LABEL_STUDIO.value: N_("Label Studio, exported as JSON"),
}
HOW: Final = {How.DECIDED.value: N_("decided by their labels"), How.QUEUE.value: N_("a queue to review")}


class ImportPages(Controller):
    """Imports of uploaded files."""

    path = "/p/{project:str}/imports"
    opt = requires(Permission.IMPORT)
    dependencies = WORK

    @get("/")
    async def list(self, work: InHand, before: FromQuery[int] = 0) -> Template:
        """Show the form, and the imports, the last first."""
        bound = max(before, 0) or None
        found = await uploading.list_imports(work.hot, project_id=work.who.project_id, before=bound, limit=ROWS + 1)
        return work.page(
            "imports.html",
            here=HERE,
            imports=found[:ROWS],
            more=found[ROWS - 1].number if len(found) > ROWS else 0,
            types={name: _example(each) for name, each in sorted(work.config.item_types.items())},
            layouts={each: one_of(LAYOUTS, each) for each in LAYOUTS},
            how={each: one_of(HOW, each) for each in HOW},
            most=work.services.settings.max_import_bytes // MEGABYTE,
        )

    @post("/", status_code=200, request_max_body_size=None)
    async def begin(self, request: AnyRequest, work: InHand, tx: Tx) -> Redirect:
        """Take a file in, and go to the page of its import."""
        if not is_multipart(request):  # what a form without a file is sent as; anything else is no form
            await read_form(request)
            message = say("The form holds no file. Nothing was imported.")
            raise ImportInvalid(message, errors=(FieldError("file", say("is missing")),))
        async with received(request, work.services.settings.max_import_bytes) as came:
            check_token(request, came.fields)
            fields = [(name, value) for name, value in came.fields if name != "_csrf"]
            asked, upload = labelled_files.read(request, came, fields)
            found, _ = await uploading.begin(tx, who=work.who, config=work.config, asked=asked, upload=upload, key=None)
        return _to(work, found.number)

    @get("/{import_number:int}")
    async def show(self, work: InHand, import_number: FromPath[int]) -> Template:
        """Show how far an import is, and the first rows that it left out; while it goes on, the page asks again."""
        found = await uploading.get(work.hot, project_id=work.who.project_id, number=import_number)
        left_out = await uploading.list_left_out(work.hot, who=work.who, number=import_number, limit=MOST_SHOWN)
        return work.page(
            "_import.html" if work.is_partial else "import.html",
            here=HERE,
            one=found,
            is_under_way=found.state in {"waiting", "running"},
            left_out=[(each.line, each.reason, _in_short(each.row)) for each in left_out],
            layout=one_of(LAYOUTS, found.format.value, found.format.value),
            became=one_of(HOW, found.how.value),
            url=f"/p/{work.who.project}/imports/{import_number}",
        )

    @get("/{import_number:int}/errors")
    async def errors(
        self,
        work: InHand,
        import_number: FromPath[int],
        format: FromQuery[Literal["jsonl", "csv"]] = "jsonl",  # noqa: A002  as the API has it
    ) -> Stream:
        """Download the rows that were left out."""
        return await rows_left_out(work.services, work.who, number=import_number, is_csv=format == "csv")

    @post("/{import_number:int}/stop", status_code=200)
    async def stop(self, request: AnyRequest, work: InHand, tx: Tx, import_number: FromPath[int]) -> Redirect:
        """End an import where it is."""
        await read_form(request)
        await uploading.stop(tx, who=work.who, number=import_number)
        return _to(work, import_number)


def _to(work: Work, number: int) -> Redirect:
    return Redirect(f"/p/{work.who.project}/imports/{number}", status_code=303)


def _example(item_type: ItemType) -> str:
    """Give a mapping that names each part of an item type, for the fields of a file to be put behind."""
    parts = [*_parts("input", item_type.input_schema), *_parts("label", item_type.output_schema)]
    return "\n".join(f"{part}={name}" for part, name in parts)


def _parts(root: str, schema: object) -> list[tuple[str, str]]:
    """Name what the schema asks for, or else all that it knows of; a column for each must be in the file."""
    known = schema if is_object(schema) else {}
    properties, required = known.get("properties"), known.get("required")
    names = [str(each) for each in (required if is_list(required) else ()) or properties or ()]
    return [(f"{root}.{name}", name) for name in names] or [(root, root)]


def _in_short(row: msgspec.Raw) -> str:
    text = bytes(row).decode()
    return text if len(text) <= 300 else text[:299] + "…"
