"""What every handler may ask for: the process's connections and caches, the caller, a transaction."""

import asyncio
import os
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

from litestar import Request
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from review.configuration.providers import load_providers
from review.configuration.rules import ProjectConfig
from review.configuration.service import ConfigCache, ItemTypes
from review.delivery.feed.tail import Tail
from review.identity.oidc.service import Federation
from review.identity.rules import Principal
from review.identity.usage import KeyUse
from review.intake.service import Desk
from review.items import queries as items
from review.kernel.db import Database
from review.kernel.hints import Hints
from review.kernel.migrations import Migrations
from review.kernel.settings import Settings
from review.registry.rules import NONE
from review.registry.service import Clearances
from review.reviewing.service import Bench
from review.web.errands import Errands
from review.web.limits import Limits
from review.web.live import Live
from review.web.media import Media
from review.web.watching import KeyWatch

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
    key_use: KeyUse
    federation: Federation
    limits: Limits
    watch: KeyWatch
    live: Live
    media: Media
    clearances: Clearances
    errands: Errands = field(default_factory=Errands)
    sign_ins: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SIGN_INS_AT_A_TIME))

    @classmethod
    async def start(cls, settings: Settings) -> "Services":
        """Connect to the database; Redis is connected to when it is there.

        Raises:
            SettingInvalid: the file of identity providers cannot be used.
        """
        federation = Federation.of(load_providers(settings.oidc_file, os.environ), settings.public_url)
        db = await Database.connect(settings)
        redis: Redis = Redis.from_url(settings.redis_url)  # pyright: ignore[reportUnknownMemberType]  untyped upstream

        async def find_closed(named: list[tuple[UUID, UUID]]) -> list[UUID]:
            return await items.list_closed(db.hot, named)

        hints = Hints(redis, find_closed, settings.poll_interval)
        tail = Tail(db.hot, settings.poll_interval, settings.max_streams)
        hints.follow_events(tail.wake)
        live = Live(settings.max_streams)
        hints.follow_events(live.wake)
        hints.start()
        tail.start()
        key_use, watch = KeyUse(db.hot), KeyWatch(db.hot, settings.poll_interval)
        key_use.start()
        watch.start()
        parts = (ConfigCache(db), ItemTypes(db), Migrations.load(), key_use, federation, Limits(settings), watch, live)
        return cls(settings, db, redis, hints, tail, *parts, Media.of(settings), Clearances(db.hot))

    def release(self) -> None:
        """Let parked callers and streams go, and keep nobody waiting any more; for a process that is about to stop."""
        self.hints.release()
        self.tail.release()
        self.live.release()

    async def stop(self) -> None:
        """Let parked callers and streams go, then close every connection."""
        self.release()
        await self.errands.stop()
        await self.media.close()
        await self.watch.stop()
        await self.tail.stop()
        await self.hints.stop()
        await self.key_use.stop()
        await self.redis.aclose()
        await self.db.close()

    @property
    def base_url(self) -> str:
        """Give the address that links carry."""
        return self.settings.public_url

    def bench(self) -> Bench:
        """Give what judging needs."""
        return Bench(self.item_types, self.hints.tell_closed, self.base_url, self.configs)

    async def config_of(self, who: Principal) -> ProjectConfig:
        """Give the configuration that was active when the caller was authenticated."""
        return await self.configs.get(who.project_id, who.config_version)

    async def hides_of(self, who: Principal) -> dict[str, tuple[str, ...]]:
        """Give the personal fields, by item type, that the caller does not see; asks nothing for those who see them."""
        if who.sees_personal or not who.config_version:
            return {}
        return (await self.config_of(who)).personal

    async def desk_of(self, who: Principal) -> Desk:
        """Give what taking items in needs."""
        config = await self.config_of(who)
        asks = config.clearing.is_asked
        cleared = await self.clearances.get(who.project_id, who.models_stamp) if asks else NONE
        candidate = None if who.rollout is None else await self.configs.get(who.project_id, who.rollout.version)
        return Desk(self.db.hot, who, config, self.base_url, cleared, candidate)


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
