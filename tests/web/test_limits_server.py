"""A server process under hostile requests: each is refused, cheaply, and everybody else is served (promise 28)."""

import asyncio
import gzip
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
import pytest_asyncio

from review.embedded.redis import EmbeddedRedis
from review.kernel.settings import Settings
from tests.faults.processes import running
from tests.make import World, submission

MOST_CPU_SECONDS = 0.1
MOST_RSS_BYTES = 64 * 1024 * 1024
ROUNDS = 5  # of each request; the cheapest counts, for the machine does other things too
TICK = os.sysconf("SC_CLK_TCK")
MEGABYTE = b"x" * 1024 * 1024


@dataclass
class Target:
    """A server process, as somebody outside sees it and as the machine does."""

    host: str
    port: int
    pid: int
    key: str

    def head(self, method: str, path: str, *fields: str, host: str | None = None) -> bytes:
        named = [f"Host: {host or f'{self.host}:{self.port}'}", f"Authorization: Bearer {self.key}", *fields]
        return "\r\n".join([f"{method} {path} HTTP/1.1", *named, "", ""]).encode("latin-1")

    def post(self, body: bytes, *fields: str, path: str = "/api/v1/items") -> bytes:
        return self.head("POST", path, f"Content-Length: {len(body)}", *fields) + body

    async def say(self, *pieces: bytes) -> tuple[int, bytes]:
        """Send this and give the status and the body of the first answer; 0 where there is none."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        sending = asyncio.create_task(_send(writer, pieces))
        try:
            async with asyncio.timeout(30):
                return await _answer(reader)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            writer.transport.abort()

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def rss(self, what: str = "VmRSS") -> int:
        (line,) = [each for each in Path(f"/proc/{self.pid}/status").read_text().splitlines() if each.startswith(what)]
        return int(line.split()[1]) * 1024

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")  # then VmHWM begins anew

    async def settled(self) -> None:
        """Wait until the process does nothing more."""
        while True:
            before = self.cpu_seconds()
            await asyncio.sleep(0.05)
            if self.cpu_seconds() - before < 2 / TICK:
                return


FORM = ("Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: same-origin")


async def _send(writer: asyncio.StreamWriter, pieces: tuple[bytes, ...]) -> None:
    for piece in pieces:
        writer.write(piece)
        await writer.drain()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return 0, b""
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    body = await reader.readexactly(int(fields.get(b"content-length", b"0")))
    return int(head.split()[1]), body


@asynccontextmanager
async def serving(settings: Settings, world: World) -> AsyncGenerator[Target]:
    async with running(settings, "web", "--port", "0") as process:
        parts = urlsplit(await process.listening())
        assert parts.hostname is not None
        assert parts.port is not None
        target = Target(parts.hostname, parts.port, process.process.pid, world.service_key)
        assert (await target.say(target.post(msgspec.json.encode(submission()))))[0] == 201
        yield target


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def target(shared_database_url: str, redis_server: EmbeddedRedis, peopled: World) -> AsyncIterator[Target]:
    """One server for all: what a request leaves behind in it must not make the next one dear either."""
    settings = Settings(database_url=shared_database_url, redis_url=redis_server.url())
    async with serving(settings, peopled) as served:
        yield served


def item(**more: object) -> bytes:
    return msgspec.json.encode(submission() | more)


def deep(levels: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    return item().replace(b'"where is my card"', opening * levels + closing * levels)


def names(count: int) -> bytes:
    """An object of so many keys, as short as they can be."""
    return b'{"type":"ticket_intent","output":{},"input":{%b}}' % b",".join(b'"%x":1' % at for at in range(count))


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in chunks) + b"0\r\n\r\n"


CHUNKED = "Transfer-Encoding: chunked"
Attack = Callable[[Target], tuple[bytes, ...]]
ATTACKS: dict[str, tuple[set[int], Attack]] = {
    "100 MB": ({413}, lambda to: (to.head("POST", "/api/v1/items", "Content-Length: 104857600"), *[MEGABYTE] * 100)),
    "100 MB in chunks": (
        {413},
        lambda to: (to.head("POST", "/api/v1/items", CHUNKED), *[b"100000\r\n%b\r\n" % MEGABYTE] * 100),
    ),
    "gzip bomb": ({415}, lambda to: (to.post(gzip.compress(bytes(50_000_000)), "Content-Encoding: gzip"),)),
    "100,000 deep": ({400}, lambda to: (to.post(deep(100_000)),)),
    "100,000 deep objects": ({400}, lambda to: (to.post(deep(100_000, b'{"a":', b"}")),)),
    "1,000,000 open brackets": ({400}, lambda to: (to.post(b"[" * 1_000_000),)),
    "1,000,000 keys": ({400}, lambda to: (to.post(names(1_000_000)),)),
    "3,000,000 numbers": ({400}, lambda to: (to.post(item().replace(b"0.5", b"[%b1]" % (b"1," * 3_000_000))),)),
    "a batch of 3,000,000": (
        {400},
        lambda to: (to.post(b'{"items":[%b1]}' % (b"1," * 3_000_000), path="/api/v1/items/batch"),),
    ),
    "10,000,000 empty lines": (
        {422},
        lambda to: (to.post(b"\n" * 10_000_000, "Content-Type: application/x-ndjson", path="/api/v1/items/batch"),),
    ),
    "1,000,000 digits": ({400}, lambda to: (to.post(item().replace(b"0.5", b"9" * 1_000_000)),)),
    "an integer beyond 2**53": ({400}, lambda to: (to.post(item(metadata={"n": 2**60})),)),
    "an endless exponent": ({400}, lambda to: (to.post(item().replace(b"0.5", b"1e999999999")),)),
    "NaN": ({400}, lambda to: (to.post(item().replace(b"0.5", b"NaN")),)),
    "a key twice": ({400}, lambda to: (to.post(item()[:-1] + b',"type":"other"}'),)),
    "10,000 fields": ({431}, lambda to: (to.head("GET", "/healthz", *["X-A: b"] * 10_000),)),
    "a header of 1 MB": ({431}, lambda to: (to.head("GET", "/healthz", "X-A: " + "b" * 1_000_000),)),
    "an address of 100 KB": ({414}, lambda to: (to.head("GET", "/" + "a" * 100_000),)),
    "a query of 7 KB": ({400}, lambda to: (to.head("GET", "/api/v1/items?" + "a=b&" * 1_750),)),
    "another's host": ({400}, lambda to: (to.head("GET", "/healthz", host="evil.example"),)),
    "an absurd host": ({400}, lambda to: (to.head("GET", "/sign-in", host="a" * 5_000),)),
    "a host that is none": ({400}, lambda to: (to.head("GET", "/sign-in", host="http://["),)),
    "two hosts": ({400}, lambda to: (to.head("GET", "/sign-in", "Host: evil.example"),)),
    "two lengths": ({400}, lambda to: (to.head("POST", "/api/v1/items", "Content-Length: 1", "Content-Length: 2"),)),
    "a length and chunks": ({400}, lambda to: (to.head("POST", "/api/v1/items", "Content-Length: 5", CHUNKED),)),
    "a length below nothing": ({400}, lambda to: (to.head("POST", "/api/v1/items", "Content-Length: -1"),)),
    "a chunk of no size": ({400}, lambda to: (to.head("POST", "/api/v1/items", CHUNKED), b"zz\r\n")),
    "a chunk of 2**80": ({400}, lambda to: (to.head("POST", "/api/v1/items", CHUNKED), b"%x\r\n" % 2**80)),
    "multipart": (
        {400},
        lambda to: (to.post(b"--b\r\n\r\nx\r\n" * 50_000, "Content-Type: multipart/form-data; boundary=b"),),
    ),
    "a form of 1,000,000 fields": (
        {400},
        lambda to: (to.post(b"a=&" * 1_000_000, *FORM, path="/sign-in"),),
    ),
    "no HTTP at all": ({400}, lambda _to: (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),)),
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", ATTACKS)
async def test_hostile_requests_are_refused_cheaply(target: Target, name: str) -> None:
    statuses, attack = ATTACKS[name]
    pieces = attack(target)
    costs: list[float] = []
    await target.settled()
    target.forget_peak()
    before = target.rss()
    for _ in range(ROUNDS):
        started = target.cpu_seconds()
        status, body = await target.say(*pieces)
        await target.settled()
        costs.append(target.cpu_seconds() - started)
        assert status in statuses, body
        assert msgspec.json.decode(body)["code"] != "internal"
    assert min(costs) <= MOST_CPU_SECONDS, costs
    assert target.rss("VmHWM") - before <= MOST_RSS_BYTES
