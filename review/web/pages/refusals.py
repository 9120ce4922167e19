"""Refusals for people: a page in words, or for htmx a notice that leaves the page, and what was typed, as it is."""

from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from litestar.response import Redirect, Response, Template

from review.identity.errors import NotAuthenticated
from review.identity.sessions import Visitor
from review.queueing.errors import AssignmentMoved, LeaseLost
from review.web.errors import later, refusal_of, to_json
from review.web.pages.reading import typed
from review.web.services import AnyRequest
from review.web.words.catalogue import N_, gettext
from review.web.words.sentences import translated

TITLES = {
    401: N_("Please sign in"),
    403: N_("You may not do this"),
    404: N_("There is nothing here"),
    405: N_("There is nothing here"),
    409: N_("That was overtaken"),
    410: N_("That is used up"),
    422: N_("That cannot be taken"),
    429: N_("That was too fast"),
    503: N_("Countersign cannot answer just now"),
}
WRONG = N_("Something went wrong")


def to_person(request: AnyRequest, fault: Exception) -> Response[Any]:
    """Answer a browser with a page, htmx with a notice, and whoever asked for anything else with problem+json."""
    is_htmx = request.headers.get("hx-request") == "true"
    wants_page = is_htmx or "text/html" in request.headers.get("accept", "")
    if request.url.path.startswith("/api"):
        return to_json(request, fault)
    if not wants_page:
        return to_json(request, fault, translated)
    if isinstance(fault, NotAuthenticated):
        return _to_sign_in(request, is_htmx=is_htmx)
    if isinstance(fault, LeaseLost | AssignmentMoved):
        return _tell_lost(request, fault, is_htmx=is_htmx)
    refusal = refusal_of(fault)
    context = {
        "title": gettext(TITLES.get(refusal.status, WRONG)),
        "message": refusal.detail,
        "errors": refusal.errors,
        "status": refusal.status,
        "code": refusal.code,
    }
    if is_htmx:
        headers = {"HX-Retarget": "#notices", "HX-Reswap": "innerHTML show:none", "HX-Push-Url": "false"} | later(fault)
        return Template(template_name="_notice.html", context=context, status_code=refusal.status, headers=headers)
    visitor = _visitor(request)
    context |= {"visitor": visitor, "csrf_token": visitor.csrf_token if visitor else "", "project": ""}
    headers = {**({"Retry-After": "1"} if refusal.status == 503 else {}), **later(fault)}
    return Template(template_name="_error.html", context=context, status_code=refusal.status, headers=headers)


def _tell_lost(request: AnyRequest, refusal: LeaseLost | AssignmentMoved, *, is_htmx: bool) -> Response[Any]:
    """Say that the claim no longer stands, and keep what was typed: on the page as it is, or on one that shows it."""
    if is_htmx:
        headers = {"HX-Reswap": "none", "HX-Push-Url": "false", "HX-Trigger": "lease:lost"}
        return Response(None, status_code=refusal.status, headers=headers)
    visitor = _visitor(request)
    context = {
        "csrf_token": visitor.csrf_token if visitor else "",
        "visitor": visitor,
        "project": request.path_params.get("project", ""),
        "message": refusal.sentence,
        "kept": typed(request.state.get("pairs", [])),
    }
    return Template(template_name="lost.html", context=context, status_code=refusal.status)


def _to_sign_in(request: AnyRequest, *, is_htmx: bool) -> Response[Any]:
    """Send to the sign-in page, and from there back to the page that was open."""
    shown = request.headers.get("hx-current-url", "") if is_htmx else ""
    if is_htmx and "/assignments/" in _path_of(shown) + request.url.path:  # what was typed stays where it is
        return Response(None, status_code=401, headers={"HX-Reswap": "none", "HX-Trigger": "session:ended"})
    came_from = shown or (str(request.url) if request.method == "GET" else request.headers.get("referer", ""))
    address = f"/sign-in?{urlencode({'next': _path_of(came_from) or '/'})}"
    if is_htmx:
        return Response(None, status_code=401, headers={"HX-Redirect": address})
    return Redirect(address, status_code=303)


def _path_of(address: str) -> str:
    """Give the path and query of an address that a browser named, or nothing where it is none."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _visitor(request: AnyRequest) -> Visitor | None:
    scope = cast("dict[str, Any]", request.scope)
    return cast("Visitor | None", scope.get("auth"))
