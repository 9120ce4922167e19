"""The API's own pages: every call at /api, every error code at /api/errors, made from the code itself."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
from litestar import get
from litestar.response import Template

from review.kernel.errors import ReviewError
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


class ErrorCode(msgspec.Struct, frozen=True):
    """One stable error code, the status that carries it, and what it means."""

    code: str
    status: int
    words: str


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


def error_codes() -> list[ErrorCode]:
    """Give every code that an answer can carry, in alphabetical order."""
    found = {each.code: each for each in OF_THE_FRAMEWORK} | {
        each.code: ErrorCode(each.code, each.status, (each.__doc__ or "").split("\n\n", 1)[0].strip())
        for each in _subclasses(ReviewError)
        if each.__module__.startswith("review.") and not each.__module__.startswith(ELSEWHERE)
    }
    return [found[code] for code in sorted(found)]


OF_THE_FRAMEWORK = (
    ErrorCode("internal", 500, "Something broke inside; the log has it under the reference in `detail`."),
    ErrorCode("malformed", 400, "The request could not be read at all."),
    ErrorCode("method_not_allowed", 405, "The address takes other methods."),
    ErrorCode("not_found", 404, "There is nothing at this address."),
    ErrorCode("refused", 400, "The request was refused for a reason that has no code of its own."),
    ErrorCode("too_large", 413, "The body is larger than this service takes."),
    ErrorCode("unsupported_media_type", 415, "The body is of a kind that this call does not take."),
)
ELSEWHERE = ("review.embedded", "review.cli", "review.kernel.settings")  # these speak on the command line only
NOBODY = {"visitor": None, "csrf_token": ""}


def _subclasses(kind: type[ReviewError]) -> Iterator[type[ReviewError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _subclasses(each)


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
