"""The least that takes a webhook: reads the body and answers 204. Run as `uvicorn benchmarks.receiver:take`."""

from collections.abc import Awaitable, Callable
from typing import Any


async def take(
    scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    """Answer any request with 204, once its body is in."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})
