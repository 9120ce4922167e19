"""HTTP/1.1 as uvicorn speaks it, with bounds on what it leaves unbounded: slow senders, long heads, pipelines.

uvicorn waits for a head and for a body as long as it takes, and keeps as much of a head as comes.
"""

import asyncio
from enum import Enum, auto
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from review.web.errors import PROBLEM, problem

HEAD_SECONDS = 10.0  # from the first byte, or from the connection, to the end of the head
BODY_SECONDS = 25.0  # from there to the end of the body; a request as a whole may take REVIEW_REQUEST_TIMEOUT
LEAST_BYTES_A_SECOND = 64 * 1024  # a body that comes at least this fast, such as an upload, has as long again
MOST_HEAD_BYTES = 32 * 1024
MOST_URL_BYTES = 8 * 1024
MOST_FIELDS = 100
MOST_WAITING = 32  # requests that one connection may send ahead of their answers
MOST_UNREAD_BYTES = 1024 * 1024  # of a body that comes in after its request was answered
LINGER_SECONDS = 2.0  # for a caller to read the refusal before the connection is cut
LINGER_BYTES = 16 * 1024 * 1024

REFUSALS = {
    400: ("malformed", "This is not HTTP that everybody reads alike; nothing was done."),
    408: ("too_slow", "The request did not come in within its time; nothing was done. Send it again, at once."),
    414: ("address_too_long", f"The address is longer than {MOST_URL_BYTES:,} bytes; nothing was done."),
    431: ("head_too_large", f"The head has over {MOST_FIELDS} fields or {MOST_HEAD_BYTES:,} bytes; nothing was done."),
}
PHRASES = {400: b"Bad Request", 408: b"Request Timeout", 414: b"URI Too Long", 431: b"Request Header Fields Too Large"}


class _Part(Enum):
    NOTHING = auto()  # between two requests; uvicorn's keep-alive timer runs
    HEAD = auto()
    BODY = auto()


class _Refused(Exception):
    """Raised out of the parser's callbacks; the parser wraps it, and uvicorn then asks for a 400 to be sent."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which lets a connection take only so long, and hold only so much, before it is a request."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._part = _Part.NOTHING
        self._timed = _Part.NOTHING
        self._timer: asyncio.TimerHandle | None = None
        self._size = self._fields = self._unread = self._came = 0
        self._refusal = 400
        self._lingering = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to count the time that the first head may take."""
        super().connection_made(transport)
        self._time(_Part.HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop counting."""
        self._stop_timing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless the connection is only kept for a refusal to be read."""
        if self._lingering:
            self._unread += len(data)
            if self._unread > LINGER_BYTES:
                self.transport.abort()
            return
        super().data_received(data)
        if self._lingering or self.transport.is_closing():
            return
        if self._part is _Part.HEAD:
            self._size += len(data)
            if self._size > MOST_HEAD_BYTES:
                self._refuse(431)
                return
        elif self._part is _Part.BODY and self.cycle.response_complete and self._unread > MOST_UNREAD_BYTES:
            self._stop_timing()
            self._linger()
            return
        if self._part is not self._timed:
            self._time(self._part)

    def on_message_begin(self) -> None:
        """Begin to count a head."""
        super().on_message_begin()
        self._stop_timing()  # what ran since the connection was made would break off the answer to this request
        self._part, self._timed = _Part.HEAD, _Part.NOTHING
        self._size = self._fields = 0

    def on_url(self, url: bytes) -> None:
        """Take the address, unless it is too long."""
        super().on_url(url)
        if len(self.url) > MOST_URL_BYTES:
            self._refusal = 414
            raise _Refused

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field, unless there are too many or too much."""
        super().on_header(name, value)
        self._fields += 1
        self._size += len(name) + len(value)
        if self._fields > MOST_FIELDS or self._size > MOST_HEAD_BYTES:
            self._refusal = 431
            raise _Refused

    def on_headers_complete(self) -> None:
        """Hand the request on, unless too many wait before it, or two fields tell its length differently."""
        names = [name for name, _ in self.headers if name in {b"content-length", b"transfer-encoding"}]
        if len(self.pipeline) >= MOST_WAITING or len(names) > 1:
            raise _Refused
        self._part = _Part.BODY
        self._unread = self._came = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body; of one that was answered already, only so much."""
        self._came += len(body)
        if self.cycle.response_complete:
            self._unread += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop counting."""
        self._part = _Part.NOTHING
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  the base gives it
        """Refuse what the parser could not read, in the contract's words."""
        self._refuse(self._refusal)

    def _time(self, part: _Part) -> None:
        self._stop_timing()
        self._timed = part
        if part is not _Part.NOTHING:
            seconds = HEAD_SECONDS if part is _Part.HEAD else BODY_SECONDS
            self._timer = self.loop.call_later(seconds, self._too_slow)

    def _stop_timing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        if self._part is _Part.BODY and self._came >= BODY_SECONDS * LEAST_BYTES_A_SECOND:
            self._came = 0
            self._time(_Part.BODY)
        elif not self.transport.is_closing():
            self._refuse(408)

    def _refuse(self, status: int) -> None:
        """Answer for the application, or break off where an answer is under way, and close the connection."""
        self._stop_timing()
        cycle: Any = self.cycle  # None before the first request, whatever its type says
        if cycle is not None and not cycle.response_complete:
            if self.pipeline or self._part is not _Part.BODY or cycle.response_started:
                self.transport.abort()
                return
            cycle.disconnected = True  # the application is still waiting for the rest of the body
            cycle.message_event.set()
        self.transport.write(_answer(status, self.server_state.default_headers))
        self._linger()

    def _linger(self) -> None:
        """Say that no more is coming, and give the caller a moment to read: closing at once would cut what was said."""
        self._lingering = True
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._timer = self.loop.call_later(LINGER_SECONDS, self.transport.abort)


def _answer(status: int, default_headers: list[tuple[bytes, bytes]]) -> bytes:
    code, detail = REFUSALS[status]
    body = msgspec.json.encode(problem(status, code, detail))
    fields = [
        *default_headers,
        (b"content-type", PROBLEM.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"x-content-type-options", b"nosniff"),
        (b"connection", b"close"),
    ]
    head = b"".join(b"%b: %b\r\n" % field for field in fields)
    return b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (status, PHRASES[status], head, body)
