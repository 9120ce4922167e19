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
from review.identity.preferences import DEFAULTS
from review.identity.rules import Permission, Principal
from review.kernel.errors import MalformedRequest, NotFound
from review.kernel.sentences import say
from review.web.addresses import client_of
from review.web.limits import as_session
from review.web.pages import words
from review.web.services import Services
from review.web.words import catalogue

PUBLIC = "public"  # opt key of a route that anybody may call
PERMISSION = "permission"  # opt key of the permission a route asks for; the route × role table is made from it
OF_LITESTAR = "/api/schema"  # its routes for the description that ours is made of; they cannot be turned off
ANY_ORIGIN = "any_origin"  # opt key of a page route that programs call, such as a provider's logout; it takes no cookie
TOLD_ZONE = "countersign-zone"  # the cookie in which a page's script leaves the browser's time zone
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

Connection = ASGIConnection[Any, Any, Any, Any]


async def address_guard(connection: Connection, _handler: BaseRouteHandler) -> None:
    """Refuse an address with a NUL character, which no database and no file system can look up.

    Raises:
        MalformedRequest (400); NotFound: it is one of the framework's own (404).
    """
    if "\0" in connection.url.path or b"%00" in connection.scope["query_string"]:
        message = say("The address holds a NUL character (%%00), which nothing here has in its name. Send it without.")
        raise MalformedRequest(message)
    if connection.scope["path"].startswith(OF_LITESTAR):
        message = say("There is nothing at this address. The description of the API is at /api/openapi.json.")
        raise NotFound(message)


async def encoding_guard(connection: Connection, _handler: BaseRouteHandler) -> None:
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
        message = say("This call needs a key. Send `Authorization: Bearer <key>`.")
        raise NotAuthenticated(message)
    who, origin = await _authenticate(connection, secret.strip()), client_of(connection)
    if who.key_id is not None:
        _services(connection).key_use.note(who.project_id, who.key_id, origin)
    _check(who, handler.opt[PERMISSION])
    connection.scope["user"] = await _entered(connection, who, origin)


async def admit_again(connection: Connection) -> Principal:
    """Let a call pass once more that was kept waiting, and give who it stands for now.

    Raises:
        NotAuthenticated (401), NotPermitted (403).
    """
    who = await keys.authenticate_key(_services(connection).db.hot, secret_of(connection))
    _check(who, connection.route_handler.opt[PERMISSION])
    return await _entered(connection, who, client_of(connection))


def secret_of(connection: Connection) -> str:
    """Give the bearer key that a call came with."""
    return connection.headers.get("authorization", "").partition(" ")[2].strip()


async def session_guard(connection: Connection, handler: BaseRouteHandler) -> None:
    """Let a signed-in person pass; in a project's pages, one who carries the route's permission there.

    Sets `request.auth` to the visitor and, below /p/{project}, `request.user` to their principal.

    Raises:
        NotAuthenticated (401), ProjectNotFound (404), NotPermitted, CrossSiteRequest (403), RateLimited (429).
    """
    services = _services(connection)
    told_zone = cookie_of(connection, TOLD_ZONE)
    words.write_for(DEFAULTS, told_zone)
    wishes = connection.headers.get("accept-language", "")
    catalogue.speak(wishes)
    method = str(cast("dict[str, Any]", connection.scope).get("method", "GET"))
    if not handler.opt.get(ANY_ORIGIN):
        check_origin(connection.headers, method, services.base_url)
    if handler.opt.get(PUBLIC) or _asks_for_methods(connection, handler):
        return
    cookie = session_of(connection)
    counted = as_session(cookie)
    caller = services.limits.check(connection.scope, counted, client_of(connection)) if cookie else None
    project = connection.path_params.get("project")
    named = None if project is None else str(project)
    visitor = await sessions.find_visitor(services.db.hot, cookie, services.settings.session_idle, named)
    if visitor is None:
        if cookie:
            services.limits.turn_away(counted, client_of(connection))
        message = say("Please sign in; nothing was changed.")
        raise NotAuthenticated(message)
    connection.scope["auth"] = visitor
    words.write_for(visitor.preferences, told_zone)
    catalogue.speak(wishes, visitor.preferences.language)
    if caller is None:
        services.limits.welcome(connection.scope, counted, None)
    if named is not None:
        who = identity.enter_project(visitor, named)
        _check(who, handler.opt[PERMISSION])
        connection.scope["user"] = await _entered(connection, who, client_of(connection))


