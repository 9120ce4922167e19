"""A mail server and a chat that answer as a test wants, and the way from events to what they got."""

import asyncio
import email
import email.policy
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import msgspec

from review.configuration.outlets import Channel, Notices
from review.configuration.rules import ProjectConfig
from review.configuration.service import ConfigCache
from review.delivery.feed import service as feed
from review.delivery.feed.rules import Relayed
from review.delivery.notifications import service as notifications
from review.delivery.notifications.channels import Channels
from review.delivery.notifications.dispatch import Dispatcher
from review.items.schemas import ItemView
from review.kernel import outbox
from review.kernel.events import EventKind
from review.kernel.settings import Settings
from tests.make import BASE_URL, World

SENDER = "Countersign <noreply@review.example>"
LOOPBACK = ("127.0.0.0/8",)


class MailServer:
    """Speaks as much SMTP as a client of it needs; `refuse` answers RCPT, `hangs` answers nothing after DATA."""

    def __init__(self) -> None:
        self.port = 0
        self.refuse: str = ""
        self.hangs = False
        self.letters: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.raw: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):  # the test is over
            writer.write(b"220 mail.test ESMTP\r\n")
            while line := await reader.readline():
                verb = line[:4].upper()
                if verb == b"DATA":
                    writer.write(b"354 go on\r\n")
                    body = await reader.readuntil(b"\r\n.\r\n")
                    if self.hangs:
                        await reader.read()
                        break
                    self.raw.append(body)
                    self.letters.append(email.message_from_bytes(body[:-3], policy=email.policy.default))
                elif verb == b"RCPT":
                    if self.refuse:
                        writer.write(f"{self.refuse} no\r\n".encode())
                        continue
                    self.recipients.append(line.decode().partition("<")[2].partition(">")[0])
                elif verb == b"QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                writer.write(b"250 fine\r\n")
        writer.close()


@asynccontextmanager
async def mail_server() -> AsyncGenerator[MailServer]:
    mail = MailServer()
    server = await asyncio.start_server(mail.serve, "127.0.0.1", 0, limit=2**22)
    mail.port = server.sockets[0].getsockname()[1]
    try:
        yield mail
    finally:
        server.close()


class Chat:
    """Takes apprise's `json://`: keeps what was posted, answers `status`, or nothing at all if it hangs."""

    def __init__(self) -> None:
        self.port = 0
        self.status = 200
        self.hangs = False
        self.asked = asyncio.Event()
        self.messages: list[dict[str, Any]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):  # the test is over
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.partition("content-length:")[2].split("\r\n")[0])
            body = await reader.readexactly(length)
            self.asked.set()
            if self.hangs:
                await self._drip(writer)
                return
            if self.status == 200:
                self.messages.append(msgspec.json.decode(body))
            writer.write(f"HTTP/1.1 {self.status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
        writer.close()

    async def _drip(self, writer: asyncio.StreamWriter) -> None:
        """Send a byte now and then, so that no wait for the next one runs out, and never the answer."""
        while self.hangs:
            writer.write(b"H")
            await writer.drain()
            await asyncio.sleep(0.05)
        writer.close()

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}/secret-path-of-the-chat"


@asynccontextmanager
async def chat() -> AsyncGenerator[Chat]:
    found = Chat()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        found.hangs = False
        server.close()


class Fixed(ConfigCache):
    """Gives one configuration, whatever version is asked for."""

    def __init__(self, config: ProjectConfig) -> None:
        self.config = config

    async def get(self, project_id: UUID, version: int) -> ProjectConfig:  # noqa: ARG002  the same for all
        return self.config


def with_channels(config: ProjectConfig, urls: dict[str, str], **notices: Notices) -> ProjectConfig:
    pools = {
        name: msgspec.structs.replace(pool, notices=notices.get(name, pool.notices))
        for name, pool in config.pools.items()
    }
    channels = {name: Channel(name, url) for name, url in urls.items()}
    return msgspec.structs.replace(config, channels=channels, pools=pools)


class _Data(msgspec.Struct):
    item: ItemView | None = None


class _Body(msgspec.Struct):
    data: _Data


async def relayed(world: World, config: ProjectConfig) -> list[Relayed]:
    """Relay what waits, and give all that was ever relayed as receivers get it."""
    await feed.relay(feed.Post(world.db, Fixed(config), lambda _ids: None, BASE_URL))
    statement = "SELECT * FROM events WHERE project_id = $1 AND position IS NOT NULL ORDER BY position"
    return [
        Relayed(
            project_id=row["project_id"],
            id=row["id"],
            kind=row["kind"],
            item_id=row["item_id"],
            payload=msgspec.json.decode(row["payload"]),
            position=row["position"],
            body=row["body"],
            created_at=row["created_at"],
            item=msgspec.json.decode(row["body"], type=_Body).data.item,
        )
        for row in await world.db.hot.fetch(statement, world.service.project_id)
    ]


async def tell(world: World, config: ProjectConfig | None = None) -> None:
    """Relay what waits and queue who is told of it."""
    chosen = config or world.config
    events = await relayed(world, chosen)
    async with world.db.transaction() as tx:
        await notifications.queue(tx, world.service.project_id, chosen, events)


async def emit(world: World, item_id: UUID, kind: EventKind, **payload: Any) -> None:
    async with world.db.transaction() as tx:
        outbox.emit(tx, world.service.project_id, kind, item_id=item_id, payload=payload)


async def rows(world: World, *, of: str = "") -> list[Any]:
    statement = "SELECT * FROM notifications WHERE project_id = $1 AND recipient LIKE $2 ORDER BY recipient, kind, id"
    return list(await world.db.hot.fetch(statement, world.service.project_id, of or "%"))


async def summary(world: World) -> list[tuple[str, str, str]]:
    return [(row["recipient"], row["kind"], row["state"]) for row in await rows(world)]


async def make_due(world: World) -> None:
    """Let so much time pass that everything waiting is due."""
    await world.db.hot.execute("UPDATE notifications SET send_after = now() WHERE state IN ('waiting', 'sending')")


@asynccontextmanager
async def sending(
    world: World,
    config: ProjectConfig | None = None,
    *,
    mail: MailServer | None = None,
    environ: dict[str, str] | None = None,
    networks: Sequence[str] = LOOPBACK,
    within_seconds: float = 20,
) -> AsyncGenerator[Dispatcher]:
    chosen: Settings = msgspec.structs.replace(
        world.settings,
        base_url=BASE_URL,
        smtp_url=f"smtp://127.0.0.1:{mail.port}" if mail else "",
        smtp_sender=SENDER if mail else "",
    )
    channels = Channels(tuple(networks), within_seconds=within_seconds)
    dispatcher = Dispatcher(world.db, Fixed(config or world.config), chosen, environ or {}, channels=channels)
    try:
        yield dispatcher
    finally:
        await dispatcher.close()


async def send_all(dispatcher: Dispatcher) -> None:
    """Take turns until nothing is due any more."""
    while await dispatcher.turn():
        await dispatcher.settle()
