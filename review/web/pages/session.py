"""Signing in and out in the browser."""

from typing import Annotated, Any

from litestar import get, post
from litestar.params import QueryParameter
from litestar.response import Redirect, Response, Template

from review.identity import sessions
from review.identity.errors import SignInRefused
from review.identity.oidc import logout
from review.web.guards import PUBLIC, session_of
from review.web.pages.cookies import browser_of, local_path, session_cookie
from review.web.pages.federation import buttons, farewell_page
from review.web.pages.reading import first, read_form, read_pairs
from review.web.services import AnyRequest, Services, Svc, Tx


@get("/sign-in", opt={PUBLIC: True}, sync_to_thread=False)
def sign_in_form(services: Svc, target: Annotated[str, QueryParameter(name="next")] = "/") -> Template:
    """Ask who is there."""
    return _form(services, target)


@post("/sign-in", opt={PUBLIC: True}, status_code=200)
async def sign_in(request: AnyRequest, services: Svc, tx: Tx) -> Response[Any]:
    """Open a session and go where the visitor was going."""
    pairs = await read_pairs(request)
    email, target = first(pairs, "email"), first(pairs, "next")
    try:
        async with services.sign_ins:
            session = await sessions.sign_in(
                tx,
                email=email,
                password=first(pairs, "password"),
                browser=browser_of(request),
                lifetime=services.settings.session_lifetime,
            )
    except SignInRefused as refusal:
        return _form(services, target, email=email, fault=refusal.message)
    cookie = session_cookie(services, session.cookie, int(services.settings.session_lifetime.total_seconds()))
    return Redirect(local_path(target), status_code=303, cookies=[cookie])


@post("/sign-out", opt={"any_role": True}, status_code=200)
async def sign_out(request: AnyRequest, services: Svc, tx: Tx) -> Response[Any]:
    """End the session, and go on to the identity provider that vouched for it, if one did."""
    await read_form(request)
    cookie = session_of(request)
    farewell = await logout.find_farewell(services.db, services.federation, cookie)
    await sessions.sign_out(tx, cookie)
    if farewell is not None:
        return farewell_page(services, farewell)
    return Redirect("/sign-in", status_code=303, cookies=[session_cookie(services, "", 0)])


def _form(services: Services, target: str, *, email: str = "", fault: str = "") -> Template:
    context = {
        "csrf_token": "",
        "visitor": None,
        "next": local_path(target),
        "email": email,
        "fault": fault,
        "providers": buttons(services),
    }
    return Template(template_name="sign_in.html", context=context, status_code=401 if fault else 200)
