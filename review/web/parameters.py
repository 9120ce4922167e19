"""Query parameters that a call does not have: refused, because a misspelt filter would list everything."""

from typing import Any, cast

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.routes import HTTPRoute

from review.kernel.errors import FieldError, MalformedRequest

DECLARED = "declared_parameters"
MOST_NAMED = 20


async def known_parameters_guard(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """Let a request pass whose query parameters the call has, each once where it takes one value.

    Raises:
        MalformedRequest: it names them (400).
    """
    scope = cast("dict[str, Any]", connection.scope)
    if not scope["query_string"]:
        return
    declared: dict[str, bool] = connection.app.state[DECLARED].get((scope["path_template"], scope["method"]), {})
    given = connection.query_params
    faults = [
        FieldError(name, _unknown(declared) if name not in declared else "is given more than once")
        for name in dict.fromkeys(given)
        if name not in declared or (not declared[name] and len(given.getall(name)) > 1)
    ]
    if faults:
        message = "The query names a parameter that this call does not have, or one twice; nothing was done."
        raise MalformedRequest(message, errors=tuple(faults[:MOST_NAMED]))


def declare(app: Litestar) -> None:
    """Keep in the application's state each call's parameters, and whether one takes several values."""
    app.state[DECLARED] = {
        (route.path_format, method): {each.field_alias: each.is_sequence for each in model.expected_query_params}
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (_, model) in route.route_handler_map.items()
    }


def _unknown(declared: dict[str, bool]) -> str:
    return f"is no parameter of this call, which takes {', '.join(sorted(declared)) or 'none'}"
