"""Streams of server-sent events: they end at once when their reader hangs up, and are given up when nobody reads."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

from litestar import Litestar, Request
from litestar.response import Stream
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import Receive, Send

from review.web.leaving import until_they_leave

log = logging.getLogger(__name__)

EVENT_STREAM = "text/event-stream"
HEADERS = {"X-Accel-Buffering": "no"}  # or nginx would keep events until it has a bufferful
SEND_SECONDS = 30.0  # how long a piece may wait for its reader, before the stream is given up


class EventStream(Stream):
    """A stream that ends at once when its reader hangs up, and is given up when it does not read."""

    def to_asgi_response(self, app: Litestar | None, request: Request[Any, Any, Any], **known: Any) -> ASGIResponse:
        """Give what sends it."""
        base: Any = super()  # its parameters are partly untyped
        usual: ASGIStreamingResponse = base.to_asgi_response(app, request, **known)
        return _Sending(
            iterator=usual.iterator,
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in usual.encode_headers()},
            is_head_response=usual.is_head_response,
            media_type=EVENT_STREAM,
            status_code=usual.status_code,
        )


class _Sending(ASGIStreamingResponse):
    async def send_body(self, send: Send, receive: Receive) -> None:
        sending = asyncio.create_task(self._send_pieces(send))
        leaving = asyncio.create_task(until_they_leave(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            sending.cancel()
            leaving.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send_pieces(self, send: Send) -> None:
        pieces = cast("AsyncGenerator[bytes]", self.iterator)
        async with aclosing(pieces):
            async for piece in pieces:
                try:
                    async with asyncio.timeout(SEND_SECONDS):
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
                except TimeoutError:  # then the end cannot be sent either; the server closes what is left unfinished
                    log.info("an event stream was given up: its reader took nothing for %.0f s", SEND_SECONDS)
                    return
        await send({"type": "http.response.body", "body": b"", "more_body": False})
