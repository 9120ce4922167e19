"""What every handler may ask for: the process's connections and caches, the caller, a transaction."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

from litestar import Request
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from review.configuration.rules import ProjectConfig
from review.configuration.service import ConfigCache, ItemTypes
from review.delivery.feed.tail import Tail
from review.identity.rules import Principal
from review.intake.service import Desk
from review.items import queries as items
from review.kernel.db import Database
from review.kernel.hints import Hints
from review.kernel.migrations import Migrations
from review.kernel.settings import Settings
from review.reviewing.service import Bench
from review.web.limits import Limits

# Checking a password takes a processor for a while, and a connection with it: strangers shall not get them all.
SIGN_INS_AT_A_TIME = 2

AnyRequest: TypeAlias = Request[Any, Any, State]


@dataclass(frozen=True)
class Services:
    """The long-lived parts of one web process."""

    settings: Settings
    db: Database
    redis: Redis
    hints: Hints
    tail: Tail
    configs: ConfigCache
    item_types: ItemTypes
    migrations: Migrations
    limits: Limits
    sign_ins: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SIGN_INS_AT_A_TIME))

    @classmethod
    async def start(cls, settings: Settings) -> "Services":
        """Connect to the database; Redis is connected to when it is there."""
        db = await Database.connect(settings)
        redis: Redis = Redis.from_url(settings.redis_url)  # pyright: ignore[reportUnknownMemberType]  untyped upstream

        async def find_closed(named: list[tuple[UUID, UUID]]) -> list[UUID]:
            return await items.list_closed(db.hot, named)

        hints = Hints(redis, find_closed, settings.poll_interval)
        tail = Tail(db.hot, settings.poll_interval, settings.max_streams)
        hints.follow_events(tail.wake)
        hints.start()
        tail.start()
        return cls(
            settings, db, redis, hints, tail, ConfigCache(db), ItemTypes(db), Migrations.load(), Limits(settings)
        )

    def release(self) -> None:
        """Let parked callers and streams go, and keep nobody waiting any more; for a process that is about to stop."""
        self.hints.release()
        self.tail.release()

    async def stop(self) -> None:
        """Let parked callers and streams go, then close every connection."""
        self.release()
        await self.tail.stop()
        await self.hints.stop()
        await self.redis.aclose()
        await self.db.close()

    @property
    def base_url(self) -> str:
        """Give the address that links carry."""
        return self.settings.public_url

    def bench(self) -> Bench:
        """Give what judging needs."""
        return Bench(self.item_types, self.hints.tell_closed, self.base_url)

    async def config_of(self, who: Principal) -> ProjectConfig:
        """Give the configuration that was active when the caller was authenticated."""
        return await self.configs.get(who.project_id, who.config_version)

    async def desk_of(self, who: Principal) -> Desk:
        """Give what taking items in needs."""
        return Desk(self.db.hot, who, await self.config_of(who), self.base_url)


Svc: TypeAlias = NamedDependency[Services]
Who: TypeAlias = NamedDependency[Principal]
Tx: TypeAlias = NamedDependency[AsyncSession]


def provide_services(state: State) -> Services:
    """Give the process's parts, made at start-up."""
    services: Services = state.services
    return services


def provide_who(request: AnyRequest) -> Principal:
    """Give the caller that the route's guard let pass."""
    who: Principal = request.user
    return who


async def provide_tx(state: State) -> AsyncGenerator[AsyncSession]:
    """Give a transaction that is committed after the handler and before the response is sent.

    The only generator among the dependencies: Litestar cleans several up at the same time.
    """
    services: Services = state.services
    async with services.db.transaction() as tx:
        yield tx


DEPENDENCIES = {
    "services": Provide(provide_services, sync_to_thread=False),
    "who": Provide(provide_who, sync_to_thread=False),
    "tx": Provide(provide_tx),
}
