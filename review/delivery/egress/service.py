"""The one way out: every HTTP call that this service makes to an address somebody configured."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from time import monotonic

import httpcore

from review.delivery.egress.connecting import CheckedBackend, Names, Resolve, explain, give_up_if_more_came
from review.delivery.egress.errors import CallRefused
from review.delivery.egress.rules import Answer, Fetched, Policy, Target, read_url
from review.kernel.settings import Settings

MOST_BYTES_READ = 64 * 1024
EXCERPT_BYTES = 4 * 1024
MOST_HEADERS, LONGEST_HEADER = 50, 500
# Shorter than what servers keep a connection for, so that it is seldom reused while they close it (uvicorn: 5 s).
KEPT_SECONDS = 2.0
KEPT_CONNECTIONS = 20


@dataclass
class _Lane:
    """The connections to one origin, so that one which hangs is in nobody else's way."""

    pool: httpcore.AsyncConnectionPool
    using: int = 0
    closing: asyncio.TimerHandle | None = None


@dataclass
class _Seen:
    """How far a call has got; `keep` bounds what is kept of the answer's body, `most` what is read of it."""

    keep: int = EXCERPT_BYTES
    most: int = MOST_BYTES_READ
    stage: str = "looking up the name and connecting"
    status: int | None = None
    is_whole: bool = False

    def __post_init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.kept = bytearray()