async def _entered(connection: Connection, who: Principal, origin: str) -> Principal:
    """Give a caller with where they call from, and with the personal fields that are not for them to see."""
    return msgspec.structs.replace(who, origin=origin, hides=await _services(connection).hides_of(who))


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


def session_of(connection: Connection) -> str:
    """Give the session cookie's value, or nothing where none was sent, or several that differ."""
    return cookie_of(connection, cookie_name(_services(connection)))


def cookie_of(connection: Connection, wanted: str) -> str:
    """Give a cookie's value, or nothing where none was sent, or several that differ.

    Read here because the framework's reader trims blanks from a name that browsers take for part of it, by which a
    neighbouring host could plant a cookie that passes for one with the `__Host-` prefix.
    """
    sent = ";".join(connection.headers.getall("cookie", [])).split(";")
    values = {
        value.strip(" \t") for name, _, value in (each.partition("=") for each in sent) if name.strip(" \t") == wanted
    }
    return values.pop() if len(values) == 1 else ""


def check_origin(headers: Mapping[str, str], method: str, base_url: str) -> None:
    """Refuse what another site's page sent: every change, and every read but that of somebody who follows a link.

    Raises:
        CrossSiteRequest: Sec-Fetch-Site or, from older browsers, Origin says so, or neither says anything (403).
    """
    site = headers.get("sec-fetch-site")
    if method in SAFE_METHODS:
        if site in {"cross-site", "same-site"} and not _is_followed_link(headers):
            message = say(
                "Another site asked for this page from within one of its own. Open it in a window of its own."
            )
            raise CrossSiteRequest(message)
        return
    allowed = _is_own(headers, base_url) if site is None else site in {"same-origin", "none"}
    if not allowed:
        message = say(
            "This form was sent from another site; nothing was changed. Open the page here and send it again."
        )
        raise CrossSiteRequest(message)


def _is_followed_link(headers: Mapping[str, str]) -> bool:
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


def _is_own(headers: Mapping[str, str], base_url: str) -> bool:
    """Tell whether `Origin` names this site; where links carry https, a page that came in the clear is not it."""
    try:
        origin, ours = urlsplit(headers.get("origin", "")), urlsplit(base_url)
    except ValueError:
        return False
    schemes = {"https"} if ours.scheme == "https" else {"http", "https"}
    return bool(origin.netloc) and origin.scheme in schemes and origin.netloc in {ours.netloc, headers.get("host", "")}


def _asks_for_methods(connection: Connection, handler: BaseRouteHandler) -> bool:
    """Tell whether this is the framework's own answer to OPTIONS, which names methods and nothing else."""
    return PERMISSION not in handler.opt and cast("dict[str, Any]", connection.scope).get("method") == "OPTIONS"


def _check(who: Principal, permission: Permission) -> None:
    if not who.may(permission):
        if permission in who.permissions:
            message = say(
                "The role %(role)s, or the scopes of this key, do not carry pools:all, which this needs as well; "
                "nothing was changed.",
                role=who.role,
            )
        else:
            message = say(
                "The role %(role)s, or the scopes of this key, do not carry %(permission)s; nothing was changed.",
                role=who.role,
                permission=permission.value,
            )
        raise NotPermitted(message)


def _services(connection: Connection) -> Services:
    services: Services = connection.app.state.services
    return services
