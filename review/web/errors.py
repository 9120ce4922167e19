"""Refusals as answers: problem+json (RFC 9457) to programs, a page or fragment to people."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import asyncpg
import msgspec
from litestar import Response
from litestar.exceptions import HTTPException, ValidationException
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from review.kernel.errors import FieldError, ReviewError
from review.kernel.foreign import MSGSPEC, English
from review.kernel.ids import new_id
from review.kernel.sentences import say
from review.web.limits import RateLimited
from review.web.services import AnyRequest

log = logging.getLogger(__name__)

PROBLEM = "application/problem+json"
RETRY_AFTER_SECONDS = 1
AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InvalidCachedStatementError,  # a migration ran since the statement was prepared; it is prepared anew
    OSError,  # refused, reset, timed out, or the socket's file is gone while the server restarts
    PoolTimeout,
)
CODES = {400: "malformed", 404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}


@dataclass(frozen=True)
class Refusal:
    """What somebody is told: `detail` and the faults are sentences, which a page says in its reader's language."""

    status: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """An RFC 9457 problem: `code` is what programs match on, `errors` names the places."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()


def problem_of(fault: Exception, tell: Callable[[str], str] = str) -> Problem:
    """Give a fault as a problem; in English, but where a page's script asked, which shows it to its reader."""
    told = refusal_of(fault)
    errors = tuple(FieldError(each.path, tell(each.sentence)) for each in told.errors)
    return problem(told.status, told.code, tell(told.detail), errors)


def refusal_of(fault: Exception) -> Refusal:
    """Say what went wrong, what is safe and what to do; the inside of an unexpected fault stays in the log."""
    if isinstance(fault, ReviewError):
        return Refusal(fault.status, fault.code, fault.sentence, fault.errors)
    if isinstance(fault, HTTPException):
        return _of_framework(fault)
    if _is_away(fault):
        log.warning("the database is away or overloaded: %s", fault)
        detail = say("The database did not answer in time. What was acknowledged is safe; send the request again.")
        return Refusal(503, "unavailable", detail)
    reference = new_id()
    log.error("unexpected fault %s", reference, exc_info=fault)
    detail = say(
        "Something broke on our side (reference %(reference)s). What was acknowledged is safe; nothing else was "
        "stored.",
        reference=reference,
    )
    return Refusal(500, "internal", detail)


def to_json(request: AnyRequest, fault: Exception, tell: Callable[[str], str] = str) -> Response[bytes]:
    """Answer a program."""
    told = problem_of(fault, tell)
    return Response(
        msgspec.json.encode(told),
        status_code=told.status,
        media_type=PROBLEM,
        headers=_headers(told, request) | _allowed(fault) | later(fault),
    )


def _headers(told: Problem, request: AnyRequest) -> dict[str, str]:
    headers: dict[str, str] = {"Cache-Control": "no-store"}
    if told.status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if told.status == 401 and request.url.path.startswith("/api"):
        headers["WWW-Authenticate"] = "Bearer"
    return headers


def later(fault: Exception) -> dict[str, str]:
    """Give when to come back, where a limit says when."""
    return {"Retry-After": str(fault.retry_after)} if isinstance(fault, RateLimited) else {}


def _allowed(fault: Exception) -> dict[str, str]:
    """Give what a refused method or coding must name (RFC 9110, sections 15.5.6 and 15.5.16)."""
    given = (fault.headers or {}) if isinstance(fault, HTTPException) else {}
    return {
        name: value for name in ("Allow", "Accept-Encoding") if (value := given.get(name) or given.get(name.lower()))
    }


def problem(status: int, code: str, detail: str, errors: tuple[FieldError, ...] = ()) -> Problem:
    """Put a problem together."""
    title = code.replace("_", " ").capitalize()
    return Problem(f"/api/errors#{code}", title, status, code, str(detail), errors)


def _of_framework(fault: HTTPException) -> Refusal:
    status = fault.status_code
    if isinstance(fault, ValidationException):
        extra = cast("list[dict[str, Any]]", fault.extra if isinstance(fault.extra, list) else [])
        errors = tuple(FieldError(str(each.get("key", "")), MSGSPEC.of(str(each.get("message", "")))) for each in extra)
        detail = say("A part of the address cannot be read; nothing was changed.")
        return Refusal(400, "malformed", detail, errors)
    details = {
        404: say("There is nothing at this address. The calls are listed at /api."),
        405: say("This address takes other methods. The calls are listed at /api."),
        413: say("The body is larger than this service takes; nothing was stored. Send it in parts."),
    }
    return Refusal(status, CODES.get(status, "refused"), details.get(status) or English(fault.detail))


def _is_away(fault: BaseException | None) -> bool:
    """Tell whether the database could not be asked or did not answer, here or below SQLAlchemy's wrapping."""
    if isinstance(fault, DBAPIError):
        return fault.connection_invalidated or _is_away(fault.orig)
    if isinstance(fault, asyncpg.InterfaceError) and isinstance(fault, ValueError):
        return False  # asyncpg's word for a value that the statement cannot take: our fault, and no retry mends it
    return isinstance(fault, AWAY) or (fault is not None and _is_away(fault.__cause__))


API_HANDLERS: dict[int | type[Exception], Any] = {Exception: to_json, HTTPException: to_json}
