"""Long lists over HTTP, stored apart from the documents that name them."""

from litestar import post
from litestar.exceptions import ClientException

from review.configuration import lists
from review.configuration.entries import MOST_BYTES
from review.configuration.lists import StoredList
from review.identity.rules import Permission
from review.web.api.openapi import takes
from review.web.guards import requires
from review.web.services import AnyRequest, Tx, Who

TEXT, NDJSON = "text/plain", "application/x-ndjson"


@post(
    "/config/lists",
    opt=requires(Permission.WRITE_CONFIG) | takes(str, TEXT, NDJSON),
    status_code=200,
    request_max_body_size=MOST_BYTES,
)
async def store_list(request: AnyRequest, who: Who, tx: Tx) -> StoredList:
    """Store a list, one text or JSON value to a line; a configuration names it by the `sha256` of the answer.

    Nothing goes by it until a version that names it is active. What no version names within a week is forgotten.
    """
    kind = request.headers.get("content-type", TEXT).partition(";")[0].strip().lower()
    if kind not in {TEXT, NDJSON, "application/ndjson", "application/jsonl"}:
        raise ClientException(status_code=415, detail=f"The body is {kind}; send {TEXT} or {NDJSON}.")
    packed = await lists.pack(request.stream(), is_json=kind != TEXT)
    await lists.store(tx, project_id=who.project_id, packed=packed, actor=who.actor)
    return StoredList(packed.sha256, packed.entries)