class Egress:
    """Outbound calls under a policy: checked addresses, no redirects, no proxies, no cookies, bounded in time and size.

    Connections are kept for two seconds. One that is reused goes to the address that was checked when it was made.
    """

    def __init__(self, policy: Policy, *, resolve: Resolve | None = None, trust: ssl.SSLContext | None = None) -> None:
        self._policy = policy
        self._names = Names()
        self._backend = CheckedBackend(policy, resolve or self._names.resolve)
        self._given_trust = trust
        self._lanes: dict[tuple[str, str, int], _Lane] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @classmethod
    def of(cls, settings: Settings) -> "Egress":
        """Make the way out that the settings allow."""
        return cls(Policy.of(settings))

    async def send(self, url: str, *, headers: Mapping[str, str], body: bytes, timeout: timedelta) -> Answer:  # noqa: ASYNC109  it bounds the whole call, the look-up too
        """Post a body and tell what came of it; only a cancellation is raised.

        `timeout` covers looking the name up, connecting and the whole answer.
        """
        began, seen = monotonic(), _Seen()
        error = await self._attempt("POST", url, headers, body, seen, timeout)
        if error is None and _leads_on(seen):
            error = f"redirects are not followed ({seen.status} to {seen.headers.get('location', 'nowhere')})"
        return Answer(
            status=seen.status,
            headers=seen.headers,
            excerpt=seen.kept.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}"),
            seconds=monotonic() - began,
            error=error,
        )

    async def fetch(self, url: str, *, most_bytes: int, timeout: timedelta) -> Fetched:  # noqa: ASYNC109  it bounds the whole call
        """Get a file whole, or say why not; only a cancellation is raised.

        A redirect, another status than 200 and more than `most_bytes` are reasons, and `timeout` covers everything.
        """
        seen = _Seen(keep=most_bytes, most=most_bytes + 1)
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        error = await self._attempt("GET", url, headers, b"", seen, timeout)
        if error is None and seen.status != 200:
            error = f"the answer was {seen.status}" + ("; redirects are not followed" if _leads_on(seen) else "")
        if error is None and not seen.is_whole:
            error = f"the file is larger than {most_bytes / 1e6:g} MB"
        return Fetched(bytes(seen.kept) if error is None else b"", error)

    async def _attempt(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, seen: _Seen, within: timedelta
    ) -> str | None:
        """Make a call and give why it came to nothing, None if an answer came."""
        try:
            async with asyncio.timeout(within.total_seconds()):
                await self._exchange(method, read_url(url, self._policy), headers, body, seen)
        except TimeoutError:
            return f"timed out after {within.total_seconds():g} s, {seen.stage}"
        except CallRefused as refusal:
            return str(refusal)
        except (
            *(httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, httpcore.UnsupportedProtocol),
            OSError,
        ) as fault:
            return explain(fault)
        return None

    async def check(self, url: str) -> None:
        """See whether a call to a URL would be let out now; for callers that connect by other means.

        Raises:
            CallRefused: it would not, and why.
        """
        target = read_url(url, self._policy)
        await self._backend.list_addresses(target.host, target.port)

    async def close(self) -> None:
        """Close every connection."""
        for lane in self._lanes.values():
            if lane.closing is not None:
                lane.closing.cancel()
            await lane.pool.aclose()
        self._lanes.clear()
        await asyncio.gather(*self._closing)
        self._names.close()

    async def _exchange(
        self, method: str, target: Target, headers: Mapping[str, str], body: bytes, seen: _Seen
    ) -> None:
        request = httpcore.Request(
            method,
            httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path),
            headers=[
                ("Host", target.host_header),
                *((name, _checked(name, value)) for name, value in headers.items()),
                *([("Content-Length", str(len(body)))] if method == "POST" else []),
            ],
            content=body,
            extensions={"trace": _stages(seen)},
        )
        key = (target.scheme, target.host, target.port)
        lane = self._enter(key)
        try:
            response = await lane.pool.handle_async_request(request)
            try:
                await _read(response, seen)
            finally:
                await response.aclose()
        finally:
            self._leave(key, lane)

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return self._given_trust or _trust()  # reading them takes 80 ms, which a process that calls nobody is spared

    def _enter(self, key: tuple[str, str, int]) -> _Lane:
        lane = self._lanes.get(key)
        if lane is None:
            pool = httpcore.AsyncConnectionPool(
                ssl_context=self._trust if key[0] == "https" else None,
                max_connections=None,
                max_keepalive_connections=KEPT_CONNECTIONS,
                keepalive_expiry=KEPT_SECONDS,
                network_backend=self._backend,
            )
            lane = self._lanes[key] = _Lane(pool)
        if lane.closing is not None:
            lane.closing.cancel()
            lane.closing = None
        lane.using += 1
        return lane

    def _leave(self, key: tuple[str, str, int], lane: _Lane) -> None:
        lane.using -= 1
        if lane.using == 0:
            lane.closing = asyncio.get_running_loop().call_later(KEPT_SECONDS, self._close_lane, key, lane)

    def _close_lane(self, key: tuple[str, str, int], lane: _Lane) -> None:
        if self._lanes.get(key) is lane and lane.using == 0:
            del self._lanes[key]
            task = asyncio.create_task(lane.pool.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


def _leads_on(seen: _Seen) -> bool:
    return seen.status is not None and 300 <= seen.status <= 399


def _trust() -> ssl.SSLContext:
    """Trust the usual authorities, and those that the machine has of its own (SSL_CERT_FILE)."""
    context = httpcore.default_ssl_context()
    context.load_default_certs()
    return context


def _checked(name: str, value: str) -> str:
    """Refuse what would end a header line; nothing of ours does, so that it is a fault in the making.

    Raises:
        CallRefused.
    """
    if not value.isprintable() or not value.isascii():
        message = f"the header {name} holds characters that no header may hold"
        raise CallRefused(message)
    return value


def _stages(seen: _Seen) -> "object":
    async def note(event: str, _info: object) -> None:
        if event == "http11.send_request_headers.started":
            seen.stage = "sending the request"
        elif event == "http11.receive_response_headers.started":
            seen.stage = "waiting for the answer"

    return note


async def _read(response: httpcore.Response, seen: _Seen) -> None:
    """Take in an answer up to the cap; what comes behind it is left unread, and the connection closed."""
    seen.status, seen.stage = response.status, "reading the answer"
    for name, value in response.headers[:MOST_HEADERS]:
        seen.headers[name.decode("latin-1").lower()] = value.decode("latin-1")[:LONGEST_HEADER]
    count = 0
    async for part in response.aiter_stream():
        count += len(part)
        seen.kept += part[: seen.keep - len(seen.kept)]
        if count >= seen.most:
            return
    seen.is_whole = True
    give_up_if_more_came(response)
