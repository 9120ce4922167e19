"""A light HTTP/1.1 client: a few connections that each send their next request as soon as the answer is in."""

import asyncio
from collections import Counter
from collections.abc import Callable
from time import perf_counter
from typing import cast

import msgspec

NextRequest = Callable[[], bytes]


class Answered(msgspec.Struct, frozen=True):
    """What came back: how many answers of which status, in how many seconds, and each one's latency."""

    statuses: dict[int, int]
    seconds: float
    latencies: list[float]

    def rate(self, *expected: int) -> float:
        """Give the answers per second.

        Raises:
            RuntimeError: there was an answer of another status than these.
        """
        if not set(self.statuses) <= set(expected):
            message = f"answers were not all {expected}: {self.statuses}"
            raise RuntimeError(message)
        return sum(self.statuses.values()) / self.seconds


class _Connection(asyncio.Protocol):
    """One connection with one request under way."""

    def __init__(self, next_request: NextRequest, until: float) -> None:
        self._next = next_request
        self._until = until
        self._received = bytearray()
        self._expected = 0
        self._sent = 0.0
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._expected:
            self._read_head()
        if self._expected and len(self._received) >= self._expected:
            now = perf_counter()
            self.statuses[int(self._received[9:12])] += 1
            self.latencies.append(now - self._sent)
            self._received.clear()
            self._expected = 0
            if now < self._until:
                self._send()
            else:
                self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.ended.done():
            return
        if exc is not None or self._received or perf_counter() < self._until:
            self.ended.set_exception(RuntimeError(f"the server closed the connection: {exc}"))
        else:
            self.ended.set_result(None)

    def _send(self) -> None:
        request = self._next()
        self._sent = perf_counter()
        self._transport.write(request)

    def _read_head(self) -> None:
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._received[:end]).lower()
        length = head.split(b"\r\ncontent-length: ", 1)[1].split(b"\r\n", 1)[0]
        self._expected = end + 4 + int(length)


async def drive(address: tuple[str, int], next_request: NextRequest, *, connections: int, seconds: float) -> Answered:
    """Keep so many requests under way for so long, and wait for the last answers."""
    loop = asyncio.get_running_loop()
    started = perf_counter()
    until = started + seconds
    opened = [
        (await loop.create_connection(lambda: _Connection(next_request, until), *address))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(each.ended for each in opened))
    took = perf_counter() - started
    statuses = sum((each.statuses for each in opened), Counter[int]())
    return Answered(dict(statuses), took, [latency for each in opened for latency in each.latencies])


def post(path: str, key: str, body: bytes, content_type: str = "application/json") -> bytes:
    """Write a POST request as it goes over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
