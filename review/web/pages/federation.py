"""Signing in and out with identity providers: the way there, the way back, and what providers ask for themselves."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from litestar import Router, get, post
from litestar.datastructures import Cookie
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect, Response, Template
from litestar.types import ControllerRouterHandler

from review.identity.oidc import logout, service
from review.identity.oidc.errors import (
    AccountNotAllowed,
    EmailTaken,
    IdentityTaken,
    ProviderNotFound,
    ProviderUnavailable,
    SignInNotCompleted,
    TokenRefused,
)
from review.identity.oidc.logout import Farewell
from review.identity.oidc.service import ATTEMPT_LIFETIME, Answer, Begun, Coming
from review.identity.sessions import Visitor
from review.kernel.errors import ReviewError
from review.web.addresses import client_of
from review.web.guards import ANY_ORIGIN, PUBLIC, cookie_name, cookie_of
from review.web.pages.cookies import browser_of, local_path, session_cookie
from review.web.pages.headers import POLICY
from review.web.pages.reading import first, read_form, read_pairs
from review.web.pages.refusals import to_person
from review.web.services import AnyRequest, Services, Svc, Tx
from review.web.words.catalogue import N_, gettext

MOST_BYTES_SENT = 256 * 1024  # by a provider that ends sessions; four times the longest token that is read
LINKED = "/sign-in/linked"
NOBODY = {"visitor": None, "csrf_token": ""}
TITLES: dict[type[ReviewError], str] = {
    AccountNotAllowed: N_("You may not come in"),
    EmailTaken: N_("This e-mail has an account already"),
    IdentityTaken: N_("This is somebody else’s"),
    ProviderNotFound: N_("There is no such provider"),
    ProviderUnavailable: N_("The provider cannot be used just now"),
    SignInNotCompleted: N_("The sign-in was not completed"),
    TokenRefused: N_("What the provider sent does not hold"),
}


@post("/sign-in/with/{provider:str}", opt={PUBLIC: True}, status_code=200)
async def go_to_provider(request: AnyRequest, services: Svc, tx: Tx, provider: FromPath[str]) -> Template:
    """Begin a sign-in with a provider, and go there."""
    services.limits.arrive(client_of(request))
    target = local_path(first(await read_pairs(request), "next"))
    begun = await service.begin(tx, services.federation, provider, target=target, link_to=None)
    return _leave(services, provider, begun, NOBODY)


@get("/sign-in/with/{provider:str}/callback", opt={PUBLIC: True})
async def come_back(
    request: AnyRequest,
    services: Svc,
    provider: FromPath[str],
    under_way: Annotated[str, QueryParameter(name="state")] = "",  # Litestar keeps the name `state` for itself
    code: Annotated[str, QueryParameter(name="code")] = "",
    error: Annotated[str, QueryParameter(name="error")] = "",
    iss: Annotated[str, QueryParameter(name="iss")] = "",
) -> Redirect:
    """Take somebody in who comes back from a provider, and go where they were going."""
    lifetime = services.settings.session_lifetime
    way = _way_name(services, service.cookie_mark(under_way))
    finished = await service.finish(
        services.db,
        services.federation,
        provider,
        Answer(under_way, code, error, iss),
        cookie=cookie_of(request, way),
        coming=Coming(browser_of(request), lifetime, services.settings.session_idle),
    )
    cookies = [_way(services, way, "", 0)]
    if finished.session is not None:
        cookies.append(session_cookie(services, finished.session.cookie, int(lifetime.total_seconds())))
    return Redirect(local_path(finished.target), status_code=303, cookies=cookies)


@get(LINKED, opt={"any_role": True})
async def show_linked(request: AnyRequest, services: Svc, tx: Tx) -> Template:
    """Show how providers know whoever is signed in, and let them link another."""
    visitor: Visitor = request.auth
    linked = await service.list_linked(tx, services.federation, visitor.user_id)
    context = {"visitor": visitor, "csrf_token": visitor.csrf_token, "linked": linked}
    return Template("sign_in_linked.html", context=context)


@post("/sign-in/with/{provider:str}/link", opt={"any_role": True}, status_code=200)
async def link(request: AnyRequest, services: Svc, tx: Tx, provider: FromPath[str]) -> Template:
    """Go to a provider to link its account with that of whoever is signed in."""
    await read_form(request)
    visitor: Visitor = request.auth
    begun = await service.begin(tx, services.federation, provider, target=LINKED, link_to=visitor.user_id)
    return _leave(services, provider, begun, {"visitor": visitor, "csrf_token": visitor.csrf_token})


@post(
    "/sign-out/back-channel/{provider:str}",
    opt={PUBLIC: True, ANY_ORIGIN: True},
    status_code=200,
    request_max_body_size=MOST_BYTES_SENT,
)
async def end_sessions(request: AnyRequest, services: Svc, provider: FromPath[str]) -> Response[str]:
    """End the sessions that a provider's logout token names.

    The provider's server calls it, so no session and no form's token stands behind it: the signature does.
    """
    token = first(await read_pairs(request), "logout_token")
    await logout.end_by_token(services.db, services.federation, provider, token, origin=client_of(request))
    return Response("", media_type="text/plain")


@get("/sign-out/front-channel/{provider:str}", opt={PUBLIC: True, ANY_ORIGIN: True})
async def end_session_in_frame(
    request: AnyRequest,
    services: Svc,
    tx: Tx,
    provider: FromPath[str],
    iss: Annotated[str, QueryParameter(name="iss")] = "",
    sid: Annotated[str, QueryParameter(name="sid")] = "",
) -> Response[str]:
    """End the session that a provider's page names when it loads this address in a frame."""
    await logout.end_by_address(tx, services.federation, provider, issuer=iss, sid=sid, origin=client_of(request))
    parts = urlsplit(iss)
    policy = POLICY.replace("frame-ancestors 'none'", f"frame-ancestors {parts.scheme}://{parts.netloc}")
    headers = {"Content-Security-Policy": policy}
    return Response("<!doctype html><title>Signed out</title>", media_type="text/html", headers=headers)


