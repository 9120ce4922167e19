"""The OpenAPI document: Litestar's reading of the routes, and the bodies that handlers read for themselves."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Litestar, MediaType, Response, get

from review.web.errors import PROBLEM, Problem
from review.web.guards import PERMISSION, PUBLIC
from review.web.services import AnyRequest

BODY = "body"  # opt key of what a route takes
REFS = "#/components/schemas/{name}"
STATUSES = {
    "400": "The request cannot be read.",
    "401": "The key is missing, unknown, expired or revoked.",
    "403": "The key's role does not carry the permission.",
    "404": "There is no such thing, or it is not the caller's to see.",
    "409": "Somebody was faster, or the key was used before for other content.",
    "413": "The body is too large.",
    "415": "The body is of a kind that this call does not take.",
    "422": "The content is wrong; `errors` names the places.",
    "503": "The database is away; try again.",
}


def takes(kind: Any, *media_types: str, required: bool = True) -> dict[str, Any]:
    """Give the `opt` of a route that reads a body of this kind."""
    return {BODY: (kind, media_types or ("application/json",), required)}


def document_of(app: Litestar) -> dict[str, Any]:
    """Put the whole document together."""
    document = app.openapi_schema.to_schema()
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    (problem,), parts = msgspec.json.schema_components([Problem], ref_template=REFS)
    schemas.update(parts)
    errors = {
        status: {"description": words, "content": {PROBLEM: {"schema": problem}}} for status, words in STATUSES.items()
    }
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            path = document["paths"].get(route.path_format)
            for method in sorted(handler.http_methods if path else ()):
                operation = path.get(method.lower())
                if operation is not None:
                    _complete(operation, handler.opt, errors, schemas)
    document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    return document


def _complete(
    operation: dict[str, Any], opt: Mapping[str, Any], errors: Mapping[str, Any], schemas: dict[str, Any]
) -> None:
    """Add to one operation what only we know of it: its body, its permission, its refusals."""
    responses = operation["responses"]
    responses.pop("400", None)
    responses.update({status: answer for status, answer in errors.items() if status not in responses})
    operation["security"] = [] if opt.get(PUBLIC) else [{"key": []}]
    if PERMISSION in opt:
        operation["x-permission"] = str(opt[PERMISSION])
    if BODY in opt:
        kind, media_types, required = opt[BODY]
        (schema,), parts = msgspec.json.schema_components([kind], ref_template=REFS)
        schemas.update(parts)
        content = {media: {"schema": schema} for media in media_types}
        operation["requestBody"] = {"required": required, "content": content}


@get("/api/openapi.json", opt={PUBLIC: True}, include_in_schema=False, sync_to_thread=False)
def openapi_document(request: AnyRequest) -> Response[bytes]:
    """Give the OpenAPI 3.1 document."""
    return Response(msgspec.json.encode(document_of(request.app)), media_type=MediaType.JSON)
