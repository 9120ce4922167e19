"""The OpenAPI document: Litestar's reading of the routes, and the bodies that handlers read for themselves."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Litestar, MediaType, Response, get

from review.web.api.codes import error_codes
from review.web.errors import PROBLEM, Problem
from review.web.guards import PERMISSION, PUBLIC
from review.web.services import AnyRequest

BODY = "body"  # opt key of what a route takes
ANSWERS = "answers"  # opt key of what a route answers that its signature does not say
DOCUMENT = "openapi_document"  # key of the document in the application's state; it is made once
REFS = "#/components/schemas/{name}"
STATUSES = {
    "400": "The request cannot be read.",
    "401": "The key is missing, unknown, expired or revoked.",
    "403": "The key's role does not carry the permission.",
    "404": "There is no such thing, or it is not the caller's to see.",
    "409": "Somebody was faster, or the key was used before for other content.",
    "408": "The request did not come in within its time.",
    "413": "The body is too large.",
    "414": "The address is too long.",
    "415": "The body is of a kind that this call does not take.",
    "422": "The content is wrong; `errors` names the places.",
    "429": "The key, its project or the address has asked for more than it may; `Retry-After` says when to come back.",
    "431": "The headers are too many or too large.",
    "503": "The database is away, or the request took too long; try again.",
}
RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string", "pattern": "^[0-9]+$"}}}


def takes(kind: Any, *media_types: str, required: bool = True) -> dict[str, Any]:
    """Give the `opt` of a route that reads a body of this kind."""
    return {BODY: (kind, media_types or ("application/json",), required)}


def gives(kinds: Mapping[str, Any], status: int = 200) -> dict[str, Any]:
    """Give the `opt` of a route whose answer has one of these kinds, by media type; None is bytes of no kind."""
    return {ANSWERS: (str(status), kinds)}


def document_of(app: Litestar) -> dict[str, Any]:
    """Give the document, which is put together when it is asked for first."""
    if DOCUMENT not in app.state:
        app.state[DOCUMENT] = _put_together(app)
    document: dict[str, Any] = app.state[DOCUMENT]
    return document


def _put_together(app: Litestar) -> dict[str, Any]:
    document = app.openapi_schema.to_schema()
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    (problem,), parts = msgspec.json.schema_components([Problem], ref_template=REFS)
    schemas.update(parts)
    document["components"]["responses"] = {status: _refusal(status, problem) for status in STATUSES}
    errors = {status: {"$ref": f"#/components/responses/{status}"} for status in STATUSES}
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            path = document["paths"].get(route.path_format)
            for method in sorted(handler.http_methods if path else ()):
                operation = path.get(method.lower())
                if operation is not None:
                    _complete(operation, handler.opt, errors, schemas)
    document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    return document


def _refusal(status: str, problem: Any) -> dict[str, Any]:
    """Describe what a status carries: a problem whose code is one of this status."""
    codes = [each.code for each in error_codes() if each.status == int(status)]
    schema = {"allOf": [problem, {"properties": {"status": {"const": int(status)}, "code": {"enum": codes}}}]}
    answer: dict[str, Any] = {"description": STATUSES[status], "content": {PROBLEM: {"schema": schema}}}
    return answer | ({"headers": RETRY_AFTER} if status in {"429", "503"} else {})


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
    for parameter in operation.get("parameters", ()):
        choices = [each for each in parameter["schema"].pop("oneOf", ()) if each != {"type": "null"}]
        parameter["schema"] |= choices[0] if len(choices) == 1 else {"oneOf": choices} if choices else {}
    if ANSWERS in opt:
        status, kinds = opt[ANSWERS]
        content = {media: {"schema": _schema_of(kind, schemas)} for media, kind in kinds.items()}
        responses[status] = {"description": responses.get(status, {}).get("description", "Done."), "content": content}
    if BODY in opt:
        kind, media_types, required = opt[BODY]
        content = {media: {"schema": _schema_of(kind, schemas)} for media in media_types}
        operation["requestBody"] = {"required": required, "content": content}


def _schema_of(kind: Any, schemas: dict[str, Any]) -> Any:
    if kind is None:
        return {"type": "string", "format": "binary"}
    (schema,), parts = msgspec.json.schema_components([kind], ref_template=REFS)
    schemas.update(parts)
    return schema


@get("/api/openapi.json", opt={PUBLIC: True}, include_in_schema=False, sync_to_thread=False)
def openapi_document(request: AnyRequest) -> Response[bytes]:
    """Give the OpenAPI 3.1 document."""
    return Response(msgspec.json.encode(document_of(request.app)), media_type=MediaType.JSON)
