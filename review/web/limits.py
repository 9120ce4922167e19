"""How much a caller may ask for: rates per key, project, session and address, and places for those who wait.

All of it is counted in this process's memory, in bounded tables, and costs no statement: see docs/adr/0029.
"""

import math
from collections.abc import Generator
from contextlib import contextmanager
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from time import monotonic
from typing import Any, ClassVar, TypeVar, cast
from uuid import UUID

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from review.kernel.errors import ReviewError
from review.kernel.sentences import say
from review.kernel.settings import Settings
from review.web.buckets import Bucket, Share, Shares

K = TypeVar("K")
V = TypeVar("V")

PROJECT = say("this project")
CALLER = "countersign_caller"  # scope key of the `Caller`
MOST_KNOWN = 10_000  # entries of each table; the oldest goes when one more comes
ITEMS_A_REQUEST = 8  # items of a batch that cost as much as one request: batches take in 4 to 9 times as many a second
GUESSES_A_SECOND, GUESSES_AT_ONCE = 1, 200  # keys and sessions that nobody knows, by address
PAGES_A_SECOND, PAGES_AT_ONCE = 20, 200  # by session: a person who holds a key down makes about 30 a second


class RateLimited(ReviewError):
    """The key, its project, the session or the address has asked for more than it may in this time."""

    code: ClassVar[str] = "rate_limited"
    status: ClassVar[int] = 429

    def __init__(self, whose: str, seconds: float) -> None:
        self.retry_after = max(1, math.ceil(seconds))
        super().__init__(
            say(
                "The limit of %(whose)s is reached; nothing was done. Send the request again in %(retry_after)s s.",
                whose=whose,
                retry_after=self.retry_after,
            )
        )


class Caller:
    """What one key or session has used; `shares` is there for a key, whose project has a limit too."""

    __slots__ = ("_bucket", "_share", "_shares", "_whose", "policy")

    def __init__(
        self, whose: str, bucket: Bucket | None, shares: Shares | None, now: float, policy: bytes = b""
    ) -> None:
        self.policy = policy
        self._whose = whose
        self._bucket = bucket
        self._shares = shares
        self._share: Share | None = None if shares is None else shares.join(now)

    def take(self, now: float) -> None:
        """Count one request.

        Raises:
            RateLimited (429).
        """
        bucket, shares, share = self._bucket, self._shares, self._share
        if bucket is not None and (seconds := bucket.wait(now)):
            raise RateLimited(self._whose, seconds)
        if shares is not None and share is not None:
            if seconds := shares.wait(share, now):
                raise RateLimited(PROJECT, seconds)
            shares.charge(share, 1.0)
        if bucket is not None:
            bucket.charge(1.0)

    def charge(self, amount: float) -> None:
        """Count what a request turned out to be; it is not refused for that, the next ones are."""
        if self._bucket is not None:
            self._bucket.charge(amount)
        if self._shares is not None and self._share is not None:
            self._shares.charge(self._share, amount)

    def told(self, now: float) -> bytes:
        """Give what the `RateLimit` header says: what is left of each limit, and in how many seconds it is whole."""
        named = ((b'"key"', self._bucket), (b'"project"', self._shares))
        return b", ".join(_told(name, bucket, now) for name, bucket in named if bucket is not None)


def count_items(scope: Any, items: int) -> None:
    """Count a batch as the requests that it stands for."""
    caller: Caller | None = scope.get(CALLER)
    if caller is not None and items > ITEMS_A_REQUEST:
        caller.charge(items / ITEMS_A_REQUEST - 1)


def told(app: ASGIApp) -> ASGIApp:
    """Tell every caller with a key what is left of their limits, in `RateLimit` and `RateLimit-Policy`."""

    async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_told(message: Message) -> None:
            if message["type"] == "http.response.start":
                caller: Caller | None = cast("dict[str, Any]", scope).get(CALLER)
                if caller is not None and caller.policy:
                    headers = [(b"ratelimit-policy", caller.policy), (b"ratelimit", caller.told(monotonic()))]
                    message["headers"] = [*message["headers"], *headers]
            await send(message)

        await app(scope, receive, send_told)

    return middleware


