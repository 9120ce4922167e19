"""What both clients share in speaking HTTP: where the service is, who asks, and how failures are named."""

from collections.abc import AsyncIterator, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from countersign_client.answers import Item
from countersign_client.protocol import Answer, Lost, Request

API = "/api/v1"
CONNECT_SECONDS = 10.0
PIECE_BYTES = 256 * 1024
# Raised before anything was sent.
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


def settings_of(base_url: str, key: str) -> dict[str, Any]:
    """Give what an HTTP client is made with.

    Raises:
        ValueError: the address is none of a service, or the key is empty.
    """
    url = httpx.URL(base_url.rstrip("/").removesuffix(API))
    if url.scheme not in {"http", "https"} or not url.host:
        message = f"{base_url!r} is not the address of a service; write it like https://review.example.com."
        raise ValueError(message)
    if not key.strip():
        message = "The key is empty; `review keys create` prints one."
        raise ValueError(message)
    headers = {"Authorization": f"Bearer {key.strip()}", "User-Agent": f"countersign-client/{_version()}"}
    return {"base_url": str(url).rstrip("/") + API, "headers": headers, "follow_redirects": False}


def arguments_of(request: Request, timeout: float) -> dict[str, Any]:
    """Give a request but for a file that it sends as httpx takes it; the answer may be held as long as was asked."""
    file = {"Content-Length": str(request.content.stat().st_size)} if isinstance(request.content, Path) else {}
    return {
        "method": request.method,
        "url": request.path,
        "params": request.params,
        "headers": {**request.headers, **file},
        "content": None if isinstance(request.content, Path) else request.content,
        "timeout": httpx.Timeout(timeout + request.held_for, connect=min(timeout, CONNECT_SECONDS)),
    }


def pieces_of(path: Path) -> Iterator[bytes]:
    """Read a file piece by piece."""
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


async def pieces_on_loop(path: Path) -> AsyncIterator[bytes]:
    """Read a file piece by piece, letting others have their turn between."""
    for piece in pieces_of(path):
        yield piece


def answer_of(response: httpx.Response, content: bytes) -> Answer:
    """Give a response as the protocol reads it."""
    return Answer(response.status_code, _headers(response.headers), content)


def lost_by(fault: httpx.RequestError) -> Lost:
    """Say why no whole answer came."""
    return Lost(str(fault) or type(fault).__name__, sent=not isinstance(fault, UNSENT))


def id_of(item: Item | UUID | str) -> UUID | str:
    """Give the id of what is an item or its id."""
    return item.id if isinstance(item, Item) else item


def _headers(headers: httpx.Headers) -> Mapping[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _version() -> str:
    try:
        return version("countersign-client")
    except PackageNotFoundError:  # run from a checkout
        return "0"
