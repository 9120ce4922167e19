"""What every way of signing in shares: the browser that asks, the session's cookie, and where to go afterwards."""

from litestar.datastructures import Cookie

from review.identity.sessions import Browser
from review.web.addresses import client_of
from review.web.guards import cookie_name
from review.web.services import AnyRequest, Services


def browser_of(request: AnyRequest) -> Browser:
    """Give what the browser tells of itself."""
    return Browser(client_of(request), request.headers.get("user-agent", ""))


def session_cookie(services: Services, value: str, seconds: int) -> Cookie:
    """Give the cookie that carries a session; with no seconds left the browser forgets it."""
    return Cookie(
        key=cookie_name(services),
        value=value,
        max_age=seconds,
        path="/",
        httponly=True,
        secure=services.settings.secure_cookies,
        samesite="lax",
    )


def local_path(target: str) -> str:
    """Give a page of this site to go to: a path, and nothing that a browser would read as another host."""
    local = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if local and "\\" not in target else "/"
