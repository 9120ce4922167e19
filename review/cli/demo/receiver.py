"""The demo's webhook receiver: another service of the same company, told what becomes of its items."""

import asyncio
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

MAX_BYTES = 1_000_000


class Message(msgspec.Struct, frozen=True):
    """What this receiver reads of an event."""

    type: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Told:
    """One event that arrived and whose signature was right."""

    kind: str
    item: str
    data: dict[str, Any]


class Receiver:
    """Listens on a free port of this machine; verifies every call as a user of the `standardwebhooks` library does.

    What it was told waits in `told`. Until it knows the secret it answers 503, so that Countersign tries again.
    """

    def __init__(self) -> None:
        self.told: asyncio.Queue[Told] = asyncio.Queue()
        self.refused = 0
        self._loop = asyncio.get_running_loop()
        self._webhook: Webhook | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Give the address that events are to be sent to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/countersign"

    def trust(self, secret: str) -> None:
        """Take what is signed with this secret from now on."""
        self._webhook = Webhook(secret)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def _take(self, body: bytes, headers: dict[str, str]) -> int:
        if self._webhook is None:
            return 503
        try:
            self._webhook.verify(body, headers)
        except WebhookVerificationError:
            self.refused += 1
            return 401
        event = msgspec.json.decode(body, type=Message)
        item: Any = event.data.get("item")
        told = Told(event.type, item["id"] if item else "", event.data)
        self._loop.call_soon_threadsafe(self.told.put_nowait, told)
        return 204

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = min(int(self.headers.get("content-length", 0)), MAX_BYTES)
                self.send_response(receiver._take(self.rfile.read(length), dict(self.headers)))
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the standard library's name
                """Say nothing; the demo tells what arrived."""

        return Handler