def federation_pages() -> list[ControllerRouterHandler]:
    """Give the routes, whose refusals are pages of their own."""
    handlers = (go_to_provider, come_back, show_linked, link, end_sessions, end_session_in_frame)
    return [Router("/", route_handlers=handlers, exception_handlers={ReviewError: _to_person})]


def buttons(services: Services) -> list[dict[str, str]]:
    """Give what the sign-in page shows a button for."""
    return [{"name": each.name, "title": each.title} for each in services.federation.providers.values()]


def farewell_page(services: Services, farewell: Farewell) -> Template:
    """Say that they are signed out here, and go on to where they sign out of the provider."""
    context = {
        "heading": gettext("You are signed out of Countersign"),
        "message": gettext("Going on to %(provider)s, to sign out there too.", provider=farewell.title),
        "url": farewell.url,
    }
    cookies = [session_cookie(services, "", 0)]
    return Template("leaving.html", context=context | NOBODY, headers=_onwards(farewell.url), cookies=cookies)


def _leave(services: Services, provider: str, begun: Begun, who: dict[str, Any]) -> Template:
    """Go to the provider from a page of ours: a form's own redirect would have to be allowed in every page's policy."""
    title = services.federation.get(provider).title
    context = {
        "heading": gettext("Going to %(provider)s", provider=title),
        "message": gettext("You sign in there and come back here."),
        "url": begun.url,
    }
    way = _way(services, _way_name(services, begun.cookie_mark), begun.cookie, int(ATTEMPT_LIFETIME.total_seconds()))
    return Template("leaving.html", context=context | who, headers=_onwards(begun.url), cookies=[way])


def _onwards(url: str) -> dict[str, str]:
    return {"Refresh": f"0; url={url}"}


def _way_name(services: Services, mark: str) -> str:
    return f"{cookie_name(services)}-way-{mark}"


def _way(services: Services, name: str, value: str, seconds: int) -> Cookie:
    """Give the cookie by which a sign-in under way is known again; with no seconds left the browser forgets it."""
    secure = services.settings.secure_cookies
    return Cookie(name, value=value, max_age=seconds, path="/", httponly=True, secure=secure, samesite="lax")


def _to_person(request: AnyRequest, refusal: ReviewError) -> Response[Any]:
    """Say on a page what happened and what to do next; whoever asked for anything else gets problem+json."""
    title = TITLES.get(type(refusal))
    if title is None or "text/html" not in request.headers.get("accept", ""):
        return to_person(request, refusal)
    context = {
        "title": gettext(title),
        "message": refusal.sentence,
        "status": refusal.status,
        "code": refusal.code,
        "link_at": LINKED if isinstance(refusal, EmailTaken) else "",
    }
    return Template("sign_in_refused.html", context=context | NOBODY, status_code=refusal.status)
