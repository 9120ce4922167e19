"""What every request passes before the application sees it: who is really calling, and whether they mean us."""

from typing import Any, cast

import msgspec
from litestar.types import ASGIApp, Receive, Scope, Send

from review.kernel.settings import Settings
from review.web.addresses import Proxies
from review.web.errors import PROBLEM, problem_of
from review.web.hosts import HostNotAllowed, Hosts
from review.web.pages.headers import HEADERS


def fronted(app: ASGIApp, settings: Settings) -> ASGIApp:
    """Wrap the application, its own "not found" included."""
    proxies, hosts = Proxies(settings.trusted_proxies), Hosts(settings)

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        known = cast("dict[str, Any]", scope)
        if proxies:
            proxies.see_through(known)
        try:
            hosts.check(known)
        except HostNotAllowed as refusal:
            await _refuse(refusal, send)
            return
        await app(scope, receive, send)

    return front


async def _refuse(refusal: HostNotAllowed, send: Send) -> None:
    problem = problem_of(refusal)
    body = msgspec.json.encode(problem)
    headers = HEADERS | {"Content-Type": PROBLEM, "Content-Length": str(len(body))}
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": raw})
    await send({"type": "http.response.body", "body": body, "more_body": False})
