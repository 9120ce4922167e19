"""What tests do with a project's webhooks: declare endpoints, owe events, look at deliveries, let time pass."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from review.audit.rules import OPERATOR
from review.configuration.outlets import Webhook
from review.configuration.rules import ProjectConfig
from review.delivery.webhooks import log, service
from review.delivery.webhooks.schemas import DeliveryDetail, EndpointView
from review.kernel.ids import new_id
from review.kernel.sealing import Sealer
from review.kernel.settings import Settings
from tests.delivery.webhooks.receiver import Receiver
from tests.make import World

KINDS = ("item.decided", "item.escalated")


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A relayed event, as the feed hands it on."""

    id: UUID
    kind: str
    payload: dict[str, Any]
    created_at: Any


@dataclass
class Post:
    """A project's webhooks."""

    world: World
    settings: Settings
    version: int = 100
    places: int = 1_000_000  # beyond those that a relay at work gives

    @property
    def project_id(self) -> UUID:
        return self.world.service.project_id

    @property
    def sealer(self) -> Sealer:
        return Sealer.of(self.settings)

    async def declare(self, *endpoints: Webhook) -> ProjectConfig:
        """Apply a configuration with just these endpoints."""
        self.version += 1
        config = msgspec.structs.replace(
            self.world.config, version=self.version, webhooks={each.name: each for each in endpoints}
        )
        async with self.world.db.transaction() as tx:
            await service.sync(tx, self.project_id, config)
        return config

    async def connect(self, receiver: Receiver, name: str = "crm", *, limit: int = 10) -> str:
        """Declare one endpoint and give the receiver its secret."""
        await self.declare(Webhook(name, receiver.url, KINDS, limit))
        receiver.secrets.append(await self.secret(name))
        return name

    async def secret(self, name: str = "crm") -> str:
        async with self.world.db.transaction() as tx:
            return (await service.show_secret(tx, self.sealer, self.project_id, name, actor=OPERATOR)).secret

    async def happen(self, count: int = 1, kind: str = "item.decided", **payload: Any) -> list[UUID]:
        """Have events relayed: written with their body, and handed on."""
        async with self.world.db.transaction() as tx:
            at = await self.world.db.hot.fetchval("SELECT now()")
            events = [Event(id=new_id(), kind=kind, payload=payload, created_at=at) for _ in range(count)]
            await self.world.db.hot.executemany(
                "INSERT INTO events (project_id, id, kind, payload, created_at, body, position)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                [(self.project_id, each.id, kind, _json(payload), at, _body(each), self._place()) for each in events],
            )
            await service.queue(tx, self.project_id, events)
        return [each.id for each in events]

    async def endpoint(self, name: str = "crm") -> EndpointView:
        async with self.world.db.transaction() as tx:
            return await service.get_endpoint(tx, self.project_id, name)

    def _place(self) -> int:
        self.places += 1
        return self.places

    async def deliveries(self, name: str = "crm") -> list[DeliveryDetail]:
        """Give an endpoint's deliveries with their attempts, oldest first."""
        async with self.world.db.transaction() as tx:
            found = (await log.list_deliveries(tx, self.project_id, name, limit=200)).data
            return [await log.get_delivery(tx, self.world.service, each.id) for each in reversed(found)]

    async def delivery_reasons(self) -> set[str | None]:
        return {each.reason for each in await self.deliveries()}

    async def delivery(self) -> DeliveryDetail:
        (only,) = await self.deliveries()
        return only

    async def pass_time(self, length: timedelta) -> None:
        """Let so much time pass for webhooks: every moment they wait for comes nearer by it."""
        for table, columns in (
            ("deliveries", ("next_attempt_at", "lease_until")),
            ("webhook_endpoints", ("wake_at", "resting_until")),
            ("webhook_secrets", ("expires_at",)),
        ):
            moved = ", ".join(f"{column} = {column} - $1::interval" for column in columns)
            await self.world.db.hot.execute(f"UPDATE {table} SET {moved}", length)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _body(event: Event) -> str:
    return _json({"id": event.id, "type": event.kind, "data": event.payload, "word": "Grüße"})
