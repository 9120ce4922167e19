"""The headers that keep an answer to itself: no foreign script, frame, form or picture, and nothing inline."""

from litestar.types import BeforeMessageSendHookHandler, Message, Scope

from review.kernel.settings import Settings

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self'; frame-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), magnetometer=(), "
        "microphone=(), midi=(), payment=(), serial=(), usb=()"
    ),
    "Cache-Control": "no-store",
}
HTTPS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}  # a year; hosts below this one are not ours to bind


def secured(settings: Settings) -> BeforeMessageSendHookHandler:
    """Make the hook that sends the security headers with every answer, refusals too, and lets nobody keep a page.

    A hook and no middleware, which the framework does not ask for addresses that lead nowhere.
    """
    chosen = HEADERS | (HTTPS_ONLY if settings.secure_cookies else {})
    raw = [(name.lower().encode(), value.encode()) for name, value in chosen.items()]

    async def add(message: Message, _scope: Scope) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *((name, value) for name, value in raw if name not in given)]

    return add
