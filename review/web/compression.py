"""What goes over the wire smaller: files and pages, compressed with gzip for whoever takes it."""

import zlib
from functools import lru_cache
from typing import Any, cast

from litestar.types import ASGIApp, Message, Receive, Scope, Send

TEXTS = {b"text/html", b"text/css", b"text/javascript", b"application/javascript", b"image/svg+xml"}
LEAST_BYTES = 1_000  # a smaller answer is one packet either way
FOR_GOOD, FOR_NOW = 9, 4  # a file is compressed once, a page each time it is shown
GZIP = 16 + zlib.MAX_WBITS
FILES = 256
# Who can have a visitor's browser ask for a page, and measure the answer, learns what is secret in it from how well it
# compresses with words of their own (BREACH). So pages are compressed only where no other site had a hand in asking.
OURS = {b"same-origin", b"none"}


def compressed(app: ASGIApp) -> ASGIApp:
    """Wrap the application so that its pages and files are compressed; JSON and streams go as they are."""

    async def compress(scope: Scope, receive: Receive, send: Send) -> None:
        known = cast("dict[str, Any]", scope)
        if known["type"] != "http" or known["method"] == "HEAD":
            await app(scope, receive, send)
            return
        asked = dict(known["headers"])
        held: Message | None = None
        body = bytearray()

        async def pass_on(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start":
                answered = dict(message["headers"])
                if _is_text(answered):
                    message["headers"] = [*message["headers"], (b"vary", b"Accept-Encoding")]
                    if _may_be_compressed(asked, answered):
                        held = message
                        return
            elif message["type"] == "http.response.body" and held is not None:
                body.extend(message["body"])
                if not message["more_body"]:
                    await _send_smaller(held, bytes(body), send)
                return
            await send(message)

        await app(scope, receive, pass_on)

    return compress


def _is_text(answered: dict[bytes, bytes]) -> bool:
    return answered.get(b"content-type", b"").partition(b";")[0].strip() in TEXTS


def _may_be_compressed(asked: dict[bytes, bytes], answered: dict[bytes, bytes]) -> bool:
    taken = {each.replace(b" ", b"") for each in asked.get(b"accept-encoding", b"").lower().split(b",")}
    is_taken = any(each == b"gzip" or each.startswith(b"gzip;q=") for each in taken - {b"gzip;q=0", b"gzip;q=0.0"})
    is_safe = _is_file(answered) or asked.get(b"sec-fetch-site") in OURS
    return is_taken and is_safe and b"content-encoding" not in answered and b"content-range" not in answered


def _is_file(answered: dict[bytes, bytes]) -> bool:
    """Tell what is the same for everybody, and holds no secret."""
    return b"immutable" in answered.get(b"cache-control", b"")


async def _send_smaller(start: Message, body: bytes, send: Send) -> None:
    given = cast("list[tuple[bytes, bytes]]", start["headers"])  # type: ignore[typeddict-item]  # it is a start
    if len(body) >= LEAST_BYTES:
        body = _compress_for_good(body) if _is_file(dict(given)) else _compress(body, FOR_NOW)
        replaced = {b"content-length": str(len(body)).encode()}
        headers = [(name, _weak(name, replaced.get(name, value))) for name, value in given]
        start["headers"] = [*headers, (b"content-encoding", b"gzip")]  # type: ignore[typeddict-unknown-key]  # it is a start
    await send(start)
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _weak(name: bytes, value: bytes) -> bytes:
    """Say of a tag that it now names the same content in other bytes."""
    return b"W/" + value if name == b"etag" and not value.startswith(b"W/") else value


@lru_cache(FILES)
def _compress_for_good(body: bytes) -> bytes:
    return _compress(body, FOR_GOOD)


def _compress(body: bytes, level: int) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, GZIP)
    return packer.compress(body) + packer.flush()
