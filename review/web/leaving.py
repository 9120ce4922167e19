"""Callers who hang up while they are being kept waiting."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from litestar.exceptions import ClientException
from litestar.types import Receive

from review.web.services import AnyRequest

T = TypeVar("T")

CLIENT_CLOSED_REQUEST = 499  # nginx's number for it; nobody is there to read it but the metrics


async def unless_they_leave(request: AnyRequest, act: Coroutine[Any, Any, T]) -> T:
    """Do something that takes a while, and stop at once when the caller hangs up.

    The request's body must have been read, or there is none.

    Raises:
        ClientException: they hung up (499).
    """
    working = asyncio.ensure_future(act)
    leaving = asyncio.create_task(until_they_leave(request.receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientException(status_code=CLIENT_CLOSED_REQUEST, detail="The caller hung up; nothing was changed.")
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def until_they_leave(receive: Receive) -> None:
    """Return when the connection is closed from the other side."""
    while (await receive())["type"] != "http.disconnect":
        pass
