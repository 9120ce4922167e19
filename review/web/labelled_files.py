"""What is asked of an uploaded file of labelled data, for the API and the page alike."""

from pathlib import PurePath
from typing import Final, NoReturn, TypeAlias

from litestar.exceptions import ClientException

from review.imports.errors import ImportInvalid
from review.imports.reading import SUFFIXES
from review.imports.rules import mapping_of
from review.imports.schemas import Asked, How, Layout
from review.imports.uploading import Upload
from review.kernel.errors import FieldError
from review.kernel.sentences import say
from review.web.downloads import NDJSON, PARQUET
from review.web.services import AnyRequest
from review.web.uploads import MULTIPART, Received

Fields: TypeAlias = list[tuple[str, str]]
CSV: Final = "text/csv"
BYTES: Final = "application/octet-stream"
KINDS: Final = {
    **dict.fromkeys((NDJSON, "application/ndjson", "application/jsonl"), Layout.JSONL),
    CSV: Layout.CSV,
    PARQUET: Layout.PARQUET,
    "application/json": Layout.LABEL_STUDIO,
}
TAKEN: Final = (*KINDS, BYTES, MULTIPART)
OPTIONS: Final = ("type", "as", "format", "name", "gold")
MAX_NAME: Final = 200


def check_kind(request: AnyRequest) -> None:
    """Refuse a body that says it is nothing that can be imported.

    Raises:
        ClientException (415).
    """
    kind = _kind_of(request)
    if kind not in TAKEN:
        detail = f"The body is {kind or 'of no kind'}; send one of {', '.join(TAKEN)}. Nothing was imported."
        raise ClientException(status_code=415, detail=detail)


def read(request: AnyRequest, came: Received, fields: Fields) -> tuple[Asked, Upload]:
    """Read what is asked of a file that came.

    Raises:
        ImportInvalid: an option is unknown, missing or given twice, or nothing says what the file is (422).
    """
    given: dict[str, str] = {}
    pairs: list[str] = []
    for option, value in fields:
        if option == "map":
            pairs += [each.strip() for each in value.splitlines() if each.strip()]
        elif option not in OPTIONS or option in given:
            _refuse(option, say("is given twice") if option in given else say("is no option of an import"))
        elif value.strip():
            given[option] = value.strip()
    if "type" not in given:
        _refuse("type", say("is missing: say which item type the rows are of"))
    layout = _layout_of(request, came, given)
    name = given.get("name") or PurePath(came.filename.replace("\\", "/")).name or f"upload-{came.sha256[:12]}"
    name = "".join(each if each.isprintable() else " " for each in name)[:MAX_NAME]
    how = given.get("as", How.DECIDED.value)
    if how not in set(How):
        _refuse("as", say("is neither decided nor queue"))
    gold = given.get("gold", "false")
    if gold not in {"true", "false"}:
        _refuse("gold", say("is neither true nor false"))
    asked = Asked(name=name, type=given["type"], how=How(how), mapping=mapping_of(pairs, layout), gold=gold == "true")
    return asked, Upload(came.path, layout, came.bytes, came.sha256)


def _layout_of(request: AnyRequest, came: Received, given: dict[str, str]) -> Layout:
    if "format" in given:
        if given["format"] not in set(Layout) - {Layout.HF}:
            _refuse("format", say("is none of jsonl, csv, parquet, label_studio"))
        return Layout(given["format"])
    by_name = SUFFIXES.get(PurePath(came.filename or given.get("name", "")).suffix.lower())
    layout = KINDS.get(_kind_of(request)) or by_name
    if layout is None:
        _refuse("format", say("is missing, and nothing else tells what the file is: say jsonl, csv, …"))
    return layout


def _kind_of(request: AnyRequest) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _refuse(option: str, said: str) -> NoReturn:
    message = say("The import cannot be begun: %(option)s %(said)s. Nothing was imported.", option=option, said=said)
    raise ImportInvalid(message, errors=(FieldError(option, said),))