class Places:
    """Places that callers hold for a while; one caller may hold as many as are still free, so half when alone."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[UUID, int] = {}
        self._total = 0

    def has_room(self, who: UUID) -> bool:
        """Tell whether this caller may take one more."""
        return self._held.get(who, 0) < self._most - self._total

    @contextmanager
    def hold(self, who: UUID) -> Generator[None]:
        """Hold a place for the length of the block."""
        self._held[who] = self._held.get(who, 0) + 1
        self._total += 1
        try:
            yield
        finally:
            self._total -= 1
            self._held[who] -= 1
            if not self._held[who]:
                del self._held[who]


class Limits:
    """The limits of one process; a rate of 0 is none."""

    def __init__(self, settings: Settings) -> None:
        self._burst = settings.rate_burst.total_seconds()
        self._per_key, self._per_project = settings.rate_per_key, settings.rate_per_project
        self._callers: dict[bytes, Caller] = {}
        self._projects: dict[UUID, Shares] = {}
        self._strangers: dict[str, Bucket] = {}
        self._arrivals: dict[str, Bucket] = {}
        self.waiting = Places(settings.max_waiters)
        self.streaming = Places(settings.max_streams)
        self._policy = _policy(settings)

    def check(self, scope: Any, secret: str, address: str) -> Caller | None:
        """Count the request of a key or session that was good before, and let a new one be looked up.

        An address that has guessed too often gets no look-up; whoever is known from before passes it all the same.

        Raises:
            RateLimited (429).
        """
        now = monotonic()
        caller = self._callers.get(_digest(secret))
        if caller is not None:
            scope[CALLER] = caller
            caller.take(now)
        elif self._strangers and (bucket := self._strangers.get(_network(address))) and (left := bucket.wait(now)):
            whose = say("this address, which has sent too many keys that nobody knows,")
            raise RateLimited(whose, left)
        return caller

    def welcome(self, scope: Any, secret: str, project_id: UUID | None) -> None:
        """Count the first request of a key that proved good; one without a project is a browser's session.

        Raises:
            RateLimited: the project has no request left (429).
        """
        now, digest = monotonic(), _digest(secret)
        caller = self._callers.get(digest)  # another of its requests may have come in first
        if caller is None:
            caller = self._new_caller(project_id, now)
            _put(self._callers, digest, caller)
        scope[CALLER] = caller
        caller.take(now)

    def _new_caller(self, project_id: UUID | None, now: float) -> Caller:
        if project_id is None:
            return Caller(say("this session"), Bucket(PAGES_A_SECOND, PAGES_AT_ONCE, now), None, now)
        bucket = Bucket(self._per_key, self._per_key * self._burst, now) if self._per_key else None
        return Caller(say("this key"), bucket, self._shares_of(project_id, now), now, self._policy)

    def turn_away(self, secret: str, address: str) -> None:
        """Count a key or session that nobody knows, or not any more, against the address that sent it."""
        self._callers.pop(_digest(secret), None)
        now = monotonic()
        bucket = _of(self._strangers, address, now)
        bucket.refill(now)
        bucket.charge(1.0)

    def arrive(self, address: str) -> None:
        """Count a stranger who begins something that is kept until they come back, such as going to a provider.

        Raises:
            RateLimited (429).
        """
        now = monotonic()
        bucket = _of(self._arrivals, address, now)
        if seconds := bucket.wait(now):
            whose = say("this address, from which too many sign-ins were begun,")
            raise RateLimited(whose, seconds)
        bucket.charge(1.0)

    def _shares_of(self, project_id: UUID, now: float) -> Shares | None:
        if not self._per_project:
            return None
        shares = self._projects.get(project_id)
        if shares is None:
            shares = Shares(self._per_project, self._per_project * self._burst, now)
            _put(self._projects, project_id, shares)
        return shares


def _policy(settings: Settings) -> bytes:
    """Give what the `RateLimit-Policy` header says: so many requests (`q`) in so many seconds (`w`)."""
    rates = {"key": settings.rate_per_key, "project": settings.rate_per_project}
    burst = settings.rate_burst.total_seconds()
    each = (f'"{name}";q={max(1, int(rate * burst))};w={math.ceil(burst)}' for name, rate in rates.items() if rate)
    return ", ".join(each).encode()


def _told(name: bytes, bucket: Bucket | Shares, now: float) -> bytes:
    level = bucket.refill(now)
    return b"%b;r=%d;t=%d" % (name, max(0, int(level)), math.ceil((bucket.burst - level) / bucket.rate))


def as_session(cookie: str) -> str:
    """Give what a session is counted under: no header holds a line's end, so what is sent as a key is never that."""
    return f"session\n{cookie}"


def _digest(secret: str) -> bytes:
    """Give what a secret is known by here; the secret itself is not kept."""
    return sha256(secret.encode("utf-8", "surrogateescape")).digest()


def _network(address: str) -> str:
    """Give what an address is counted by: itself, or of IPv6 the /64, which one subscriber has whole."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return parsed.packed[:8].hex()


def _of(table: dict[str, Bucket], address: str, now: float) -> Bucket:
    network = _network(address)
    if network not in table:
        _put(table, network, Bucket(GUESSES_A_SECOND, GUESSES_AT_ONCE, now))
    return table[network]


def _put(table: dict[K, V], key: K, value: V) -> None:
    if len(table) >= MOST_KNOWN:
        del table[next(iter(table))]
    table[key] = value
