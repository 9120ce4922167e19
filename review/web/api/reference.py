"""The API's own pages: every call at /api, every error code at /api/errors, made from the code itself."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
from litestar import get
from litestar.response import Template

from review.web.api.codes import error_codes
from review.web.api.openapi import document_of
from review.web.guards import PUBLIC
from review.web.services import AnyRequest

ANYBODY = {PUBLIC: True}


class Call(msgspec.Struct, frozen=True):
    """One call as the page shows it."""

    method: str
    path: str
    words: str
    permission: str
    parameters: list[dict[str, Any]]
    body: str
    answers: list[str]


@get("/api", opt=ANYBODY, include_in_schema=False, sync_to_thread=False)
def show_calls(request: AnyRequest) -> Template:
    """List every call with its parameters, body and answers."""
    document = document_of(request.app)
    context = {"calls": list(_calls(document)), "schemas": _pretty(document["components"]["schemas"])}
    return Template("api.html", context=context | NOBODY)


@get("/api/errors", opt=ANYBODY, include_in_schema=False, sync_to_thread=False)
def show_errors() -> Template:
    """List every error code."""
    return Template("errors.html", context={"codes": error_codes()} | NOBODY)


NOBODY = {"visitor": None, "csrf_token": ""}


def _calls(document: dict[str, Any]) -> Iterator[Call]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            yield Call(
                method=method.upper(),
                path=path,
                words=operation.get("description", ""),
                permission=operation.get("x-permission", ""),
                parameters=operation.get("parameters", []),
                body="\n".join(f"{media}: {_pretty(each['schema'])}" for media, each in content.items()),
                answers=sorted(operation["responses"]),
            )


def _pretty(schema: object) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False)
