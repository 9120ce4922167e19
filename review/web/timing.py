"""A time limit for every request, so that nothing runs on for a caller who has long given up."""

import asyncio
from typing import Any, cast

from litestar import Request
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from review.kernel.errors import ReviewError
from review.kernel.sentences import say
from review.kernel.settings import Settings
from review.web.pages.refusals import to_person

DEADLINE = "countersign_deadline"  # scope key of the request's asyncio.Timeout


class TimedOut(ReviewError):
    """The request took longer than a request may, and was broken off; what it had begun was undone."""

    code = "timed_out"
    status = 503


def timed(settings: Settings) -> Any:
    """Give the middleware that breaks a request off after `REVIEW_REQUEST_TIMEOUT`.

    The limit ends when the answer begins, for exports and streams take as long as they take. Whoever waits for a
    decision is given the time that they asked to wait on top (`allow`).
    """
    seconds = settings.request_timeout.total_seconds()

    def middleware(app: ASGIApp) -> ASGIApp:
        async def within(scope: Scope, receive: Receive, send: Send) -> None:
            known = cast("dict[str, Any]", scope)
            deadline = known[DEADLINE] = asyncio.timeout(seconds)
            try:
                async with deadline:

                    async def begun(message: Message) -> None:
                        if not deadline.expired() and message["type"] == "http.response.start":
                            deadline.reschedule(None)
                        await send(message)

                    await app(scope, receive, begun)
            except TimeoutError:
                if not deadline.expired():
                    raise
                await _tell(scope, receive, send)

        return within

    return middleware


def allow(scope: Any, seconds: float) -> None:
    """Give a request so many seconds more."""
    deadline: asyncio.Timeout | None = scope.get(DEADLINE)
    if deadline is not None and (ends := deadline.when()) is not None:
        deadline.reschedule(ends + seconds)


async def _tell(scope: Scope, receive: Receive, send: Send) -> None:
    message = say(
        "The request took too long and was broken off. What was acknowledged is safe; send the same request again, "
        "with its external_id or Idempotency-Key where it submits."
    )
    request: Request[Any, Any, Any] = Request(scope, receive, send)
    answer: Any = to_person(request, TimedOut(message)).to_asgi_response(None, request)  # pyright: ignore[reportUnknownMemberType]  partly untyped
    await answer(scope, receive, send)
