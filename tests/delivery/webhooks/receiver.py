"""A receiver, written as a user of the `standardwebhooks` library would write one."""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.delivery.egress.servers import Request, Server, listening


class Receiver:
    """Takes what verifies, remembers it by its id, and answers as it is told to."""

    def __init__(self, *secrets: str) -> None:
        self.secrets = list(secrets)
        self.status = "204 No Content"
        self.headers: dict[str, str] = {}
        self.refused = 0
        self.taken: list[dict[str, Any]] = []
        self.requests: list[Request] = []
        self.most_at_once = self._now = 0
        self.open = asyncio.Event()  # while it is not set, answers wait
        self.open.set()
        self.server = Server(self.behave)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/hook"

    async def behave(self, request: Request, writer: asyncio.StreamWriter) -> None:
        self.requests.append(request)
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            await self.open.wait()
            status = self.status if self.verifies(request) else "401 Unauthorized"
            if status.startswith("2"):
                self.taken.append(json.loads(request.body))
            if status == "reset":
                writer.transport.abort()
                return
            lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
            length = "" if status.startswith("204") else "Content-Length: 0\r\n"
            writer.write(f"HTTP/1.1 {status}\r\n{lines}{length}\r\n".encode())
        finally:
            self._now -= 1

    def verifies(self, request: Request) -> bool:
        for secret in self.secrets:
            try:
                if secret.startswith("whpk_"):
                    verify_ed25519(secret, request)
                else:
                    Webhook(secret).verify(request.body, request.headers)
            except WebhookVerificationError:
                continue
            return True
        self.refused += 1
        return False

    @property
    def ids(self) -> list[str]:
        return [request.headers["webhook-id"] for request in self.requests]


def verify_ed25519(public_key: str, request: Request) -> None:
    """The library knows HMAC alone, so this is what its users write beside it."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    head = request.headers
    signed = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + request.body
    for each in head["webhook-signature"].split(" "):
        version, _, signature = each.partition(",")
        if version == "v1a":
            key.verify(base64.b64decode(signature), signed)
            return
    message = "no ed25519 signature"
    raise WebhookVerificationError(message)


@asynccontextmanager
async def receiving(*secrets: str) -> AsyncGenerator[Receiver]:
    receiver = Receiver(*secrets)
    async with listening(receiver.behave) as server:
        receiver.server = server
        yield receiver
