"""Who may pass: every route names a permission, or stands in the list of public ones."""

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
from litestar.connection import ASGIConnection
from litestar.exceptions import ClientException
from litestar.handlers import BaseRouteHandler

from review.identity import keys, sessions
from review.identity import service as identity
from review.identity.errors import CrossSiteRequest, NotAuthenticated, NotPermitted
from review.identity.rules import Permission, Principal
from review.kernel.errors import MalformedRequest, NotFound
from review.web.addresses import client_of
from review.web.services import Services

PUBLIC = "public"  # opt key of a route that anybody may call
PERMISSION = "permission"  # opt key of the permission a route asks for; the route × role table is made from it
OF_LITESTAR = "/api/schema"  # its routes for the description that ours is made of; they cannot be turned off
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

Connection = ASGIConnection[Any, Any, Any, Any]


def address_guard(connection: Connection, _handler: BaseRouteHandler) -> None:
    """Refuse an address with a NUL character, which no database and no file system can look up.

    Raises:
        MalformedRequest (400); NotFound: it is one of the framework's own (404).
    """
    if "\0" in connection.url.path or b"%00" in connection.scope["query_string"]:
        message = "The address holds a NUL character (%00), which nothing here has in its name. Send it without."
        raise MalformedRequest(message)
    if connection.scope["path"].startswith(OF_LITESTAR):
        message = "There is nothing at this address. The description of the API is at /api/openapi.json."
        raise NotFound(message)


def encoding_guard(connection: Connection, _handler: BaseRouteHandler) -> None:
    """Refuse a packed body: what a few bytes unpack to is not known before it is done.

    Raises:
        ClientException (415).
    """
    coding = connection.headers.get("content-encoding", "identity").strip().lower()
    if coding not in {"identity", ""}:
        detail = "The body is packed (Content-Encoding), which this service does not take; nothing was stored."
        raise ClientException(status_code=415, detail=detail, headers={"Accept-Encoding": "identity"})


async def key_guard(connection: Connection, handler: BaseRouteHandler) -> None:
    """Let a bearer key pass that carries the route's permission.

    Raises:
        NotAuthenticated (401), NotPermitted (403), RateLimited (429).
    """
    if handler.opt.get(PUBLIC) or _asks_for_methods(connection, handler):
        return
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        message = "This call needs a key. Send `Authorization: Bearer <key>`."
        raise NotAuthenticated(message)
    who = await _authenticate(connection, secret.strip())
    _check(who, handler.opt[PERMISSION])
    connection.scope["user"] = msgspec.structs.replace(who, origin=client_of(connection))


async def session_guard(connection: Connection, handler: BaseRouteHandler) -> None:
    """Let a signed-in person pass; in a project's pages, one who carries the route's permission there.

    Sets `request.auth` to the visitor and, below /p/{project}, `request.user` to their principal.

    Raises:
        NotAuthenticated (401), ProjectNotFound (404), NotPermitted, CrossSiteRequest (403), RateLimited (429).
    """
    services = _services(connection)
    method = str(cast("dict[str, Any]", connection.scope).get("method", "GET"))
    check_origin(connection.headers, method, services.base_url)
    if handler.opt.get(PUBLIC) or _asks_for_methods(connection, handler):
        return
    cookie = connection.cookies.get(cookie_name(services), "")
    caller = services.limits.check(connection.scope, cookie, client_of(connection)) if cookie else None
    visitor = await sessions.find_visitor(services.db.hot, cookie)
    if visitor is None:
        if cookie:
            services.limits.turn_away(cookie, client_of(connection))
        message = "Please sign in; nothing was changed."
        raise NotAuthenticated(message)
    connection.scope["auth"] = visitor
    if caller is None:
        services.limits.welcome(connection.scope, cookie, None)
    project = connection.path_params.get("project")
    if project is not None:
        who = await identity.enter_project(services.db.hot, visitor, str(project))
        _check(who, handler.opt[PERMISSION])
        connection.scope["user"] = msgspec.structs.replace(who, origin=client_of(connection))


async def _authenticate(connection: Connection, secret: str) -> Principal:
    """Tell whose key it is, counting the request against the key, or against the address where it is nobody's."""
    services = _services(connection)
    caller = services.limits.check(connection.scope, secret, client_of(connection))
    try:
        who = await keys.authenticate_key(services.db.hot, secret)
    except NotAuthenticated:
        services.limits.turn_away(secret, client_of(connection))
        raise
    if caller is None:
        services.limits.welcome(connection.scope, secret, who.project_id)
    return who


def requires(permission: Permission) -> dict[str, Any]:
    """Give the `opt` of a route that asks for a permission."""
    return {PERMISSION: permission}


def cookie_name(services: Services) -> str:
    """Give the session cookie's name; the `__Host-` prefix binds it to https and this very host."""
    return "__Host-countersign" if services.settings.secure_cookies else "countersign"


def check_origin(headers: Mapping[str, str], method: str, base_url: str) -> None:
    """Refuse a changing request that another site's page sent.

    Raises:
        CrossSiteRequest: Sec-Fetch-Site or, from older browsers, Origin says so (403).
    """
    if method in SAFE_METHODS:
        return
    site = headers.get("sec-fetch-site")
    if site is not None:
        allowed = site in {"same-origin", "none"}
    else:
        origin = headers.get("origin")
        hosts = {headers.get("host", ""), urlsplit(base_url).netloc}
        allowed = origin is None or _host_of(origin) in hosts
    if not allowed:
        message = "This form was sent from another site; nothing was changed. Open the page here and send it again."
        raise CrossSiteRequest(message)


def _host_of(origin: str) -> str | None:
    """Give the host an `Origin` names, or nothing where it names none that can be read."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _asks_for_methods(connection: Connection, handler: BaseRouteHandler) -> bool:
    """Tell whether this is the framework's own answer to OPTIONS, which names methods and nothing else."""
    return PERMISSION not in handler.opt and cast("dict[str, Any]", connection.scope).get("method") == "OPTIONS"


def _check(who: Principal, permission: Permission) -> None:
    if not who.may(permission):
        message = f"The role {who.role.value} does not carry {permission.value}; nothing was changed."
        raise NotPermitted(message)


def _services(connection: Connection) -> Services:
    services: Services = connection.app.state.services
    return services
