"""What every way of signing in shares: the browser that asks, its cookies, and where to go afterwards."""

from datetime import timedelta
from typing import Final

from litestar.datastructures import Cookie

from review.identity import accounts, devices, passkeys
from review.identity.accounts import Door
from review.identity.sessions import Browser, SignedIn
from review.kernel.sealing import Sealer
from review.web.addresses import client_of
from review.web.guards import cookie_name, cookie_of
from review.web.services import AnyRequest, Services

DEVICE: Final = "-device"  # what the names of the other cookies end in
STEP: Final = "-step"
PASSKEY: Final = "-passkey"


def browser_of(request: AnyRequest) -> Browser:
    """Give what the browser tells of itself."""
    services: Services = request.app.state.services
    name = cookie_name(services)
    return Browser(
        client_of(request),
        request.headers.get("user-agent", ""),
        cookie_of(request, name),
        cookie_of(request, name + DEVICE),
    )


def door_of(services: Services) -> Door:
    """Give what local accounts work with."""
    settings = services.settings
    return Door(services.db, Sealer.of(settings), settings.session_lifetime, settings.require_second_factor)


def cookies_of(services: Services, signed_in: SignedIn) -> list[Cookie]:
    """Give the cookies of somebody who has signed in; that of the step that led there is forgotten."""
    cookies = [session_cookie(services, signed_in.cookie, _seconds(services.settings.session_lifetime))]
    if signed_in.device:
        cookies.append(_cookie(services, DEVICE, signed_in.device, _seconds(devices.FRESH)))
    return [*cookies, _cookie(services, STEP, "", 0)]


def session_cookie(services: Services, value: str, seconds: int) -> Cookie:
    """Give the cookie that carries a session; with no seconds left the browser forgets it."""
    return _cookie(services, "", value, seconds)


def step_cookie(services: Services, value: str) -> Cookie:
    """Give the cookie of a sign-in that is half done."""
    return _cookie(services, STEP, value, _seconds(accounts.STEP_LIFETIME))


def step_of(request: AnyRequest) -> str:
    """Give the half-done sign-in that a browser goes on with, or nothing."""
    services: Services = request.app.state.services
    return cookie_of(request, cookie_name(services) + STEP)


def passkey_cookie(services: Services, value: str) -> Cookie:
    """Give the cookie that a passkey's answer must come with; without a value the browser forgets it."""
    return _cookie(services, PASSKEY, value, _seconds(passkeys.CHALLENGE_LIFETIME) if value else 0)


def passkey_of(request: AnyRequest) -> str:
    """Give the cookie that a passkey's answer came with, or nothing."""
    services: Services = request.app.state.services
    return cookie_of(request, cookie_name(services) + PASSKEY)


def local_path(target: str) -> str:
    """Give a page of this site to go to: a path, and nothing that a browser would read as another host."""
    local = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if local and "\\" not in target else "/"


def _cookie(services: Services, ending: str, value: str, seconds: int) -> Cookie:
    return Cookie(
        key=cookie_name(services) + ending,
        value=value,
        max_age=seconds,
        path="/",
        httponly=True,
        secure=services.settings.secure_cookies,
        samesite="lax",
    )


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())
