"""A candidate that lets more through, rolled out beside the active version, and the worker's turns by hand."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from review.configuration import rollouts
from review.configuration.rollouts import RolloutView, Wish
from review.delivery.feed import service as feed
from review.identity import keys
from review.identity.rules import Principal, Role
from review.intake import service as intake
from review.intake.service import Accepted, Desk
from review.rollout import following, steering
from review.rollout import service as rollout
from review.rollout.service import Found
from review.routing.rollouts import Course, Guard, GuardName, Step
from tests.make import BASE_URL, World, submission

NOW = timedelta(0)


async def admin(world: World, name: str = "ada") -> Principal:
    return world.people.get(name) or await world.add_person(name, Role.ADMIN)


def course(share: float = 0.5, *, guards: tuple[Guard, ...] = (), **steps: float) -> Course:
    """A share, and steps by their hours: `h2=0.8`."""
    return Course(
        share=share,
        steps=tuple(Step(share, timedelta(hours=int(name[1:]))) for name, share in steps.items()),
        guards=guards,
    )


def guard(name: GuardName, bound: float, least: int = 1) -> Guard:
    return Guard(name, bound, least)


async def begin(world: World, version: int, mode: Any = "live", way: Course | None = None, **more: Any) -> RolloutView:
    who = await admin(world)
    wish = Wish(version=version, mode=mode, course=course() if way is None else way, **more)
    async with world.db.transaction() as tx:
        return await rollouts.start(tx, who=who, wish=wish)


async def desk(world: World) -> Desk:
    """The upstream service's way in, as its next request finds it."""
    who = await keys.authenticate_key(world.db.hot, world.service_key)
    config = await world.configs.get(who.project_id, who.config_version)
    candidate = None if who.rollout is None else await world.configs.get(who.project_id, who.rollout.version)
    return Desk(world.db.hot, who, config, BASE_URL, candidate=candidate)


async def submit(world: World, count: int = 1, **more: Any) -> list[Accepted]:
    raws = [msgspec.json.encode(submission(f"number {at}", **more)) for at in range(count)]
    taken = await intake.submit_batch(await desk(world), raws, idempotency_keys=[None] * count)
    return [each for each in taken if isinstance(each, Accepted)]


async def follow(world: World, **more: Any) -> int:
    """Relay what is new, and compare it."""
    await feed.relay(feed.Post(world.db, world.configs, lambda _ids: None, BASE_URL))
    return await following.follow(world.db, world.configs, **more)


async def steer(world: World, *, age: timedelta = NOW) -> int:
    """Have the rollouts looked at, as if that much time had passed."""
    await world.db.hot.execute("UPDATE rollouts SET live_at = live_at - $1::interval", age)
    return await steering.steer(world.db, every=NOW)


async def find(world: World, rollout_id: UUID) -> Found:
    who = await admin(world)
    async with world.db.transaction() as tx:
        return await rollout.get(tx, who=who, rollout_id=rollout_id)


async def versions(world: World) -> dict[int, int]:
    """Count the items by the version that routed them."""
    rows = await world.db.hot.fetch("SELECT config_version, count(*) FROM items GROUP BY 1")
    return {row[0]: row[1] for row in rows}


async def active(world: World) -> int:
    found: int = await world.db.hot.fetchval("SELECT config_version FROM projects WHERE slug = 'support'")
    return found
